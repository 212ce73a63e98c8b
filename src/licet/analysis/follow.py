"""Why, through a name: the ways on which Services, ingresses and gateways lead to pods, and what is decided on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from licet.analysis import bits
from licet.analysis.attachment import Attachments
from licet.analysis.edges import gateway_id
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.explain import Explainer
from licet.analysis.grant import Grants
from licet.analysis.leads import Lead, Leads
from licet.diag.place import Place
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.ports import PortRange, Protocol
from licet.model.profile import Profile
from licet.model.service import Backend, Route, Service
from licet.model.verdict import Cause, Explanation, Verdict

_TAKES = "which of the pods behind the name takes the connection"
_IS = "which of the pods that go by the name it is"
_OPENNESS = {Verdict.DENY: 0, Verdict.UNDETERMINED: 1, Verdict.ALLOW: 2}


class Sender(msgspec.Struct, frozen=True):
    """Who opens the connection: the name for people, and an address or the key of a workload or of pods' owner.

    `gateway` is set where a Gateway or the ingress controller (INGRESS_CONTROLLER) sends what its routes lead on; `end`
    is then INGRESS_CONTROLLER, a pod of which nothing is known.
    """

    name: str
    end: Key | int
    gateway: Key | None = None


class Way(msgspec.Struct, frozen=True):
    """One way to pods: the steps that lead there, the workload, its port, and what the steps hang on."""

    steps: tuple[Cause, ...]
    key: Key
    protocol: Protocol
    port: int
    doubt: tuple[str, ...] = ()
    home: str = ""
    """The namespace that the way's gateway runs in, "" where that is not known."""


