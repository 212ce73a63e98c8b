"""A blast radius is the transitive closure of the answer, with the right distances."""

from __future__ import annotations

from random import Random

import pytest

from licet.analysis.blast import Hop, blast
from licet.analysis.reach import Reach, reach
from licet.model.addresses import AddressSet, range_from_text
from licet.model.edge import EndpointType
from licet.model.key import Key
from licet.model.ports import PortSet
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
    for workload in population.workloads[:3]:
        found = blast(answer, workload.key)
        on_the_way = {str(workload.key), *(h.id for h in found.outward if h.type is EndpointType.WORKLOAD)}
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
