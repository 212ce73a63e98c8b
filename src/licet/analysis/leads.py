"""Where Services, ingresses and gateways lead: from a name to classes of pods and the ports that they listen on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from licet.analysis import bits
from licet.analysis.attachment import Attachments
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.grant import NO_REASONS, Grant, Grants, Reasons
from licet.analysis.population import Population
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.ports import PortRange, PortSet, Protocol
from licet.model.service import Backend, EndpointSlice, Route, Service, ServicePort


class Lead(msgspec.Struct, frozen=True):
    """One step from a Service to pods: the classes, the Service's port that was asked for, and the pods' port.

    `doubt` holds why the Service may not select them.
    """

    classes: int
    port: ServicePort
    target: PortRange
    doubt: Reasons = NO_REASONS


class Leads:
    """Follows names through one cluster."""

    def __init__(self, cluster: Cluster, population: Population, grants: Grants) -> None:
        self._cluster = cluster
        self._population = population
        self._grants = grants
        self._services = {(s.key.namespace, s.key.name): s for s in cluster.services}
        self._slices: dict[tuple[str, str], list[EndpointSlice]] = {}
        for piece in cluster.slices:
            self._slices.setdefault((piece.key.namespace, piece.service), []).append(piece)

    def service(self, namespace: str, name: str) -> Service | None:
        """The Service of that name, if there is one."""
        return self._services.get((namespace, name))

    def of_service(self, service: Service) -> Iterator[Lead]:
        """Where each port of a Service leads, following its selector, or its EndpointSlices where it has none."""
        if service.selector is None:
            yield from self._of_slices(service)
            return
        for port in service.ports:
            for reasons, classes in self.behind(service):
                if isinstance(port.target, int):
                    if classes:
                        yield Lead(classes, port, PortRange(port.protocol, port.target, port.target), reasons)
                    continue
                for number, where in self._by_number(classes, port.target, port.protocol).items():
                    yield Lead(where, port, PortRange(port.protocol, number, number), reasons)

    def behind(self, service: Service) -> Iterator[tuple[Reasons, int]]:
        """The classes of the pods behind a Service, whatever its ports."""
        if service.selector is None:
            for piece in self._slices.get((service.key.namespace, service.key.name), ()):
                yield NO_REASONS, self._pods_of(piece)
            return
        hits = self._population.behind(service.key.namespace, service.selector)
        yield NO_REASONS, hits.sure
        yield from hits.doubtful

    def _by_number(self, classes: int, name: str, protocol: Protocol) -> dict[int, int]:
        found: dict[int, int] = {}
        for at in bits.indices(classes & self._population.has_named_ports):
            for _, number in self._population.classes[at].port_numbers(name, protocol):
                found[number] = found.get(number, 0) | 1 << at
        return found

    def _of_slices(self, service: Service) -> Iterator[Lead]:
        for piece in self._slices.get((service.key.namespace, service.key.name), ()):
            classes = self._pods_of(piece)
            for target in piece.ports:
                port = next((p for p in service.ports if p.name == target.name and p.protocol is target.protocol), None)
                if port is not None and classes:
                    ports = (
                        PortRange(target.protocol)
                        if target.port is None
                        else PortRange(target.protocol, target.port, target.port)
                    )
                    yield Lead(classes, port, ports)

    def _pods_of(self, piece: EndpointSlice) -> int:
        """Pods that a slice names, or whose known addresses it holds."""
        found = 0
        for name in piece.pods:
            found |= self._class_bit(Key(piece.key.cluster, "", "Pod", piece.key.namespace, name))
        for at, pod_class in enumerate(self._population.classes):
            if pod_class.addresses and self._holds(piece.addresses, pod_class.members):
                found |= 1 << at
        return found

    def _holds(self, addresses: AddressSet, members: Iterable[int]) -> bool:
        return any(self._population.workloads[at].addresses & addresses for at in members)

    def _class_bit(self, key: Key) -> int:
        at = self._population.class_of.get(key)
        return 0 if at is None else 1 << at

    def of_backend(self, backend: Backend, protocol: Protocol) -> Iterator[Lead]:
        """Where a route's backend leads; nothing where its Service does not exist or has no such port."""
        if (backend.group, backend.kind) != ("", "Service"):
            return
        service = self.service(backend.namespace, backend.name)
        if service is None:
            return
        for lead in self.of_service(service):
            if lead.port.protocol is protocol and _asked(backend, lead):
                one = backend.target
                yield lead if one is None else msgspec.structs.replace(lead, target=PortRange(protocol, one, one))

    def of_routes(self) -> dict[tuple[Key, str], dict[int, Grant]]:
        """What routes lead to, class by class.

        Per source endpoint (the ingress controller, each Gateway) and the namespace that it runs in, "" where the
        platform does not say.
        """
        attachments = Attachments(self._cluster)
        found: dict[tuple[Key, str], dict[int, Grant]] = {}
        for route in self._cluster.routes:
            for gateway, doubt in attachments.of_route(route):
                source = (gateway or INGRESS_CONTROLLER, self.home(route, gateway))
                self._add(found.setdefault(source, {}), route, doubt, attachments)
        return found

    def home(self, route: Route, gateway: Key | None) -> str:
        """The namespace in which a route's gateway, or its ingress controller, runs, as far as the platform says."""
        facts = self._cluster.platform.gateways
        if gateway is not None:
            fitting = [f for f in facts if (f.namespace, f.name) == (gateway.namespace, gateway.name)]
        else:
            fitting = [f for f in facts if f.name == route.class_name] or list(facts if len(facts) == 1 else ())
        return fitting[0].namespace if fitting else ""

    def _add(self, to: dict[int, Grant], route: Route, doubt: Reasons, attachments: Attachments) -> None:
        grants = self._grants
        protocol = Protocol.UDP if route.key.kind == "UDPRoute" else Protocol.TCP
        for backend in route.backends:
            if not attachments.may_refer(route, backend):
                continue
            for lead in self.of_backend(backend, protocol):
                ports = PortSet.of(lead.target)
                grant = grants.grant(ports, ports)
                if reasons := doubt | lead.doubt:
                    grant = grants.perhaps(grant, reasons)
                for at in bits.indices(lead.classes):
                    to[at] = grants.either(to.get(at, grants.denied), grant)


def _asked(backend: Backend, lead: Lead) -> bool:
    """Whether a lead is the one that a backend names: by the Service's port, or by the pods' own."""
    if backend.target is not None:
        return lead.target.first <= backend.target <= lead.target.last
    match backend.port:
        case None:
            return True
        case int(number):
            return lead.port.port == number
        case str(name):
            return lead.port.name == name
