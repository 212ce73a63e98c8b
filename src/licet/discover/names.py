"""From a host's name, as pods of one namespace resolve it, to whoever answers there."""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Iterable, Mapping

import msgspec

from licet.contracts.contract import CidrPeer, DnsPeer, PlatformPart, PlatformPeer, ServicePeer
from licet.discover.domains import looks_private, looks_public
from licet.discover.edge import Callee
from licet.discover.mention import is_address
from licet.discover.selection import Selection
from licet.model.addresses import NEVER_A_PODS, AddressSet, address_text
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.ports import PortRange, Protocol
from licet.model.service import EndpointSlice, Service, ServicePort
from licet.model.workload import Workload

_SVC = re.compile(r"(?P<front>.+)\.svc(?:\.[a-z0-9.-]+)?")
_SRV = re.compile(r"(?:_[a-z0-9-]+\.){2}")
_LOCAL = frozenset({"localhost", "ip6-localhost", "host.docker.internal"})
_RESOLVERS = frozenset({("kube-system", "kube-dns"), ("kube-system", "coredns"), ("openshift-dns", "dns-default")})
_NEVER = NEVER_A_PODS - AddressSet.of(["169.254.0.0/16"])
_LONGEST_ALIAS = 4
_LONGEST_LABEL = 63


class Standing(enum.Enum):
    """What is known of a host."""

    SERVICE = "service"
    MISSING = "missing"
    """Its name has a Service's form that nothing else has, and there is no such Service."""
    WORD = "word"
    """A single label, or two that may be a Service and a namespace, and there is no such Service."""
    PUBLIC = "public"
    ODD = "odd"
    """A DNS name that ends as neither public nor private ones do."""
    ADDRESS = "address"
    NOBODY = "nobody"
    """The pod itself, or no host at all."""


class Reached(msgspec.Struct, frozen=True):
    """One callee behind a host. `doubt` says what may be otherwise, and `met` whether it listens on the port."""

    callee: Callee
    service: ServicePeer | None = None
    port: PortRange | None = None
    service_port: int | None = None
    doubt: str = ""
    met: bool = True


class Answer(msgspec.Struct, frozen=True):
    """Who is behind a host. `qualified` is whether the name could not be taken for another word.

    `own_pods` is whether it names single pods, or all of them one by one, rather than a Service in front of them.
    """

    standing: Standing
    reached: tuple[Reached, ...] = ()
    qualified: bool = False
    own_pods: bool = False


NOBODY = Answer(Standing.NOBODY)
API_SERVER = PlatformPeer(PlatformPart.API_SERVER)


