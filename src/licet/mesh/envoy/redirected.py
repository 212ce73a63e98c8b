"""The listener that the kernel leads all calls of a workload to, whatever address they are for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from envoy.config.core.v3.address_pb2 import Address  # type: ignore[import-untyped]
from envoy.config.listener.v3.listener_components_pb2 import (  # type: ignore[import-untyped]
    FilterChain,
    ListenerFilter,
)
from envoy.extensions.filters.listener.original_dst.v3.original_dst_pb2 import (  # type: ignore[import-untyped]
    OriginalDst,
)

from licet.mesh.envoy import captured, chains, egress, names
from licet.mesh.envoy.address import inet
from licet.mesh.envoy.captured import Port
from licet.mesh.envoy.source import packed
from licet.mesh.fleet import Fleet, Stage
from licet.mesh.intent import Call, Callee, Outside
from licet.mesh.resource import Resource
from licet.mesh.sidecar import Sidecar
from licet.mesh.ways import Way, to_addresses, to_callees, to_names
from licet.model.addresses import AddressSet


def listener(sidecar: Sidecar, calls: tuple[Call, ...], fleet: Fleet) -> Resource:
    """The listener. What was called at an instance's own address comes to that instance, and at a Service's to any."""
    callees, addresses, named = to_callees(calls), to_addresses(calls), to_names(calls)
    in_tls = [way for way in named if egress.by_server_name(way)]
    inspectors = [ListenerFilter(name="envoy.filters.listener.original_dst", typed_config=packed(OriginalDst()))]
    if in_tls:
        inspectors.append(chains.asking_name({way.port for way in in_tls}))
    stage = fleet.stage(sidecar.id)
    default = (
        chains.refusing(names.REFUSED)
        if stage is Stage.ENFORCE
        else chains.passing(names.REFUSED, names.CAPTURED_OUT, names.OUTSIDE, stage)
    )
    return chains.listener(
        names.CAPTURED_OUT,
        _addresses(sidecar),
        listener_filters=inspectors,
        filter_chain_matcher=captured.chosen(ports(callees, addresses, named, fleet), names.REFUSED),
        filter_chains=[*_chains(callees, addresses, named, sidecar, fleet), default],
    )


def ports(
    callees: Iterable[Way], addresses: Iterable[Way], named: Sequence[Way], fleet: Fleet
) -> dict[int, captured.Port]:
    """What leads where. Of two callees at one address the first has it; the other's identity is not shown there."""
    found: dict[int, _Leading] = {}
    for way in callees:
        assert isinstance(way.to, Callee)
        for instance in fleet.instances.get(way.to.key, ()):
            known = found.setdefault(way.port, _Leading()).instances
            known.setdefault(instance.address, names.direct(way.destination))
        for front in fleet.services.get(way.to.key, ()):
            if front.target == way.port:
                known = found.setdefault(front.port, _Leading()).instances
                known.setdefault(front.address, names.outbound(way.destination))
    for way in addresses:
        assert isinstance(way.to, Outside)
        leading = found.setdefault(way.port, _Leading())
        leading.outside.append((way.to.addresses, names.outbound(way.destination)))
    for way in exact_first(named):
        leading = found.setdefault(way.port, _Leading())
        if egress.by_host(way):
            leading.otherwise = plain_http(way.port)
        elif egress.by_server_name(way):
            leading.servers.append((egress.pattern(way), names.outbound(way.destination)))
    return {number: leading.port() for number, leading in found.items()}


def plain_http(port: int) -> str:
    """The chain, the log and the routes of names that are asked for in plain HTTP."""
    return names.outbound(f"*:{port}")


class _Leading:
    def __init__(self) -> None:
        self.instances: dict[str, str] = {}
        self.outside: list[tuple[AddressSet, str]] = []
        self.servers: list[tuple[str, str]] = []
        self.otherwise = ""

    def port(self) -> Port:
        return Port(self.instances, self.outside, self.servers, self.otherwise)


def _chains(
    callees: Iterable[Way], addresses: Iterable[Way], named: Iterable[Way], sidecar: Sidecar, fleet: Fleet
) -> Iterator[FilterChain]:
    settings = fleet.settings
    for way in callees:
        yield chains.to_instance(way, sidecar, settings)
        yield chains.to_callee(way, sidecar, settings)
    for way in addresses:
        yield chains.to_address(way, names.OUTSIDE, sidecar, settings)
    named = tuple(named)
    for way in named:
        if egress.by_server_name(way):
            yield egress.in_tls(way, settings)
    for port in sorted({way.port for way in named if egress.by_host(way)}):
        yield egress.in_http(plain_http(port), sidecar, settings)


def exact_first(named: Iterable[Way]) -> list[Way]:
    """Names before wildcards that they fall under."""
    return sorted(named, key=lambda way: (way.destination.startswith("*."), way.destination))


def _addresses(sidecar: Sidecar) -> list[Address]:
    """Where the kernel leads connections of each family; of IPv6 only where the workload has an address of it."""
    hosts = ["127.0.0.1"] if ip_address(sidecar.address).version == 4 else ["127.0.0.1", "::1"]
    return [inet(host, names.PORT_OUT) for host in hosts]
