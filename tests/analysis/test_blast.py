"""A blast radius is the transitive closure of the answer, with the right distances."""

from __future__ import annotations

from random import Random

import pytest

from licet.analysis.blast import Hop, blast
from licet.analysis.reach import Reach, reach
from licet.model.addresses import AddressSet, range_from_text
from licet.model.edge import EndpointType
from licet.model.key import Key
from licet.model.ports import ALL_PORTS, PortSet
from licet.model.profiles import PROFILES
from tests.analysis.small import Thing, cluster, key, labelled, network_policy, pods, rule, tcp, workload
from tests.clusters import random_cluster, random_profile


def steps(answer: Reach, keys: list[Key], certain: bool) -> dict[Key, set[Key]]:
    """Who reaches whom in one connection, pair by pair."""
    found: dict[Key, set[Key]] = {}
    for src in keys:
        for dst in keys:
            grant = answer.between(src, dst)
            if src != dst and (grant.must if certain else grant.may):
                found.setdefault(src, set()).add(dst)
    return found


def distances(graph: dict[Key, set[Key]], start: Key) -> dict[str, int]:
    """Breadth first, the textbook way."""
    found = {start: 0}
    queue = [start]
    for at in queue:
        for following in sorted(graph.get(at, ())):
            if following not in found:
                found[following] = found[at] + 1
                queue.append(following)
    return {str(key): distance for key, distance in found.items() if key != start}


def turned(graph: dict[Key, set[Key]]) -> dict[Key, set[Key]]:
    """The graph with its arrows the other way round."""
    found: dict[Key, set[Key]] = {}
    for src, destinations in graph.items():
        for dst in destinations:
            found.setdefault(dst, set()).add(src)
    return found


@pytest.mark.parametrize("seed", range(80))
def test_it_is_the_closure(seed: int) -> None:
    """Both directions, for a workload of every class; a certain way is never claimed where there is none."""
    rng = Random(seed)
    answer = reach(random_cluster(rng), random_profile(rng))
    keys = [w.key for w in answer.population.workloads]
    possible, certain = steps(answer, keys, certain=False), steps(answer, keys, certain=True)
    for start in keys:
        found = blast(answer, start)
        for hops, graph, sure in (
            (found.outward, possible, certain),
            (found.inward, turned(possible), turned(certain)),
        ):
            pods = [hop for hop in hops if hop.type is EndpointType.WORKLOAD]
            assert {hop.id: hop.distance for hop in pods} == distances(graph, start)
            surely = distances(sure, start)
            assert {h.id for h in pods if h.certain} == {
                name for name, distance in surely.items() if distance == distances(graph, start)[name]
            }


@pytest.mark.parametrize("seed", range(40))
def test_outside_is_what_any_of_them_reaches(seed: int) -> None:
    """Addresses are ends: each is named once, at the nearest workload that reaches it."""
    rng = Random(seed)
    answer = reach(random_cluster(rng), random_profile(rng))
    population = answer.population
    for start in population.workloads[:3]:
        found = blast(answer, start.key)
        on_the_way = {str(start.key), *(h.id for h in found.outward if h.type is EndpointType.WORKLOAD)}
        wanted = AddressSet()
        for other in population.workloads:
            if str(other.key) in on_the_way:
                for region in answer.egress[population.class_of[other.key]].outside.values():
                    wanted |= region
        ends = [h for h in found.outward if h.type is EndpointType.ADDRESSES]
        told = [range_from_text(h.id) for h in ends]
        assert _union(told) == wanted
        assert all(not a & b for i, a in enumerate(told) for b in told[i + 1 :])
        assert all(_ports(hop) for hop in ends)


def _union(parts: list[AddressSet]) -> AddressSet:
    found = AddressSet()
    for part in parts:
        found |= part
    return found


def _ports(hop: Hop) -> PortSet:
    return hop.ports


# --- By hand -----------------------------------------------------------------------------------------------------

PROFILE = PROFILES["calico"]


def told(hops: tuple[Hop, ...]) -> list[tuple[str, int, str]]:
    """Workloads in short: name, distance, via."""
    return [
        (h.id.partition("[")[0], h.distance, h.via.partition("[")[0]) for h in hops if h.type is EndpointType.WORKLOAD
    ]


def chain(*things: Thing) -> Reach:
    """Pods `a` and `twin` reach `b`, `b` reaches `c`; nothing else goes from pod to pod."""
    allowed = [
        network_policy("b", pods=labelled(app="b"), ingress=[rule(0, [pods(app="a")], [tcp(80)])]),
        network_policy("c", pods=labelled(app="c"), ingress=[rule(0, [pods(app="b")])]),
        network_policy("a", pods=labelled(app="a"), ingress=[]),
    ]
    named = [workload("a"), workload("twin", app="a"), workload("b"), workload("c")]
    return reach(cluster(*named, *allowed, *things), PROFILE)


