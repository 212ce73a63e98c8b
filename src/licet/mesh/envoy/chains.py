"""Filter chains of what a workload calls, alike however its traffic is captured.

What is refused whole is told of under `refused` and the destination, where the sidecar knows that. Of other refusals an
RBAC filter says the rule, `default-deny`.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.core.v3.address_pb2 import Address  # type: ignore[import-untyped]
from envoy.config.core.v3.base_pb2 import TrafficDirection  # type: ignore[import-untyped]
from envoy.config.listener.v3.listener_components_pb2 import (  # type: ignore[import-untyped]
    FilterChain,
    ListenerFilter,
    ListenerFilterChainMatchPredicate,
)
from envoy.config.listener.v3.listener_pb2 import AdditionalAddress, Listener  # type: ignore[import-untyped]
from envoy.extensions.filters.listener.tls_inspector.v3.tls_inspector_pb2 import (  # type: ignore[import-untyped]
    TlsInspector,
)
from envoy.type.v3.range_pb2 import Int32Range  # type: ignore[import-untyped]
from google.protobuf.wrappers_pb2 import UInt32Value

from licet.mesh.envoy import forwarding, judging, names
from licet.mesh.envoy.http import BUFFERED
from licet.mesh.envoy.source import packed
from licet.mesh.fleet import Settings, Stage
from licet.mesh.intent import Speaks
from licet.mesh.resource import Resource
from licet.mesh.sidecar import Sidecar
from licet.mesh.ways import Way


def to_callee(way: Way, sidecar: Sidecar, settings: Settings) -> FilterChain:
    """To any instance of a callee."""
    return _to_callee(way, names.outbound(way.destination), sidecar, settings)


def to_instance(way: Way, sidecar: Sidecar, settings: Settings) -> FilterChain:
    """To the very instance of a callee that was called."""
    return _to_callee(way, names.direct(way.destination), sidecar, settings)


def to_address(way: Way, cluster: str, sidecar: Sidecar, settings: Settings) -> FilterChain:
    """To addresses without an identity, as bytes unless only some requests were agreed to.

    They last as long as they like: no certificate of ours is outlived by them.
    """
    name = names.outbound(way.destination)
    last = forwarding.requests(sidecar, settings, name) if way.narrowed else forwarding.connections(name, cluster)
    return FilterChain(name=name, filters=[last])


def passing(name: str, log: str, cluster: str, stage: Stage) -> FilterChain:
    """To what nobody agreed to, at a stage that lets it pass."""
    return FilterChain(name=name, filters=[judging.connections(stage), forwarding.connections(log, cluster)])


def refusing(name: str, log: str = names.REFUSED) -> FilterChain:
    """To nobody: connections are closed."""
    return FilterChain(name=name, filters=[forwarding.connections(log, names.REFUSED)])


def asking_name(ports: Iterable[int] = ()) -> ListenerFilter:
    """Reads the name that is asked for in TLS, on these ports alone if any are given.

    Elsewhere it would wait in vain where it is the server that speaks first.
    """
    disabled = None
    ranges = [_port(each) for each in sorted(ports)]
    if ranges:
        anywhere = ranges[0] if len(ranges) == 1 else _Predicate(or_match=_Predicate.MatchSet(rules=ranges))
        disabled = _Predicate(not_match=anywhere)
    return ListenerFilter(
        name="envoy.filters.listener.tls_inspector", typed_config=packed(TlsInspector()), filter_disabled=disabled
    )


def listener(name: str, addresses: Iterable[Address], **parts: object) -> Resource:
    """A listener of the workload's own calls. It goes on taking them when the sidecar says that it is about to end."""
    first, *others = addresses
    return Resource.of(
        name,
        Listener(
            name=name,
            address=first,
            additional_addresses=[AdditionalAddress(address=each) for each in others],
            traffic_direction=TrafficDirection.OUTBOUND,
            drain_type=Listener.MODIFY_ONLY,
            per_connection_buffer_limit_bytes=UInt32Value(value=BUFFERED),
            **parts,
        ),
    )


_Predicate = ListenerFilterChainMatchPredicate


def _port(number: int) -> ListenerFilterChainMatchPredicate:
    return _Predicate(destination_port_range=Int32Range(start=number, end=number + 1))


def _to_callee(way: Way, name: str, sidecar: Sidecar, settings: Settings) -> FilterChain:
    log = names.outbound(way.destination)
    if way.speaks is Speaks.HTTP:
        return FilterChain(name=name, filters=[forwarding.requests(sidecar, settings, log, name)])
    return FilterChain(name=name, filters=[forwarding.connections(log, name, settings.connection_age)])
