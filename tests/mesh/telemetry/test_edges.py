"""Counts by edge, in memory that nobody can fill."""

from __future__ import annotations

import random

import msgspec
import pytest

from licet.flows.envoy import Envoy
from licet.flows.record import Endpoint, Flow, Phase
from licet.mesh.telemetry.edges import OTHER, Counts, Edge, Edges
from tests.flows.entries import BEGUN, CALLEE, KEYS, inbound

_EDGE = Edge("shop/web[Deployment]", "shop/api[Deployment]", 8080, "http")


def _flow(**entry: str | int) -> Flow:
    flow = Envoy(KEYS).read(inbound(**entry), CALLEE)  # type: ignore[arg-type]
    assert flow is not None
    return flow


def _stranger(address: str, flow: Flow | None = None) -> Flow:
    return msgspec.structs.replace(flow or _flow(), source=Endpoint(address=address))


def test_every_verdict_has_its_count_and_the_last_rule_stands() -> None:
    edges = Edges()
    for flow in (
        _flow(),
        _flow(),
        _flow(engine="denied", rule="default-deny", mode="shadow"),
        _flow(engine="denied", rule="revoked"),
    ):
        edges.add(flow)
    assert edges.totals() == {_EDGE: Counts(2, 1, 1, 0, "revoked", _flow().start)}


def test_strangers_are_counted_by_network() -> None:
    edges = Edges()
    for address in ("192.0.2.1", "192.0.2.200", "2001:db8::1", "2001:db8::ffff", "/run/app", ""):
        edges.add(_stranger(address))
    found = {edge.source: counts.forwarded for edge, counts in edges.totals().items()}
    assert found == {"192.0.2.0/24": 2, "2001:db8::/64": 2, "unknown": 2}


def test_no_flood_takes_room_from_those_who_are_known() -> None:
    chance = random.Random(1)
    edges = Edges(most=50, strangers=20)
    for _ in range(5_000):
        edges.add(_stranger(".".join(str(chance.randrange(256)) for _ in range(4))))
    edges.add(_flow())
    totals = edges.totals()
    assert len(totals) == 22
    assert totals[_EDGE].forwarded == 1
    assert totals[Edge(OTHER, _EDGE.destination, 8080, "http")].forwarded == edges.counted["other"]
    assert sum(counts.forwarded for counts in totals.values()) == 5_001


def test_edges_that_there_is_no_room_for_are_other() -> None:
    edges = Edges(most=3)
    for port in range(10):
        flow = _flow()
        edges.add(msgspec.structs.replace(flow, destination=msgspec.structs.replace(flow.destination, port=port + 1)))
    assert edges.totals()[Edge(OTHER, OTHER, 0, OTHER)].forwarded == 7
    assert len(edges.totals()) == 4


def test_what_is_under_way_is_open_until_it_ends() -> None:
    edges = Edges()
    edges.follow(_flow(kind=BEGUN))
    edges.follow(_flow(kind=BEGUN))
    edges.follow(_flow(kind=BEGUN, request="r2"))
    assert edges.open() == {_EDGE: 2}
    edges.follow(_flow())
    edges.forget("web-1")
    assert edges.open() == {_EDGE: 1}
    edges.forget("api-1")
    assert edges.open() == {}


@pytest.mark.parametrize("phase", [Phase.BEGUN, Phase.RUNNING])
def test_who_a_connection_is_from_may_be_known_later(phase: Phase) -> None:
    edges = Edges()
    known = msgspec.structs.replace(_flow(kind=BEGUN), phase=phase)
    edges.follow(_stranger("10.0.0.1", known))
    edges.follow(known)
    edges.follow(_stranger("10.0.0.1", known))
    assert edges.open() == {_EDGE: 1}
