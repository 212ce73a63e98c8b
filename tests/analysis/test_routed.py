"""What routes lead to, over random clusters: as far as policies admit it, through changes, and as ends of a blast."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec
import pytest

from licet.analysis.blast import Hop, blast
from licet.analysis.diff import diff
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.reach import Reach, reach
from licet.model.cluster import Cluster
from licet.model.edge import Edge, EndpointType
from licet.model.key import Key
from licet.model.ports import Protocol
from licet.model.profile import Profile
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from licet.model.service import Backend, Route, Service
from licet.model.verdict import Verdict
from licet.model.workload import Workload
from tests.analysis.small import backend, gateway, ingress, key, listener, parent, route, service, to
from tests.analysis.test_update import changed_policies, with_policies
from tests.clusters import border_ports, random_cluster, random_profile
from tests.oracle import INGRESS, decide

PORTS = (80, 8080, 53)
EDGE = key("Gateway", "edge", "shop")


def with_routes(rng: Random, cluster: Cluster) -> Cluster:
    """Services over random labels, an Ingress before some of them and a Gateway before others."""
    services = tuple(_service(rng, cluster, i) for i in range(rng.randint(1, 4)))
    backends = [[backend(s.key.name, s.key.namespace, 80) for s in services if rng.random() < 0.7] for _ in range(2)]
    fronts = [_route(route, backends) for route, backends in zip(("ingress", "gateway"), backends, strict=True)]
    return msgspec.structs.replace(
        cluster,
        services=services,
        routes=tuple(front for front in fronts if front is not None),
        gateways=(gateway(listener()),),
    )


def _route(kind: str, backends: list[Backend]) -> Route | None:
    if not backends:
        return None
    home = backends[0].namespace
    own = [b for b in backends if b.namespace == home]
    if kind == "ingress":
        return ingress("front", home, *own)
    return route(parent(), namespace=home, backends=own)


def _service(rng: Random, cluster: Cluster, at: int) -> Service:
    near = rng.choice(cluster.workloads)
    label = rng.choice([None, *near.labels.items()])
    selector = EVERYTHING if label is None else Selector((Requirement(label[0], Operator.IN, (label[1],)),))
    targets: list[int | str] = [8080, 80, "http"]
    return service(f"s{at}", near.key.namespace, to(80, rng.choice(targets)), selector=selector)


def cases(count: int, seed: int) -> Iterator[tuple[Random, Cluster, Profile]]:
    """Random clusters with routes before them."""
    rng = Random(seed)
    for _ in range(count):
        yield rng, with_routes(rng, random_cluster(rng)), random_profile(rng)


def leads_to(cluster: Cluster, front: Route, pod: Workload, port: int) -> bool | None:
    """Whether a route leads to this port of a pod, by reading it; None where it is not known."""
    answers: list[bool | None] = [False]
    for named in front.backends:
        for one in cluster.services:
            if (one.key.namespace, one.key.name) != (named.namespace, named.name):
                continue
            assert one.selector is not None
            target = one.ports[0].target
            own = [target] if isinstance(target, int) else [n for _, n in pod.port_numbers(target, Protocol.TCP)]
            if pod.key.namespace == named.namespace and port in own:
                hidden = any(r.key in pod.runtime_labels - pod.labels.keys() for r in one.selector.requirements)
                answers.append(None if hidden else one.selector.matches(pod.labels) == 2)
    return True if True in answers else None if None in answers else False


@pytest.mark.parametrize("seed", range(25))
def test_a_gateway_reaches_what_routes_lead_to_and_policies_admit(seed: int) -> None:
    """Held to the naive evaluator, to which an ingress controller is a pod of which nothing is known."""
    for _, cluster, profile in cases(6, seed):
        answer = reach(cluster, profile)
        for front in cluster.routes:
            source = INGRESS_CONTROLLER if front.parents is None else EDGE
            for pod in cluster.workloads:
                grant = answer.routed[source].get(answer.population.class_of[pod.key], answer.grants.denied)
                for port in {*PORTS, *border_ports(cluster)}:
                    led = leads_to(cluster, front, pod, port)
                    wanted = decide(cluster, profile, INGRESS, pod, Protocol.TCP, port)
                    if led is None and wanted is Verdict.ALLOW:
                        wanted = Verdict.UNDETERMINED
                    if led is False:
                        wanted = Verdict.DENY
                    assert grant.verdict((Protocol.TCP, port)) is wanted, (front, pod, port)


@pytest.mark.parametrize("seed", range(60))
def test_an_update_follows_routes_as_well(seed: int) -> None:
    """Two updates in a row give what asking anew would give; the first answer stays as it was."""
    for rng, cluster, profile in cases(2, seed):
        first = answer = reach(cluster, profile)
        before = {source: dict(grants) for source, grants in first.routed.items()}
        for _ in range(2):
            gone, come = changed_policies(rng, answer.cluster, random_cluster(rng))
            come = [policy for policy in come if policy.key.namespace in ("", *cluster.namespaces)]
            plain = with_policies(answer.cluster, gone, come)
            expected = reach(
                msgspec.structs.replace(
                    plain, services=cluster.services, routes=cluster.routes, gateways=cluster.gateways
                ),
                profile,
            )
            answer = answer.update(gone, come).reach
            assert _by_name(answer) == _by_name(expected)
            assert not diff(answer, expected)
        assert first.routed == before


def _by_name(answer: Reach) -> dict[tuple[Key, str], tuple[object, ...]]:
    classes = answer.population.classes
    return {
        (source, str(answer.population.workloads[member].key)): (grant.must, grant.may, grant.reasons)
        for source, grants in answer.routed.items()
        for at, grant in grants.items()
        for member in classes[at].members
    }


@pytest.mark.parametrize("seed", range(40))
def test_a_difference_tells_what_gateways_reach_anew(seed: int) -> None:
    """Port by port, in the one list where it belongs."""
    for rng, cluster, profile in cases(3, seed):
        old = reach(cluster, profile)
        other = with_routes(rng, random_cluster(rng))
        policies = tuple(p for p in other.network_policies if p.key.namespace in cluster.namespaces)
        workloads = tuple(w for w in cluster.workloads if rng.random() < 0.8)
        routes = tuple(r for r in cluster.routes if rng.random() < 0.7)
        new = reach(
            msgspec.structs.replace(cluster, network_policies=policies, workloads=workloads, routes=routes), profile
        )
        for first, second in ((old, new), (new, old)):
            _check_difference(first, second, cluster.workloads)


def _check_difference(old: Reach, new: Reach, workloads: tuple[Workload, ...]) -> None:
    found = diff(old, new)
    for source in {*old.routed, *new.routed}:
        name = source.name if source == INGRESS_CONTROLLER else str(source)
        for pod in workloads:
            for port in PORTS:
                before, after = (_verdict(side, source, pod.key, port) for side in (old, new))
                told = [
                    any(_has(edge, name, str(pod.key), port) for edge in edges)
                    for edges in (found.allowed, found.denied, found.unsettled)
                ]
                order = (Verdict.ALLOW, Verdict.DENY, Verdict.UNDETERMINED)
                assert told == [after is verdict and before is not after for verdict in order]


def _verdict(answer: Reach, source: Key, pod: Key, port: int) -> Verdict:
    at = answer.population.class_of.get(pod)
    grant = None if at is None else answer.routed.get(source, {}).get(at)
    return Verdict.DENY if grant is None else grant.verdict((Protocol.TCP, port))


def _has(edge: Edge, src: str, dst: str, port: int) -> bool:
    return src in edge.src and dst in edge.dst and (Protocol.TCP, port) in edge.ports


@pytest.mark.parametrize("seed", range(30))
def test_gateways_are_ends_of_what_reaches_a_workload(seed: int) -> None:
    """Named wherever they reach a pod on the way, at its distance and one; certain where both parts are."""
    for _, cluster, profile in cases(2, seed):
        answer = reach(cluster, profile)
        for workload in cluster.workloads[:3]:
            inward = blast(answer, workload.key).inward
            way: dict[str, tuple[int, bool]] = {str(workload.key): (0, True)}
            way |= {h.id: (h.distance, h.certain) for h in inward if h.type is EndpointType.WORKLOAD}
            wanted: set[tuple[str, EndpointType, int, bool, object]] = set()
            for source, grants in answer.routed.items():
                ingress = source == INGRESS_CONTROLLER
                for at, grant in grants.items():
                    members = [str(cluster.workloads[m].key) for m in answer.population.classes[at].members]
                    own = str(workload.key) in members
                    nearest = min((way[m] for m in members if m in way), default=None)
                    if nearest is None:
                        continue
                    distance, certain = (0, True) if own else nearest
                    wanted.add(
                        (
                            source.name if ingress else str(source),
                            EndpointType.INGRESS if ingress else EndpointType.GATEWAY,
                            distance + 1,
                            certain and bool(grant.must),
                            grant.may,
                        )
                    )
            assert {_end(h) for h in inward if h.type in (EndpointType.INGRESS, EndpointType.GATEWAY)} == wanted


def _end(hop: Hop) -> tuple[str, EndpointType, int, bool, object]:
    return hop.id, hop.type, hop.distance, hop.certain, hop.ports


@pytest.mark.parametrize("seed", range(40))
def test_every_hop_is_a_connection_that_can_be_made(seed: int) -> None:
    """`via` is one nearer, `ports` are what is open between the two, and hops come nearest first."""
    for _, cluster, profile in cases(2, seed):
        answer = reach(cluster, profile)
        by_name = {str(w.key): w.key for w in cluster.workloads}
        start = cluster.workloads[0].key
        for hops, outward in ((blast(answer, start).outward, True), (blast(answer, start).inward, False)):
            distance = {str(start): 0} | {h.id: h.distance for h in hops if h.type is EndpointType.WORKLOAD}
            certain = {str(start): True} | {h.id: h.certain for h in hops if h.type is EndpointType.WORKLOAD}
            assert [h.distance for h in hops] == sorted(h.distance for h in hops)
            for hop in hops:
                assert distance[hop.via] == hop.distance - 1
                if hop.type is not EndpointType.WORKLOAD:
                    continue
                ends = (by_name[hop.via], by_name[hop.id]) if outward else (by_name[hop.id], by_name[hop.via])
                grant = answer.between(*ends)
                assert hop.ports == grant.may
                assert hop.certain is (certain[hop.via] and bool(grant.must))
