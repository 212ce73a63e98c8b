"""What fails of an assertion on random clusters, and how many pairs do, is what every single packet shows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random

import pytest

from licet.analysis.ask import ask
from licet.analysis.edges import gateway_id
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.grant import Grant
from licet.analysis.reach import Reach, reach
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.assertion import AddressesWithin, Anything, Assertion, Expectation, IngressController, World
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.ports import PortRange, Protocol
from licet.model.verdict import Verdict
from licet.model.workload import Workload
from tests.analysis.parties import an_assertion, is_among, is_router_among, with_twins
from tests.analysis.test_routed import with_routes
from tests.clusters import PORTS, border_addresses, random_cluster, random_profile


def packets(assertion: Assertion, cluster: Cluster, end: Workload | int) -> Iterator[tuple[Protocol, int]]:
    """The ports to look at on one destination: every border of every rule, where it is asked about."""
    for port in assertion.ports or tuple(PortRange(protocol) for protocol in Protocol):
        if isinstance(port, PortRange):
            borders = {at + step for at in PORTS for step in (-1, 0, 1)}
            borders |= {number.number for workload in cluster.workloads for number in workload.ports}
            yield from ((port.protocol, at) for at in sorted(borders) if port.first <= at <= port.last)
        elif isinstance(end, Workload):
            yield from end.port_numbers(port.name, port.protocol)


End = Workload | Key | int
"""Workloads, ingress controllers and gateways, addresses."""
Pair = tuple[Key | None, Key | None]
"""Both ends of a connection; all addresses outside are one."""


def worst(answer: Reach, assertion: Assertion) -> tuple[dict[Pair, set[Verdict]], bool]:
    """The verdicts that fail, packet by packet, and whether there was any packet."""
    cluster = answer.cluster
    ends: list[Workload | int] = [*cluster.workloads, *_addresses(assertion, cluster)]
    sources = [end for end in (*ends, *routers(answer)) if _is_source(assertion, end, cluster)]
    failing: dict[Pair, set[Verdict]] = {}
    asked_any = False
    for src, dst in itertools.product(sources, ends):
        if isinstance(src, int) and isinstance(dst, int):
            continue
        itself = src is dst and isinstance(src, Workload) and src.key.kind == "Pod"
        if itself and assertion.expectation is not Expectation.ALLOW:
            continue
        if isinstance(src, Key) and isinstance(dst, int):
            continue
        if not any(is_among(party.who, dst, cluster) for party in assertion.destinations):
            continue
        grant = granted(answer, src, dst)
        for point in packets(assertion, cluster, dst):
            asked_any = True
            verdict = grant.verdict(point)
            if verdict is not (Verdict.ALLOW if assertion.expectation is Expectation.ALLOW else Verdict.DENY):
                failing.setdefault((_key(src), _key(dst)), set()).add(verdict)
    return failing, asked_any


def routers(answer: Reach) -> list[Key]:
    """Whatever leads to pods from outside, wherever it leads."""
    return list(
        dict.fromkeys([INGRESS_CONTROLLER, *(gateway.key for gateway in answer.cluster.gateways), *answer.routed])
    )


def _addresses(assertion: Assertion, cluster: Cluster) -> list[int]:
    found = border_addresses(cluster)
    for party in (*assertion.sources, *assertion.destinations):
        if isinstance(party.who, AddressesWithin):
            found += [edge + step for span in party.who.addresses.spans for edge in span for step in (-1, 0, 1)]
    return [one for one in found if 0 <= one <= EVERY_ADDRESS.spans[-1][1]]


def _is_source(assertion: Assertion, end: End, cluster: Cluster) -> bool:
    whos = [party.who for party in assertion.sources]
    only = assertion.expectation is Expectation.ONLY
    if isinstance(end, Key):
        if assertion.expectation is Expectation.ALLOW:
            whos = [who for who in whos if who != Anything()]
        return only is not any(is_router_among(who, end) for who in whos)
    if only:
        return is_among(Anything(), end, cluster) and not any(is_among(who, end, cluster, surely=True) for who in whos)
    return any(is_among(who, end, cluster) for who in whos)


def granted(answer: Reach, src: End, dst: Workload | int) -> Grant:
    """What the whole answer says of a connection; for routers, of what their routes lead to."""
    if isinstance(src, Key):
        assert isinstance(dst, Workload)
        return answer.routed.get(src, {}).get(answer.population.class_of[dst.key], answer.grants.denied)
    return answer.between(src.key if isinstance(src, Workload) else src, dst.key if isinstance(dst, Workload) else dst)


def _key(end: End) -> Key | None:
    return end.key if isinstance(end, Workload) else end if isinstance(end, Key) else None


@pytest.mark.parametrize("seed", range(150))
def test_it_agrees_with_every_single_packet(seed: int) -> None:
    """On random clusters: what fails is what some packet shows, pair by pair, and every witness is such a packet."""
    rng = Random(seed)
    cluster = with_routes(rng, with_twins(rng, random_cluster(rng)))
    answered = reach(cluster, random_profile(rng))
    names: dict[str, End] = {str(workload.key): workload for workload in cluster.workloads}
    names |= {gateway_id(router): router for router in routers(answered)}
    assertions = [an_assertion(rng, cluster, routers(answered)) for _ in range(6)]
    for assertion, answer in zip(assertions, ask(answered, assertions), strict=True):
        failing, asked_any = worst(answered, assertion)
        certain = {Verdict.DENY, Verdict.ALLOW} & {verdict for verdicts in failing.values() for verdict in verdicts}
        assert answer.count == len(failing), assertion
        assert bool(answer.failures) == bool(failing)
        if answer.failures:
            assert (answer.failures[0].verdict in certain) == bool(certain)
        for failure in answer.failures:
            src, dst = (
                names[name] if name in names else AddressSet.of([name]).spans[0][0]
                for name in (failure.src, failure.dst)
            )
            assert not isinstance(dst, Key)
            assert granted(answered, src, dst).verdict((failure.protocol, failure.port)) is failure.verdict
            assert failure.verdict in failing[_key(src), _key(dst)]
            assert bool(failure.assumptions) == (failure.verdict is Verdict.UNDETERMINED)
        if assertion.ports is None and assertion.expectation is not Expectation.ONLY:
            assert answer.asks == asked_any
        parties = (*assertion.sources, *assertion.destinations)
        assert [one.party for one in answer.unmatched] == [
            party
            for party in parties
            if not isinstance(party.who, AddressesWithin | World | IngressController)
            and not any(is_among(party.who, workload, cluster) for workload in cluster.workloads)
            and not any(is_router_among(party.who, gateway.key) for gateway in cluster.gateways)
        ]