def test_a_chain_is_followed_hop_by_hop() -> None:
    """Outward and inward; the workload itself is no hop, its twin is no way."""
    answer = chain()
    a = workload("a").key
    found = blast(answer, a)
    assert found.workload == "shop/a[Deployment]"
    assert told(found.outward) == [("shop/b", 1, "shop/a"), ("shop/c", 2, "shop/b")]
    assert told(found.inward) == []
    ports = [h.ports for h in found.outward if h.type is EndpointType.WORKLOAD]
    assert ports == [PortSet.of(tcp(80)), ALL_PORTS]
    inward = blast(answer, workload("c").key).inward
    assert told(inward) == [("shop/b", 1, "shop/c"), ("shop/a", 2, "shop/b"), ("shop/twin", 2, "shop/b")]


def test_twins_of_the_workload_are_one_connection_away() -> None:
    """Where they reach each other at all, and named as the twin and not as the workload."""
    answer = reach(cluster(*(workload(name, app="x") for name in "abc"), workload("d")), PROFILE)
    for start, twins in (("b", ("a", "c")), ("a", ("b", "c"))):
        found = blast(answer, workload(start).key)
        nearby = [(f"shop/{name}", 1, f"shop/{start}") for name in (*twins, "d")]
        assert sorted(told(found.outward)) == sorted(nearby)
        assert sorted(told(found.inward)) == sorted(nearby)


def test_the_way_is_by_the_first_in_the_inputs_order() -> None:
    """Two ways of one length."""
    allowed = [
        network_policy("end", pods=labelled(app="end"), ingress=[rule(0, [pods(step="yes")])]),
        network_policy("step", pods=labelled(step="yes"), ingress=[rule(0, [pods(app="start")])]),
        network_policy("start", pods=labelled(app="start"), ingress=[]),
    ]
    steps = [workload(name, step="yes") for name in ("one", "two")]
    answer = reach(cluster(workload("start"), *steps, workload("end"), *allowed), PROFILE)
    assert told(blast(answer, workload("start").key).outward)[-1] == ("shop/end", 2, "shop/one")
    assert told(blast(answer, workload("end").key).inward)[-1] == ("shop/start", 2, "shop/one")


def test_pods_of_an_owner_are_told_one_by_one() -> None:
    """A compromised pod is one pod."""
    owner = key("ReplicaSet", "set")
    owned = [workload(f"p{i}", kind="Pod", owner=owner, version=str(i)) for i in (1, 2)]
    found = blast(reach(cluster(workload("a"), *owned), PROFILE), workload("a").key)
    assert told(found.outward) == [("shop/p1", 1, "shop/a"), ("shop/p2", 1, "shop/a")]


@pytest.mark.parametrize("seed", range(40))
def test_addresses_are_certain_where_the_way_to_them_is(seed: int) -> None:
    """In both directions: the pod is met by a certain way, and something is surely open between the two."""
    rng = Random(seed)
    answer = reach(random_cluster(rng), random_profile(rng))
    by_name = {str(w.key): w.key for w in answer.population.workloads}
    for start in by_name.values():
        found = blast(answer, start)
        for hops, outward in ((found.outward, True), (found.inward, False)):
            sure = {str(start)} | {h.id for h in hops if h.type is EndpointType.WORKLOAD and h.certain}
            for hop in hops:
                if hop.type is EndpointType.ADDRESSES:
                    address = range_from_text(hop.id).spans[0][0]
                    pod = by_name[hop.via]
                    grant = answer.between(pod, address) if outward else answer.between(address, pod)
                    assert hop.ports == grant.may
                    assert hop.certain is (hop.via in sure and bool(grant.must))


def test_an_owner_stands_for_all_its_pods() -> None:
    """What any of them reaches, and whoever reaches any of them; of themselves nothing is told."""
    owner = key("StatefulSet", "db", group="apps")
    replicas = [workload(f"db-{i}", kind="Pod", owner=owner, app="db", replica=str(i)) for i in range(2)]
    things: list[Thing] = [
        workload("near"),
        workload("far"),
        network_policy("first", pods=labelled(replica="0"), egress=[rule(0, [pods(app="near")])], ingress=[]),
        network_policy("second", pods=labelled(replica="1"), egress=[], ingress=[rule(0, [pods(app="far")])]),
        network_policy("quiet", pods=labelled(app="near"), egress=[]),
        network_policy("end", pods=labelled(app="far"), ingress=[]),
    ]
    found = blast(reach(cluster(*replicas, *things), PROFILES["cilium"]), owner)
    assert found.workload == "shop/db[StatefulSet]"
    assert told(found.outward) == [("shop/near", 1, "shop/db")]
    assert told(found.inward) == [("shop/far", 1, "shop/db")]
    with pytest.raises(KeyError):
        blast(reach(cluster(*things), PROFILES["cilium"]), owner)
