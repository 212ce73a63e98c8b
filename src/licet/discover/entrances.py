"""Who comes in from outside: routes of gateways and ingress controllers, and Services that the world may reach."""

from __future__ import annotations

from collections.abc import Iterator

from licet.contracts.contract import GatewayPeer, PlatformPart, PlatformPeer, ServicePeer
from licet.diag.place import Place
from licet.discover.edge import Caller, Evidence
from licet.discover.names import Names, Reached
from licet.model.cluster import Cluster
from licet.model.ports import PortRange, Protocol
from licet.model.service import Backend, Route

INGRESS = PlatformPeer(PlatformPart.INGRESS)
WORLD = PlatformPeer(PlatformPart.WORLD)


def evidence_of(cluster: Cluster, names: Names) -> Iterator[Evidence]:
    """Every edge into the cluster that routes and Services say there is."""
    for route in cluster.routes:
        callers: list[Caller]
        if route.parents is not None:
            callers = [*dict.fromkeys(GatewayPeer(parent.namespace, parent.name) for parent in route.parents)]
        else:
            facts = [fact for fact in cluster.platform.gateways if fact.name == route.class_name]
            callers = [GatewayPeer(fact.namespace, fact.name) for fact in facts] or [INGRESS]
        for backend in route.backends:
            for caller in callers:
                yield from _routed(caller, route, backend, names)
    yield from _exposed(cluster, names)


def _routed(caller: Caller, route: Route, backend: Backend, names: Names) -> Iterator[Evidence]:
    service = names.service(backend.namespace, backend.name)
    text = f"backend `{backend.name}` of {route.key}"
    if (backend.group, backend.kind) != ("", "Service"):
        return
    if service is None:
        peer = ServicePeer(backend.namespace, backend.name)
        number = backend.port if isinstance(backend.port, int) else None
        doubt = f"the manifests hold no Service `{backend.namespace}/{backend.name}`"
        yield Evidence(caller, peer, backend.place, text, peer, None, number, doubt)
        return
    protocol = Protocol.UDP if route.key.kind == "UDPRoute" else Protocol.TCP
    port = backend.port
    if isinstance(port, str):
        port = next((p.port for p in service.ports if p.name == port), None)
    for reached in names.reach(service, port, protocol):
        if backend.target is not None:
            target = PortRange(protocol, backend.target, backend.target)
            yield Evidence(caller, reached.callee, backend.place, text, reached.service, target)
        else:
            yield _evidence(caller, reached, backend.place, text)


def _exposed(cluster: Cluster, names: Names) -> Iterator[Evidence]:
    for service in cluster.services:
        if service.type not in ("LoadBalancer", "NodePort"):
            continue
        place = Place(service.origin, ("spec", "type"))
        doubt = "a NodePort is open to whoever reaches a node" if service.type == "NodePort" else ""
        for port in service.ports:
            for reached in names.reach(service, port.port, port.protocol):
                text = f"type {service.type} of the Service `{service.key.namespace}/{service.key.name}`"
                yield _evidence(WORLD, reached, place, text, doubt)


def _evidence(caller: Caller, reached: Reached, place: Place, text: str, doubt: str = "") -> Evidence:
    service, port, number = reached.service, reached.port, reached.service_port
    return Evidence(caller, reached.callee, place, text, service, port, number, doubt or reached.doubt)
