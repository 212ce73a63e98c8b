"""What a sidecar lets in: a listener for each served port, or one for all that is redirected, and the program behind.

What is listened on follows from the ports alone. Who may call is another resource (see `rbac`), without which nothing
passes. The program is never reached before who calls was admitted. Of connections that are just bytes that is when the
handshake is done (see `admission`), so that a program may speak first, as those of MySQL and SMTP do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from ipaddress import ip_address

from envoy.config.cluster.v3.cluster_pb2 import Cluster  # type: ignore[import-untyped]
from envoy.config.core.v3.address_pb2 import Address  # type: ignore[import-untyped]
from envoy.config.core.v3.base_pb2 import DataSource, TrafficDirection  # type: ignore[import-untyped]
from envoy.config.listener.v3.listener_components_pb2 import (  # type: ignore[import-untyped]
    FilterChain,
    FilterChainMatch,
    ListenerFilter,
)
from envoy.config.listener.v3.listener_pb2 import AdditionalAddress, Listener  # type: ignore[import-untyped]
from envoy.config.route.v3.route_components_pb2 import (  # type: ignore[import-untyped]
    DirectResponseAction,
    RetryPolicy,
    Route,
    RouteAction,
    RouteMatch,
    VirtualHost,
)
from envoy.config.route.v3.route_pb2 import RouteConfiguration  # type: ignore[import-untyped]
from envoy.extensions.filters.listener.original_dst.v3.original_dst_pb2 import (  # type: ignore[import-untyped]
    OriginalDst,
)
from envoy.extensions.filters.listener.tls_inspector.v3.tls_inspector_pb2 import (  # type: ignore[import-untyped]
    TlsInspector,
)
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import (  # type: ignore[import-untyped]
    HttpProtocolOptions as Upstream,
)
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher  # type: ignore[import-untyped]
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import UInt32Value

from licet.mesh.envoy import access_log, clusters, names, serving, tls
from licet.mesh.envoy.address import inet, local, pipe
from licet.mesh.envoy.http import BUFFERED
from licet.mesh.envoy.rbac import hears_strangers
from licet.mesh.envoy.source import duration, packed
from licet.mesh.fleet import Settings, Stage
from licet.mesh.intent import Intent, Served, Speaks
from licet.mesh.resource import Resource
from licet.mesh.sidecar import Capture, Sidecar

_HANDSHAKE = timedelta(seconds=10)
_TOLD_APART = timedelta(seconds=2)
_KEPT = timedelta(seconds=4)
"""Unused connections to the program are given up before it gives them up itself, as many do after five seconds."""
_AMBIGUOUS = r".*/(?:\.|%2[eE]){1,2};.*"
"""To some a segment `..;` is a `..`, after a policy has read it as a name."""
_NOTHING = "/dev/null/nothing"
"""No file can be in what is no folder."""
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def listeners(sidecar: Sidecar, intent: Intent, stage: Stage, settings: Settings) -> tuple[Resource, ...]:
    """Listeners for everything that the workload serves, which no change of its callers changes."""
    if sidecar.capture is Capture.EXPLICIT:
        return tuple(
            _listener(
                names.inbound(served.port),
                [inet(sidecar.address, served.port)],
                filter_chains=list(_chains(served, intent, stage, settings)),
                listener_filters=[_tls_inspector()],
            )
            for served in intent.serves
        )
    # Where there is no IPv6 an address of it would have the whole listener refused.
    hosts = ["0.0.0.0"] if ip_address(sidecar.address).version == 4 else ["0.0.0.0", "::"]
    captured = _listener(
        names.CAPTURED_IN,
        [inet(host, names.PORT_IN) for host in hosts],
        filter_chains=list(_by_destination(intent, stage, settings)),
        # What is let through where the port is one that nothing is served on: nothing.
        default_filter_chain=FilterChain(name=names.REFUSED, filters=[serving.refusing()]),
        listener_filters=[_original_destination(), _tls_inspector()],
    )
    return (captured,)


def routes(intent: Intent) -> tuple[Resource, ...]:
    """Routes of the ports that speak HTTP: to the program, but for what the prober asks the sidecar itself."""
    return tuple(_routes(served.port) for served in intent.serves if served.speaks is Speaks.HTTP)


def programs(sidecar: Sidecar, intent: Intent) -> tuple[Resource, ...]:
    """Clusters of the program itself, for each served port; ValueError where it says to be at what is no address.

    Where nothing else is said it is at the same port on 127.0.0.1, also where traffic is redirected: loopback is not,
    and a program in a pod listens on every address.
    """
    found = []
    for served in intent.serves:
        at = sidecar.apps.get(served.port)
        address = inet("127.0.0.1", served.port) if at is None else local(at)
        found.append(Resource.of(names.app(served.port), _program(served.port, address)))
    if any(served.speaks is Speaks.TCP for served in intent.serves):
        found.append(Resource.of(names.NOWHERE, clusters.fixed(names.NOWHERE, pipe(_NOTHING))))
    return tuple(found)


def _chains(served: Served, intent: Intent, stage: Stage, settings: Settings) -> Iterator[FilterChain]:
    port, name = served.port, names.inbound(served.port)
    proven = FilterChainMatch(transport_protocol="tls")
    if served.speaks is Speaks.HTTP:
        yield _chain(
            name, proven, serving.requests(served, intent, names.policy(served.port), settings), (tls.H2, tls.HTTP1)
        )
    else:
        yield _chain(name, proven, serving.connections(served, names.policy(port), names.admission(port), settings), ())
        alive = FilterChainMatch(transport_protocol="tls", server_names=[f"*.{names.ALIVE_NAME}"])
        yield _chain(f"{name}/alive", alive, serving.alive(served), ())
    if hears_strangers(served, stage):
        plain = FilterChainMatch(transport_protocol="raw_buffer")
        filters = (
            serving.requests(served, intent, names.plain_policy(served.port), settings)
            if served.speaks is Speaks.HTTP
            else serving.connections(served, names.plain_policy(port), names.plain_admission(port), settings)
        )
        yield FilterChain(name=f"{name}/plain", filter_chain_match=plain, filters=filters)


def _chain(name: str, match: FilterChainMatch, filters: Iterable[Message], protocols: tuple[str, ...]) -> FilterChain:
    return FilterChain(
        name=name,
        filter_chain_match=match,
        filters=filters,
        transport_socket=tls.downstream(protocols),
        transport_socket_connect_timeout=duration(_HANDSHAKE),
    )


def _by_destination(intent: Intent, stage: Stage, settings: Settings) -> Iterator[FilterChain]:
    for served in intent.serves:
        for chain in _chains(served, intent, stage, settings):
            chain.filter_chain_match.destination_port.value = served.port
            yield chain


def _listener(name: str, addresses: list[Address], **chains: object) -> Resource:
    first, *others = addresses
    listener = Listener(
        name=name,
        address=first,
        additional_addresses=[AdditionalAddress(address=each) for each in others],
        traffic_direction=TrafficDirection.INBOUND,
        per_connection_buffer_limit_bytes=UInt32Value(value=BUFFERED),
        access_log=[access_log.of_failed_handshakes(name)],
        # Of fewer than five bytes nobody can tell that they are not TLS; who has no more to say is not kept out.
        listener_filters_timeout=duration(_TOLD_APART),
        continue_on_listener_filters_timeout=True,
        **chains,
    )
    return Resource.of(name, listener)


def _tls_inspector() -> ListenerFilter:
    return ListenerFilter(name="envoy.filters.listener.tls_inspector", typed_config=packed(TlsInspector()))


def _original_destination() -> ListenerFilter:
    return ListenerFilter(name="envoy.filters.listener.original_dst", typed_config=packed(OriginalDst()))


def _routes(port: int) -> Resource:
    name = names.inbound(port)
    alive = Route(
        name="alive",
        match=RouteMatch(prefix=names.ALIVE_PATH),
        direct_response=DirectResponseAction(status=200, body=DataSource(inline_string="alive\n")),
    )
    ambiguous = Route(
        name="ambiguous",
        match=RouteMatch(safe_regex=RegexMatcher(regex=_AMBIGUOUS)),
        direct_response=DirectResponseAction(status=400),
    )
    # Tried again only where the program cannot have begun.
    again = RetryPolicy(
        retry_on="connect-failure,refused-stream,reset-before-request", num_retries=UInt32Value(value=2)
    )
    forever = duration(timedelta(0))
    program = Route(
        name=names.app(port),
        match=RouteMatch(prefix="/"),
        route=RouteAction(cluster=names.app(port), timeout=forever, retry_policy=again),
    )
    hosts = [VirtualHost(name=name, domains=["*"], routes=[ambiguous, alive, program])]
    return Resource.of(name, RouteConfiguration(name=name, virtual_hosts=hosts))


def _program(port: int, address: Address) -> Cluster:
    cluster = clusters.fixed(names.app(port), address)
    options = Upstream()
    cluster.typed_extension_protocol_options[_HTTP].Unpack(options)
    options.common_http_protocol_options.idle_timeout.CopyFrom(duration(_KEPT))
    cluster.typed_extension_protocol_options[_HTTP].CopyFrom(packed(options))
    return cluster