class Follower:
    """Answers questions about one cluster."""

    def __init__(self, cluster: Cluster, profile: Profile) -> None:
        self._cluster = cluster
        self._explainer = Explainer(cluster, profile)
        self._leads = Leads(cluster, self._explainer.population, Grants())
        self._attachments = Attachments(cluster)

    def to_address(self, sender: Sender, address: int, protocol: Protocol, port: int) -> Explanation:
        """Why a sender may or may not reach an address outside; ValueError where the sender is one itself."""
        return self._each(sender.end, lambda end: self._explainer.explain(end, address, protocol, port))

    def to_pods(self, sender: Sender, key: Key, protocol: Protocol, port: int) -> Explanation:
        """Why a sender may or may not reach a port of a workload; a gateway only where a route leads it there.

        A key that is only the owner of pods stands for them all.
        """
        if sender.gateway is None:
            pairs = self._pairs(sender.end, key)
            return _common([self._explainer.explain(src, dst, protocol, port) for src, dst in pairs])
        pods = [members[0] for members in self._alike(key)]
        return _common([self._by_routes(sender, sender.gateway, pod, protocol, port) for pod in pods])

    def _by_routes(self, sender: Sender, gateway: Key, key: Key, protocol: Protocol, port: int) -> Explanation:
        ways = [way for way in self._routed(gateway, protocol, port) if (way.key, way.port) == (key, port)]
        if not ways:
            nothing = f"no route leads `{sender.name}` to `{key}` on {protocol.name} {port}"
            return Explanation(Verdict.DENY, (Cause("Route", None, None, "", "deny", nothing),))
        return max((self._explain(sender.end, way) for way in ways), key=lambda found: _OPENNESS[found.verdict])

    def to_service(self, sender: Sender, service: Service, protocol: Protocol, port: int) -> Explanation:
        """Why a sender may or may not reach what is behind a Service's port; of a headless one, behind a pod's port."""
        if service.external_name:
            return _leads_out(service)
        ways = list(self._through_service(service, protocol, port))
        nothing = _no_way(service, protocol, port)
        return self._each(sender.end, lambda end: self._by_ways(end, ways, nothing))

    def to_route(self, sender: Sender, route: Route, protocol: Protocol) -> Explanation:
        """What the route's gateways may reach behind it; whether a sender reaches those gateways no manifest says."""
        ways = [way for gateway in self._gateways(route) for way in self._of_route(route, gateway, protocol)]
        nothing = Cause("Route", None, route.key, "", "deny", f"`{route.key}` leads to no pod", Place(route.origin))
        through = self._by_ways(INGRESS_CONTROLLER, ways, nothing)
        if sender.gateway is not None or through.verdict is Verdict.DENY:
            return through
        reason = f"`{sender.name}` reaches what serves `{route.key}`"
        cause = Cause("Route", None, None, "", "undetermined", f"no manifest says whether {reason}")
        return Explanation(
            Verdict.UNDETERMINED, (cause, *through.because), tuple(dict.fromkeys((reason, *through.assumptions)))
        )

    def _by_ways(self, src: Key | int, ways: list[Way], nothing: Cause) -> Explanation:
        """One verdict over all ways: what holds on each of them, undetermined where they differ."""
        if not ways:
            return Explanation(Verdict.DENY, (nothing,))
        return _together([self._explain(src, way) for way in ways], _TAKES)

    def _each(self, end: Key | int, ask: Callable[[Key | int], Explanation]) -> Explanation:
        """The answer for an end, or for all the pods of an owner that is no workload itself."""
        if isinstance(end, int) or end == INGRESS_CONTROLLER:
            return ask(end)
        return _common([ask(members[0]) for members in self._alike(end)])

    def _alike(self, key: Key) -> list[list[Key]]:
        """The workload of that key, or an absent owner's pods, those together that no policy tells apart."""
        population = self._explainer.population
        if key in population.class_of:
            return [[key]]
        found: dict[int, list[Key]] = {}
        for workload in population.workloads:
            if workload.owner == key:
                found.setdefault(population.class_of[workload.key], []).append(workload.key)
        return list(found.values()) or [[key]]

    def _pairs(self, src: Key | int, dst: Key) -> list[tuple[Key | int, Key]]:
        """Who opens connections to whom; within one owner pods to other pods, where it has several."""
        destinations = self._alike(dst)
        if isinstance(src, int) or src == INGRESS_CONTROLLER:
            return [(src, members[0]) for members in destinations]
        pairs = [(ours[0], theirs[-1]) for ours in self._alike(src) for theirs in destinations]
        others = [(one, other) for one, other in pairs if one != other]
        return [*others] or [*pairs]

    def _explain(self, src: Key | int, way: Way) -> Explanation:
        part = self._explainer.explain(src, way.key, way.protocol, way.port, way.home)
        because = (*way.steps, *part.because)
        if way.doubt and part.verdict is not Verdict.DENY:
            return Explanation(Verdict.UNDETERMINED, because, (*way.doubt, *part.assumptions))
        return Explanation(part.verdict, because, part.assumptions)

    def _through_service(self, service: Service, protocol: Protocol, port: int) -> Iterator[Way]:
        if service.headless:
            yield from self._straight(service, protocol, port)
            return
        for lead in self._leads.of_service(service):
            if (lead.port.protocol, lead.port.port) == (protocol, port):
                yield from self._ways(service, lead, (), port)

    def _straight(self, service: Service, protocol: Protocol, port: int) -> Iterator[Way]:
        """A headless Service is its pods' addresses: no port is mapped, and none is refused."""
        place = Place(service.origin, ("spec",), key=True)
        for doubt, classes in self._leads.behind(service):
            for key in self._keys(classes):
                to = f"`{service.key}` is headless and stands for the addresses of `{key}`"
                step = Cause("Service", None, service.key, "", "leads", to, place)
                yield Way((step,), key, protocol, port, tuple(sorted(doubt)))

    def _ways(self, service: Service, lead: Lead, before: tuple[Cause, ...], asked: int) -> Iterator[Way]:
        """Where endpoints restrict no port (EndpointPort.port, discovery.k8s.io/v1), it is the one asked about."""
        place = Place(service.origin, ("spec", "ports", service.ports.index(lead.port)))
        protocol, port = lead.target.protocol, lead.target.first
        target = f"{protocol.name} {port}"
        if lead.target == PortRange(protocol):
            port, target = asked, f"every {protocol.name} port"
        for key in self._keys(lead.classes):
            to = f"`{service.key}` leads from port {lead.port.port} to {target} of `{key}`"
            step = Cause("Service", None, service.key, "", "leads", to, place)
            yield Way((*before, step), key, protocol, port, tuple(sorted(lead.doubt)))

    def _keys(self, classes: int) -> Iterator[Key]:
        population = self._explainer.population
        for at in bits.indices(classes):
            for member in population.classes[at].members:
                yield population.workloads[member].key

    def _gateways(self, route: Route) -> Iterator[tuple[Key, tuple[str, ...]]]:
        for key, doubt in self._attachments.of_route(route):
            yield key or INGRESS_CONTROLLER, tuple(sorted(doubt))

    def _routed(self, gateway: Key, protocol: Protocol, port: int) -> Iterator[Way]:
        for route in self._cluster.routes:
            for key, doubt in self._gateways(route):
                if key == gateway:
                    yield from self._of_route(route, (key, doubt), protocol, port)

    def _of_route(
        self, route: Route, gateway: tuple[Key, tuple[str, ...]], protocol: Protocol, asked: int | None = None
    ) -> Iterator[Way]:
        for backend in route.backends:
            if not self._attachments.may_refer(route, backend):
                continue
            step = _routed_step(route, backend, gateway_id(gateway[0]))
            service = self._leads.service(backend.namespace, backend.name)
            home = self._leads.home(route, None if gateway[0] == INGRESS_CONTROLLER else gateway[0])
            for lead in self._leads.of_backend(backend, protocol):
                assert service is not None, "a lead comes from a Service"
                for way in self._ways(service, lead, (step,), lead.port.port if asked is None else asked):
                    yield msgspec.structs.replace(way, doubt=gateway[1] + way.doubt, home=home)


