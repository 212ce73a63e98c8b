"""Entries become counts, at the pace that there is room for, and what is lost is said."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from licet.flows.envoy import Envoy, Vantage
from licet.flows.record import Flow, Side, Verdict
from licet.mesh.sidecar import Capture, Sidecar
from licet.mesh.telemetry.access_log import AccessLogs, Caller
from licet.mesh.telemetry.edges import Edge, Edges
from licet.mesh.telemetry.intake import Intake
from licet.mesh.telemetry.metrics import Metrics
from licet.mesh.telemetry.vantage import vantage
from licet.model.key import Key
from tests.flows.entries import API, API_ID, BEGUN, KEYS, WEB, WEB_ID, inbound, outbound

_SIDECARS = {
    "web-1": Sidecar("web-1", WEB, WEB_ID, "10.0.0.1", Capture.EXPLICIT),
    "api-1": Sidecar("api-1", API, API_ID, "10.0.0.2", Capture.EXPLICIT),
}
_WEB, _API = (Caller(each.identity, frozenset({each.id}), each.id) for each in _SIDECARS.values())
_OUT = f"outbound/{API}:8080"
_EDGE = Edge(str(WEB), str(API), 8080, "http")


def _place(caller: Caller, name: str) -> Vantage | None:
    sidecar = _SIDECARS.get(caller.node)
    return None if sidecar is None else vantage(sidecar, name, {str(key): key for key in KEYS.values()})


def _intake(most: int = 100, prober: str = "") -> tuple[Intake, list[Flow]]:
    flows: list[Flow] = []
    return Intake(_place, Envoy(KEYS), Edges(), lambda: 0.0, on_flow=[flows.append], most=most, prober=prober), flows


def test_both_sides_of_a_request_count_once() -> None:
    intake, flows = _intake()
    intake(_WEB, _OUT, [outbound(BEGUN), outbound()])
    intake(_API, "inbound/8080", [inbound(BEGUN), inbound()])
    intake.settle()
    assert {edge: counts.forwarded for edge, counts in intake.edges.totals().items()} == {_EDGE: 1}
    assert intake.edges.open() == {}
    assert [flow.count for flow in flows] == [0, 0, 1]


def test_what_one_side_says_is_told_before_the_other_side_changes_it() -> None:
    reports: list[Flow] = []
    intake = Intake(_place, Envoy(KEYS), Edges(), lambda: 0.0, on_report=[reports.append])
    lie = outbound()
    lie.common_properties.metadata.CopyFrom(inbound(engine="denied", mode="shadow").common_properties.metadata)
    intake(_WEB, _OUT, [lie])
    intake(_API, "inbound/8080", [inbound()])
    intake.settle()
    assert intake.edges.totals()[_EDGE].would_refuse == 1
    told = [(flow.reporter.side, flow.verdict) for flow in reports]
    assert told == [(Side.SOURCE, Verdict.WOULD_REFUSE), (Side.DESTINATION, Verdict.FORWARDED)]


def test_it_reads_while_it_runs() -> None:
    async def scenario() -> None:
        intake, flows = _intake()
        running = asyncio.create_task(intake.run())
        async with asyncio.timeout(20):
            for number in range(3):
                intake(_API, "inbound/8080", [inbound(request=f"r{number}")])
                while len(flows) == number:
                    await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert intake.edges.totals()[_EDGE].forwarded == 3

    asyncio.run(scenario())


def test_what_there_is_no_room_for_is_counted_as_dropped() -> None:
    intake, flows = _intake(most=3)
    intake(_API, "inbound/8080", [inbound(request=f"r{number}") for number in range(5)])
    assert (intake.waiting, intake.counted.counts()) == (3, {"dropped": 2})
    intake.settle()
    assert len(flows) == 3


def test_the_prober_is_no_traffic() -> None:
    intake, flows = _intake(prober=WEB_ID)
    intake(_API, "inbound/8080", [inbound()])
    intake.settle()
    assert (flows, intake.counted.counts()) == ([], {"probes": 1})


def test_a_log_of_nobody_is_counted() -> None:
    intake, flows = _intake()
    intake(Caller("spiffe://a/b", frozenset(), "gone"), "inbound/8080", [inbound()])
    assert (flows, intake.counted.counts()) == ([], {"unplaced": 1})


@pytest.mark.parametrize(
    ("log", "side", "port", "other", "refuses"),
    [
        ("inbound/8080", Side.DESTINATION, 8080, None, False),
        (_OUT, Side.SOURCE, None, API, False),
        ("outbound/api.example.com:443", Side.SOURCE, None, "api.example.com", False),
        ("outbound/192.0.2.1:5432", Side.SOURCE, None, "192.0.2.1", False),
        ("refused", Side.SOURCE, None, None, True),
        (f"refused/{API}:8080", Side.SOURCE, None, API, True),
        ("captured/out", Side.SOURCE, None, None, False),
        ("captured/in", Side.DESTINATION, None, None, False),
        ("inbound/x", Side.DESTINATION, None, None, False),
        ("", Side.DESTINATION, None, None, False),
    ],
)
def test_a_logs_name_says_where_it_is_kept(
    log: str, side: Side, port: int | None, other: Key | str | None, refuses: bool
) -> None:
    seen = vantage(_SIDECARS["api-1"], log, {str(API): API})
    assert (seen.side, seen.own.port, seen.refuses) == (side, port, refuses)
    assert (seen.other.workload or seen.other.name or seen.other.address or None) == other


def test_metrics_say_what_edges_count() -> None:
    intake, _ = _intake(most=2)
    intake(_API, "inbound/8080", [inbound(), inbound(BEGUN, request="r2"), inbound()])
    intake.settle()
    registry = CollectorRegistry()
    registry.register(Metrics(AccessLogs(lambda _: None, [intake]), intake))
    text = generate_latest(registry).decode()
    labels = 'destination="shop/api[Deployment]",kind="http",port="8080",source="shop/web[Deployment]"'
    assert f'licet_mesh_flows_total{{{labels},verdict="forwarded"}} 1.0' in text
    assert f"licet_mesh_open{{{labels}}} 1.0" in text
    assert 'licet_mesh_entries_lost_total{what="dropped"} 1.0' in text
