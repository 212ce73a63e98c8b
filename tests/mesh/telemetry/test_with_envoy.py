"""What a real Envoy says of what it lets through, refuses, would refuse and cannot reach, as flows and as counts."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator

import pytest

from licet.flows.joined import Joined
from licet.flows.record import (
    Confidence,
    Decision,
    Evidence,
    Failure,
    Flow,
    Phase,
    Side,
    TlsFailure,
    Verdict,
    decode,
    encode,
)
from tests.mesh.telemetry.platform import API, OTHER, TRACE, WEB, Platform, plain, platform, strange
from tests.mesh.telemetry.proxy import CALLEE, CALLER, STRANGER, until

_DEFAULT = Decision(Evidence.ENFORCER, "envoy", rule="default-deny")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with platform(tmp_path_factory.mktemp("mesh")) as made:
        yield made


def _one(flows: list[Flow]) -> Flow:
    """The one flow that the reports of both sides are."""
    joined = Joined()
    out = [each for flow in sorted(flows, key=_source_first) for each in joined.add(flow, 0.0)]
    [one] = [flow for flow in (*out, *joined.due(99.0)) if flow.phase is Phase.ENDED]
    assert decode(encode(one)) == one
    return one


def _source_first(flow: Flow) -> bool:
    return flow.reporter.side is Side.DESTINATION


@pytest.mark.parametrize(
    ("listener", "node", "status", "verdict", "decision"),
    [
        ("8080", "web-1", 200, Verdict.FORWARDED, ("checkout", "")),
        ("8080", "stranger-1", 403, Verdict.REFUSED, ("default-deny", "")),
        ("8081", "web-1", 200, Verdict.FORWARDED, ("checkout", "checkout")),
        ("8081", "stranger-1", 200, Verdict.WOULD_REFUSE, ("default-deny", "default-deny")),
        ("9000", "web-1", 200, Verdict.FORWARDED, None),
        ("9000", "stranger-1", 0, Verdict.REFUSED, ("default-deny", "")),
        ("9001", "web-1", 200, Verdict.FORWARDED, ("checkout", "checkout")),
        ("9001", "stranger-1", 200, Verdict.WOULD_REFUSE, ("default-deny", "default-deny")),
    ],
)
def test_the_verdict_and_the_rule_behind_it(
    running: Platform,
    listener: str,
    node: str,
    status: int,
    verdict: Verdict,
    decision: tuple[str, str] | None,
) -> None:
    assert running.get(listener, node) == status
    flow = _one(running.flows(2))
    rule = None if decision is None else Decision(Evidence.ENFORCER, "envoy", "", *decision)
    assert (flow.verdict, flow.decision, flow.count) == (verdict, rule, 1)
    workload, identity = (WEB, CALLER) if node == "web-1" else (OTHER, STRANGER)
    assert (flow.source.workload, flow.source.identity) == (workload, identity)
    assert (flow.destination.workload, flow.destination.identity) == (API, CALLEE)
    assert (flow.destination.port, flow.source.instance, flow.destination.instance) == (int(listener), node, "api-1")
    assert (flow.reporter.side, flow.confidence) == (Side.BOTH, Confidence.PROVED)
    assert flow.tls is not None
    assert (flow.tls.version, flow.tls.cipher) == ("TLSv1.3", "TLS_AES_128_GCM_SHA256")
    assert flow.source.certificate is not None
    assert len(flow.source.certificate.fingerprint) == 64
    if listener.startswith("8"):
        assert flow.request is not None
        assert (flow.request.method, flow.request.path, flow.request.status) == ("GET", "/v1/items", status)
        assert flow.latency is not None
        assert flow.latency.total is not None
        assert flow.latency.decision is not None
        assert 0 < flow.latency.decision <= flow.latency.total
        assert flow.trace == TRACE


@pytest.mark.parametrize(
    ("listener", "failure", "cause"),
    [
        ("impostor", Failure.TLS, TlsFailure.WRONG_IDENTITY),
        ("unknown-callee", Failure.TLS, TlsFailure.UNKNOWN_AUTHORITY),
        ("unknown-caller", Failure.TLS, TlsFailure.UNKNOWN_AUTHORITY),
        ("expired", Failure.TLS, TlsFailure.EXPIRED),
        ("old-version", Failure.TLS, TlsFailure.VERSION),
    ],
)
def test_a_handshake_that_fails_between_sidecars_counts_once_by_its_cause(
    running: Platform, listener: str, failure: Failure, cause: TlsFailure
) -> None:
    assert running.get(listener) == 503
    flow = _one(running.flows(2))
    assert (flow.verdict, flow.failure, flow.count) == (Verdict.REFUSED, failure, 1)
    assert flow.decision == Decision(Evidence.ENFORCER, "envoy", rule=cause.value)
    assert flow.tls is not None
    assert flow.tls.failure is cause
    assert (flow.source.workload, flow.destination.workload, flow.reporter.side) == (WEB, API, Side.BOTH)
    assert flow.confidence is Confidence.REPORTED


def _weak(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("settings", "cause"), [(lambda _: None, TlsFailure.NO_CERTIFICATE), (_weak, TlsFailure.VERSION)]
)
def test_a_stranger_without_proof_is_seen_by_its_address_alone(
    running: Platform, settings: Callable[[ssl.SSLContext], object], cause: TlsFailure
) -> None:
    strange(running.port("inbound/8080", "api-1"), settings)
    flow = _one(running.flows(1))
    assert (flow.verdict, flow.failure) == (Verdict.REFUSED, Failure.TLS)
    assert flow.tls is not None
    assert flow.tls.failure is cause
    assert (flow.source.identity, flow.source.claimed, flow.source.address) == ("", "", "127.0.0.1")


def test_a_caller_without_tls_is_refused_by_default(running: Platform) -> None:
    plain(running.port("inbound/8080", "api-1"))
    flow = _one(running.flows(1))
    assert (flow.verdict, flow.decision) == (Verdict.REFUSED, _DEFAULT)
    assert (flow.source.identity, flow.destination.workload, flow.destination.port) == ("", API, 8080)


def test_a_call_that_nothing_was_agreed_for_is_refused_where_it_is_made(running: Platform) -> None:
    port = running.port("refused")
    plain(port)
    flow = _one(running.flows(1))
    assert (flow.verdict, flow.decision, flow.reporter.side) == (Verdict.REFUSED, _DEFAULT, Side.SOURCE)
    assert (flow.source.workload, flow.destination.address, flow.destination.port) == (WEB, "127.0.0.1", port)


def test_an_identity_that_was_not_verified_is_a_claim(running: Platform) -> None:
    running.get("unknown-caller")
    [seen] = [flow for flow in running.flows(2) if flow.reporter.side is Side.DESTINATION]
    assert (seen.source.identity, seen.source.claimed, seen.source.workload) == ("", CALLER, None)


def test_a_callee_that_is_not_there_is_told_by_the_caller_alone(running: Platform) -> None:
    assert running.get("nowhere") == 503
    flow = _one(running.flows(1))
    assert (flow.verdict, flow.failure, flow.reporter.side) == (Verdict.FAILED, Failure.NOT_REACHED, Side.SOURCE)


def test_a_connection_is_seen_while_it_runs_and_counts_when_it_ends(running: Platform) -> None:
    running.skip()
    before = sum(counts.forwarded for edge, counts in running.intake().edges.totals().items() if edge.port == 9000)
    with socket.create_connection(("127.0.0.1", running.port("9000"))) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: api\r\n\r\n")
        assert connection.recv(1)
        until(lambda: sum(running.intake().edges.open().values()) == 1)
        [edge] = running.intake().edges.open()
        assert (edge.source, edge.destination, edge.port) == (str(WEB), str(API), 9000)
    assert {flow.phase for flow in running.flows(2)} == {Phase.BEGUN, Phase.ENDED}
    after = running.intake().edges
    assert after.open() == {}
    assert sum(counts.forwarded for edge, counts in after.totals().items() if edge.port == 9000) == before + 1


def test_many_requests_are_counted_exactly_by_edge(running: Platform) -> None:
    was = running.intake().edges.totals()
    for _ in range(20):
        running.get("8080")
        running.get("8080", "stranger-1")
    running.flows(80)
    now = running.intake().edges.totals()
    risen = {
        (edge.source, counts.rule): (
            counts.forwarded - (was[edge].forwarded if edge in was else 0),
            counts.refused - (was[edge].refused if edge in was else 0),
        )
        for edge, counts in now.items()
        if edge.port == 8080 and edge.source in (str(WEB), str(OTHER))
    }
    assert risen == {(str(WEB), "checkout"): (20, 0), (str(OTHER), "default-deny"): (0, 20)}