def _common(parts: list[Explanation]) -> Explanation:
    """One verdict over pods that go by one name; of those that fare alike one is told."""
    told = {(part.verdict, part.assumptions): part for part in reversed(parts)}
    return _together([*reversed(told.values())], _IS)


def _together(parts: list[Explanation], differ: str) -> Explanation:
    verdicts = {part.verdict for part in parts}
    because = tuple(dict.fromkeys(cause for part in parts for cause in part.because))
    assumptions = tuple(dict.fromkeys(reason for part in parts for reason in part.assumptions))
    if len(verdicts) == 1:
        return Explanation(verdicts.pop(), because, assumptions)
    return Explanation(Verdict.UNDETERMINED, because, (differ, *assumptions))


def _routed_step(route: Route, backend: Backend, gateway: str) -> Cause:
    to = f"`{route.key}` leads `{gateway}` to the Service `{backend.namespace}/{backend.name}`"
    return Cause("Route", None, route.key, "", "leads", to, backend.place)


def _leads_out(service: Service) -> Explanation:
    """An ExternalName is a name in DNS, and what stands behind it in no manifest."""
    reason = f"what the name `{service.external_name}` resolves to"
    text = f"`{service.key}` is another name for `{service.external_name}`: ask about its address"
    place = Place(service.origin, ("spec",), key=True)
    cause = Cause("Service", None, service.key, "", "undetermined", text, place)
    return Explanation(Verdict.UNDETERMINED, (cause,), (reason,))


def _no_way(service: Service, protocol: Protocol, port: int) -> Cause:
    place = Place(service.origin, ("spec",), key=True)
    if not any(own.port == port and own.protocol is protocol for own in service.ports) and not service.headless:
        there = ", ".join(f"{own.protocol.name} {own.port}" for own in service.ports) or "none"
        text = f"`{service.key}` has no port {protocol.name} {port}; it has {there}"
    else:
        text = f"`{service.key}` leads to no pod on {protocol.name} {port}"
    return Cause("Service", None, service.key, "", "deny", text, place)
