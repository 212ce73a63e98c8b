"""Where a call to a Kubernetes Service arrives: which workloads, on which of their own ports."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

import msgspec

from licet.contracts.agreement import Addresses, Domain, End
from licet.contracts.contract import Port
from licet.contracts.roster import Roster
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.ports import NO_PORTS, NamedPort, PortRange, PortSet
from licet.model.service import EndpointSlice, Service, ServicePort


class Arrival(msgspec.Struct, frozen=True):
    """One end behind a Service, and the ports of that end that were asked for."""

    end: End
    ports: PortSet


class Services:
    """Follows the Services of one cluster."""

    def __init__(self, cluster: Cluster, roster: Roster) -> None:
        self._roster = roster
        self._services = {(s.key.namespace, s.key.name): s for s in cluster.services}
        self._slices: dict[tuple[str, str], list[EndpointSlice]] = {}
        for piece in cluster.slices:
            self._slices.setdefault((piece.key.namespace, piece.service), []).append(piece)

    def find(self, namespace: str, name: str) -> Service | None:
        """The Service of that name."""
        return self._services.get((namespace, name))

    def close(self, namespace: str, name: str) -> str:
        """The Service of a namespace that comes closest to a name, as `namespace/name`; "" where none does."""
        best = difflib.get_close_matches(name, [own for home, own in self._services if home == namespace], 1)
        return f"{namespace}/{best[0]}" if best else ""

    def follow(self, service: Service, asked: tuple[Port, ...]) -> list[Arrival]:
        """The ends behind a Service, each on the ports that the asked ones lead to; no asked port means all."""
        if service.external_name:
            return [Arrival(Domain(service.external_name), _as_asked(service, asked))]
        ports = [port for port in service.ports if not asked or any(_is_asked(port, one) for one in asked)]
        if service.selector is None:
            return list(self._behind_slices(service, ports))
        return [
            Arrival(key, PortSet.of(*self._targets(key, ports)))
            for key in self._roster.selected(service.key.namespace, service.selector)
        ]

    def _targets(self, key: Key, ports: Iterable[ServicePort]) -> Iterator[PortRange]:
        for port in ports:
            if isinstance(port.target, int):
                yield PortRange(port.protocol, port.target, port.target)
                continue
            for member in self._roster.members[key]:
                for _, number in member.port_numbers(port.target, port.protocol):
                    yield PortRange(port.protocol, number, number)

    def _behind_slices(self, service: Service, ports: list[ServicePort]) -> Iterator[Arrival]:
        for piece in self._slices.get((service.key.namespace, service.key.name), ()):
            spans = [
                PortRange(p.protocol) if p.port is None else PortRange(p.protocol, p.port, p.port)
                for p in piece.ports
                if any((p.name, p.protocol) == (port.name, port.protocol) for port in ports)
            ]
            found = PortSet.of(*spans)
            pods = [key for key in self._roster.in_namespace(service.key.namespace) if self._is_held(piece, key)]
            for key in pods:
                yield Arrival(key, found)
            outside = piece.addresses - self._addresses(pods)
            if outside:
                yield Arrival(Addresses(outside, f"Service {service.key.namespace}/{service.key.name}"), found)

    def _is_held(self, piece: EndpointSlice, key: Key) -> bool:
        return any(
            (member.key.kind == "Pod" and member.key.name in piece.pods) or member.addresses & piece.addresses
            for member in self._roster.members[key]
        )

    def _addresses(self, keys: Iterable[Key]) -> AddressSet:
        found = AddressSet()
        for key in keys:
            for member in self._roster.members[key]:
                found |= member.addresses
        return found


def missing_ports(service: Service, asked: tuple[Port, ...]) -> list[Port]:
    """What is asked of a Service and none of its ports; an ExternalName has no ports of its own to miss."""
    if service.external_name:
        return []
    return [one for one in asked if not any(_is_asked(port, one) for port in service.ports)]


def _is_asked(port: ServicePort, asked: Port) -> bool:
    if isinstance(asked, NamedPort):
        return port.name == asked.name
    return port.protocol is asked.protocol and asked.first <= port.port <= asked.last


def _as_asked(service: Service, asked: tuple[Port, ...]) -> PortSet:
    spans = [one for one in asked if isinstance(one, PortRange)]
    spans = spans or [PortRange(port.protocol, port.port, port.port) for port in service.ports]
    return PortSet.of(*spans) if spans else NO_PORTS