class Names:
    """The names of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._services = {(s.key.namespace, s.key.name): s for s in cluster.services}
        self._slices: dict[tuple[str, str], list[EndpointSlice]] = {}
        for piece in cluster.slices:
            self._slices.setdefault((piece.key.namespace, piece.service), []).append(piece)
        self.selection = Selection(cluster.workloads)
        self._in_namespace: dict[str, list[Service]] = {}
        for service in cluster.services:
            self._in_namespace.setdefault(service.key.namespace, []).append(service)
        self.served = frozenset(host.lower() for route in cluster.routes for host in route.hostnames)
        resolver = cluster.platform.resolver
        self._resolvers = _RESOLVERS | ({(resolver.namespace, resolver.service)} if resolver is not None else set())
        self._behind: dict[Key, tuple[tuple[Workload, bool], ...]] = {}
        self._variables: dict[str, Mapping[str, Service]] = {}

    def service(self, namespace: str, name: str) -> Service | None:
        """The Service of that name, if there is one."""
        return self._services.get((namespace, name))

    def behind(self, service: Service) -> tuple[tuple[Workload, bool], ...]:
        """The workloads that a Service selects, and whether each is certain."""
        if service.key not in self._behind:
            selector = service.selector
            found = [] if selector is None else self.selection.selected(selector, service.key.namespace)
            self._behind[service.key] = tuple(found)
        return self._behind[service.key]

    def variables(self, namespace: str) -> Mapping[str, Service]:
        """The Services of a namespace by the name that their variables begin with, `MY_DB` for `my-db`."""
        if namespace not in self._variables:
            self._variables[namespace] = {
                service.key.name.upper().replace("-", "_"): service
                for service in self._in_namespace.get(namespace, ())
                if not service.headless and not service.external_name
            }
        return self._variables[namespace]

    def answer(self, host: str, port: int | None, protocol: Protocol, namespace: str, depth: int = 0) -> Answer:
        """Who answers to a host, in lower case, as pods of the namespace would find it."""
        if host in _LOCAL or host.endswith(".localhost"):
            return NOBODY
        if is_address(host):
            return self._address(host, port, protocol)
        host = _SRV.sub("", host, count=1) if host.startswith("_") else host
        labels = host.split(".")
        if any(len(label) > _LONGEST_LABEL for label in labels):
            return NOBODY
        if (match := _SVC.fullmatch(host)) is not None:
            return self._qualified(match["front"].split("."), port, protocol, depth)
        for at in range(min(len(labels), 3)):
            found = self._named(labels, at, namespace)
            if found is not None:
                service, pods = found
                if service.key == Key(service.key.cluster, "", "Service", "default", "kubernetes"):
                    break
                return self._found(service, port, protocol, len(labels) > 1, pods, depth)
        if labels in (["kubernetes"], ["kubernetes", "default"]) and (namespace == "default" or len(labels) == 2):
            return self._api_server(port, qualified=len(labels) > 1)
        return self._outside(host, labels, port, protocol, namespace)

    def _named(self, labels: list[str], form: int, namespace: str) -> tuple[Service, bool] | None:
        """The Service of `name`, `name.namespace` or `pod.name.namespace` and the like, and whether pods are named."""
        if len(labels) == 1:
            service = self.service(namespace, labels[0]) if form == 0 else None
            return (service, service.headless) if service is not None else None
        if form == 0 and len(labels) == 2 and (service := self.service(labels[1], labels[0])) is not None:
            return service, service.headless
        if form == 1 and len(labels) == 2:
            service = self.service(namespace, labels[1])
            return (service, True) if service is not None and service.headless else None
        if form == 2 and len(labels) == 3:
            service = self.service(labels[2], labels[1])
            return (service, True) if service is not None and service.headless else None
        return None

    def _qualified(self, labels: list[str], port: int | None, protocol: Protocol, depth: int) -> Answer:
        if len(labels) < 2:
            return NOBODY
        name, where = labels[-2:]
        if (name, where) == ("kubernetes", "default"):
            return self._api_server(port, qualified=True)
        if (where, name) in self._resolvers:
            return NOBODY
        service = self.service(where, name)
        if service is not None:
            return self._found(service, port, protocol, True, len(labels) > 2 or service.headless, depth)
        peer = ServicePeer(where, name)
        doubt = f"the manifests hold no Service `{where}/{name}`"
        missing = Reached(peer, peer, service_port=port, doubt=doubt, met=False)
        return Answer(Standing.MISSING, (missing,), qualified=True)

    def _found(
        self, service: Service, port: int | None, protocol: Protocol, qualified: bool, pods: bool, depth: int
    ) -> Answer:
        if service.external_name:
            if depth >= _LONGEST_ALIAS:
                return NOBODY
            name = service.external_name.rstrip(".").lower()
            behind = self.answer(name, port, protocol, service.key.namespace, depth + 1)
            return msgspec.structs.replace(behind, qualified=True)
        return Answer(Standing.SERVICE, tuple(self.reach(service, port, protocol)), qualified, pods)

    def reach(self, service: Service, port: int | None, protocol: Protocol) -> list[Reached]:
        """Whom a Service leads to on one of its ports; on all it has where no port is known and it has but one."""
        peer = ServicePeer(service.key.namespace, service.key.name)
        said = f"`{service.key.namespace}/{service.key.name}`"
        if service.headless:
            wanted = PortRange(protocol, port, port) if port is not None else None
            listed = next((p.port for p in service.ports if p.port == port), None)
            return [*self._pods(service, peer, None, wanted, listed)] or [Reached(peer, peer, wanted, listed)]
        fitting = [p for p in service.ports if p.protocol is protocol and port in (None, p.port)]
        fitting = fitting or [p for p in service.ports if port in (None, p.port)]
        if port is None and len(fitting) > 1:
            doubt = f"no port is written, and the Service {said} has {len(fitting)}"
            return [*self._pods(service, peer, None, None, None, doubt)] or [Reached(peer, peer, doubt=doubt)]
        if not fitting:
            doubt = f"the Service {said} has no port {port}" if port is not None else f"the Service {said} has no port"
            found = self._pods(service, peer, None, None, port, doubt)
            return [msgspec.structs.replace(r, met=False) for r in found] or [
                Reached(peer, peer, None, port, doubt, False)
            ]
        chosen = fitting[0]
        return [*self._pods(service, peer, chosen, None, chosen.port)] or [Reached(peer, peer, None, chosen.port)]

    def _pods(
        self,
        service: Service,
        peer: ServicePeer,
        chosen: ServicePort | None,
        wanted: PortRange | None,
        listed: int | None,
        doubt: str = "",
    ) -> Iterable[Reached]:
        """Each workload behind a Service with the port there: `wanted`, or what the chosen port leads to."""
        for workload, certain in self.behind(service):
            unsure = doubt or (
                "" if certain else f"whether the Service selects `{workload.key}` hangs on labels set later"
            )
            if chosen is None:
                yield Reached(workload.key, peer, wanted, listed, unsure)
                continue
            for target in targets(chosen, workload):
                yield Reached(workload.key, peer, PortRange(chosen.protocol, target, target), listed, unsure)
        if service.selector is None:
            for piece in self._slices.get((service.key.namespace, service.key.name), ()):
                yield from self._sliced(piece, peer, chosen, wanted, listed, doubt)

    def _sliced(
        self,
        piece: EndpointSlice,
        peer: ServicePeer,
        chosen: ServicePort | None,
        wanted: PortRange | None,
        listed: int | None,
        doubt: str,
    ) -> Iterable[Reached]:
        port = wanted
        if chosen is not None:
            number = next(
                (p.port for p in piece.ports if p.name == chosen.name and p.protocol is chosen.protocol), None
            )
            port = PortRange(chosen.protocol, number, number) if number is not None else None
        pods = [
            workload.key
            for workload in self.selection.within(piece.key.namespace)
            if (workload.key.kind == "Pod" and workload.key.name in piece.pods) or workload.addresses & piece.addresses
        ]
        for key in pods:
            yield Reached(key, peer, port, listed, doubt)
        if not pods and not piece.pods:
            for first, last in piece.addresses.ranges():
                for number in range(first, min(last, first + 15) + 1):
                    text = address_text(number)
                    yield Reached(CidrPeer(AddressSet.of([text]), block_text(text)), peer, port, listed, doubt)

    def _address(self, host: str, port: int | None, protocol: Protocol) -> Answer:
        address = AddressSet.of([host])
        if address & _NEVER or ipaddress.ip_address(host).is_multicast:
            return NOBODY
        where = PortRange(protocol, port, port) if port is not None else None
        if address & self._cluster.platform.api_server:
            return self._api_server(port, qualified=True)
        return Answer(Standing.ADDRESS, (Reached(CidrPeer(address, block_text(host)), port=where),), qualified=True)

    def _api_server(self, port: int | None, *, qualified: bool) -> Answer:
        where = PortRange(Protocol.TCP, port, port) if port is not None else None
        return Answer(Standing.SERVICE, (Reached(API_SERVER, port=where),), qualified)

    def _outside(self, host: str, labels: list[str], port: int | None, protocol: Protocol, namespace: str) -> Answer:
        where = PortRange(protocol, port, port) if port is not None else None
        if looks_public(host) or (looks_private(host) and len(labels) > 2):
            return Answer(Standing.PUBLIC, (Reached(DnsPeer(host), port=where),))
        if len(labels) > 2:
            doubt = f"`{host}` is no Service here, and it does not end as names outside do"
            return Answer(Standing.ODD, (Reached(DnsPeer(host), port=where, doubt=doubt, met=False),))
        peer = ServicePeer(labels[1] if len(labels) > 1 else namespace, labels[0])
        doubt = f"the manifests hold no Service `{peer.namespace}/{peer.name}`"
        return Answer(Standing.WORD, (Reached(peer, peer, service_port=port, doubt=doubt, met=False),))


def targets(port: ServicePort, workload: Workload) -> list[int]:
    """The ports of a workload's pods that one of a Service leads to."""
    if isinstance(port.target, int):
        return [port.target]
    return [number for _, number in workload.port_numbers(port.target, port.protocol)]


def block_text(address: str) -> str:
    """A single address as a block."""
    return f"{address}/{128 if ':' in address else 32}"
