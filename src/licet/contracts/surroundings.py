"""What contracts may name and only the Platform can define, as ends of edges."""

from __future__ import annotations

import msgspec

from licet.contracts.agreement import Addresses, EdgeKind, End, Pods
from licet.contracts.contract import PlatformPart
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.cluster import Cluster
from licet.model.platform import GatewayFact, Resolver, Scraper
from licet.model.ports import PortRange, PortSet, Protocol
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from licet.model.service import Service
from licet.model.ternary import Ternary
from licet.model.workload import Workload

_DNS = PortSet.of(PortRange(Protocol.UDP, 53, 53), PortRange(Protocol.TCP, 53, 53))
API_SERVER = PortSet.of(PortRange(Protocol.TCP, 443, 443), PortRange(Protocol.TCP, 6443, 6443))
"""Where API servers listen: the port of the Service `kubernetes`, and the one behind it (kubeadm's default)."""
FIELDS = {
    PlatformPart.INGRESS: "gateways",
    PlatformPart.API_SERVER: "apiServer",
    PlatformPart.NODES: "nodeCIDRs",
    PlatformPart.METRICS: "metrics",
    PlatformPart.WORLD: "podCIDRs",
}
"""The field of `Platform.spec` that defines a part."""
_RESOLVER_LABELS = Selector((Requirement("k8s-app", Operator.IN, ("kube-dns",)),))
"""What cluster DNS bears everywhere, CoreDNS too, for the sake of the Service `kube-dns`."""
_METRICS = Scraper("monitoring", Selector((Requirement("app.kubernetes.io/name", Operator.IN, ("prometheus",)),)))


class Part(msgspec.Struct, frozen=True):
    """One end that a part of the platform stands for, and what was assumed for lack of a word about it."""

    kind: EdgeKind
    end: End
    assumption: str = ""


class Surroundings:
    """Answers for one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._platform = cluster.platform
        self._services = {(s.key.namespace, s.key.name): s for s in cluster.services}

    def part(self, part: PlatformPart) -> tuple[Part, ...]:
        """What a part stands for; nothing where the Platform does not say and no default is safe."""
        platform = self._platform
        match part:
            case PlatformPart.INGRESS:
                return tuple(_gateway(fact) for fact in platform.gateways)
            case PlatformPart.METRICS:
                return (self._metrics(),)
            case PlatformPart.API_SERVER:
                return _addresses(EdgeKind.API_SERVER, platform.api_server, "the API server")
            case PlatformPart.NODES:
                return _addresses(EdgeKind.NODES, platform.node_addresses, "the nodes")
            case PlatformPart.WORLD:
                inside = platform.pod_addresses | platform.node_addresses
                return _addresses(EdgeKind.WORLD, EVERY_ADDRESS - inside, "the world")

    def gateway(self, namespace: str, name: str) -> Part | None:
        """Where a gateway's pods run: as the Platform says, else in the namespace of the Gateway of that name."""
        for fact in self._platform.gateways:
            if (fact.namespace, fact.name) == (namespace, name):
                return _gateway(fact)
        for gateway in self._cluster.gateways:
            if (gateway.key.namespace, gateway.key.name) == (namespace, name):
                assumed = f"the pods of gateway `{namespace}/{name}` run in namespace `{namespace}`, any pod there"
                return Part(EdgeKind.GATEWAY, Pods(namespace, EVERYTHING, f"gateway {namespace}/{name}"), assumed)
        return None

    def _metrics(self) -> Part:
        said = self._platform.metrics
        scraper = said or _METRICS
        assumed = "" if said else f"metrics are collected by the pods of namespace `{scraper.namespace}` that bear "
        labels = ", ".join(f"{r.key}={r.values[0]}" for r in _METRICS.pods.requirements)
        return Part(
            EdgeKind.METRICS,
            Pods(scraper.namespace, scraper.pods, f"metrics in {scraper.namespace}"),
            assumed and f"{assumed}`{labels}`",
        )

    def resolver(self) -> tuple[tuple[Part, PortSet], ...]:
        """Where cluster DNS answers, on the ports that its pods listen on."""
        said = self._platform.resolver
        at = said or Resolver()
        service = self._services.get((at.namespace, at.service))
        if service is not None and service.selector is not None:
            pods, ports = service.selector, self._dns_ports(service)
            assumed = "" if said else f"cluster DNS is Service `{at.namespace}/{at.service}`"
        else:
            pods, ports = _RESOLVER_LABELS, _DNS
            assumed = f"cluster DNS answers on port 53 of the pods of `{at.namespace}` that bear `k8s-app=kube-dns`"
        found = [(Part(EdgeKind.RESOLVER, Pods(at.namespace, pods, "cluster DNS"), assumed), ports)]
        if at.node_local:
            local = Addresses(AddressSet.of([at.node_local]), f"NodeLocal DNS {at.node_local}")
            found.append((Part(EdgeKind.RESOLVER, local), _DNS))
        return tuple(found)

    def _dns_ports(self, service: Service) -> PortSet:
        """What the Service's ports for DNS lead to: policies see the pods' ports."""
        ranges: list[PortRange] = []
        for port in service.ports:
            if port.port != 53:
                continue
            if isinstance(port.target, int):
                ranges.append(PortRange(port.protocol, port.target, port.target))
                continue
            numbers = {
                number
                for workload in self._cluster.workloads
                if workload.key.namespace == service.key.namespace and _is_behind(service, workload)
                for protocol, number in workload.port_numbers(port.target, port.protocol)
            }
            ranges += [PortRange(port.protocol, number, number) for number in sorted(numbers or {53})]
        return PortSet.of(*ranges) or _DNS


def _is_behind(service: Service, workload: Workload) -> bool:
    selector = service.selector
    return selector is not None and workload.bears(selector) is Ternary.YES


def _gateway(fact: GatewayFact) -> Part:
    return Part(EdgeKind.GATEWAY, Pods(fact.namespace, fact.pods, f"gateway {fact.namespace}/{fact.name}"))


def _addresses(kind: EdgeKind, addresses: AddressSet, text: str) -> tuple[Part, ...]:
    return (Part(kind, Addresses(addresses, text)),) if addresses else ()
