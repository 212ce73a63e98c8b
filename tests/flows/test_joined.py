"""Two reports of one request are one flow, and nothing else is."""

from __future__ import annotations

import random

import msgspec
import pytest

from licet.flows.envoy import Envoy
from licet.flows.joined import Joined
from licet.flows.record import Confidence, Flow, Phase, Side, TlsFailure, Verdict
from tests.flows.entries import BEGUN, CALLEE, CALLER, KEYS, failed_handshake, inbound, outbound


def _source(**entry: object) -> Flow:
    flow = Envoy(KEYS).read(outbound(**entry), CALLER)  # type: ignore[arg-type]
    assert flow is not None
    return flow


def _destination(**entry: object) -> Flow:
    flow = Envoy(KEYS).read(inbound(**entry), CALLEE)  # type: ignore[arg-type]
    assert flow is not None
    return flow


def _out(flows: list[Flow]) -> list[Flow]:
    joined = Joined()
    return [each for flow in flows for each in joined.add(flow, 0.0)] + joined.due(99.0)


def test_a_refusal_that_both_saw_is_one_refusal() -> None:
    [flow] = _out([_source(status=403), _destination(engine="denied", rule="default-deny")])
    assert (flow.verdict, flow.count, flow.reporter.side) == (Verdict.REFUSED, 1, Side.BOTH)
    assert flow.decision is not None
    assert flow.decision.rule == "default-deny"
    assert (flow.source.instance, flow.destination.instance) == ("web-1", "api-1")
    assert flow.confidence is Confidence.PROVED


def test_what_the_callee_reports_waits_for_nobody() -> None:
    joined = Joined()
    assert len(joined.add(_destination(), 0.0)) == 1
    assert joined.add(_source(), 0.1) == []
    assert joined.due(99.0) == []


def test_a_caller_without_another_side_is_told_of_later() -> None:
    joined = Joined(patience=2.0)
    assert joined.add(_source(), 0.0) == []
    assert joined.due(1.9) == []
    assert [flow.reporter.side for flow in joined.due(2.0)] == [Side.SOURCE]
    assert joined.counted["alone"] == 1


def test_what_the_caller_itself_refuses_waits_for_nobody() -> None:
    [flow] = Joined().add(msgspec.structs.replace(_source(), verdict=Verdict.REFUSED), 0.0)
    assert flow.reporter.side is Side.SOURCE


def test_an_id_that_is_used_again_makes_nobody_count_less() -> None:
    flows = [_source() for _ in range(5)] + [_destination() for _ in range(5)]
    random.Random(3).shuffle(flows)
    assert sum(flow.count for flow in _out(flows)) == 5
    assert sum(flow.count for flow in _out([_destination() for _ in range(5)])) == 5


def test_reports_that_name_different_identities_are_two() -> None:
    other = msgspec.structs.replace(
        _source(), source=msgspec.structs.replace(_source().source, identity="spiffe://example.org/ns/shop/sa/other")
    )
    assert sum(flow.count for flow in _out([other, _destination()])) == 2


def test_what_is_under_way_is_passed_on_from_either_side() -> None:
    flows = [_source(kind=BEGUN), _destination(kind=BEGUN)]
    assert [flow.phase for flow in _out(flows)] == [Phase.BEGUN, Phase.BEGUN]


def test_a_request_that_failed_in_tls_is_the_connection_that_the_callee_saw_fail() -> None:
    request = outbound(status=503)
    request.common_properties.response_flags.upstream_connection_failure = True
    request.common_properties.upstream_transport_failure_reason = "TLS_error: SSLV3_ALERT_CERTIFICATE_EXPIRED"
    request.common_properties.ClearField("upstream_local_address")
    broken = failed_handshake("TLS_error: CERTIFICATE_VERIFY_FAILED: certificate has expired")
    broken.connection_properties.Clear()
    broken.common_properties.downstream_local_address.socket_address.port_value = 8080
    reader = Envoy(KEYS)
    flows = [reader.read(request, CALLER), reader.read(broken, CALLEE)]
    [flow] = _out([flow for flow in flows if flow is not None])
    assert flow.tls is not None
    assert (flow.verdict, flow.tls.failure, flow.count) == (Verdict.REFUSED, TlsFailure.EXPIRED, 1)
    assert (flow.request is not None, flow.confidence) == (True, Confidence.REPORTED)


@pytest.mark.parametrize("most", [1, 16])
def test_memory_is_bounded_and_nothing_is_lost(most: int) -> None:
    joined = Joined(most=most)
    flows = [_source(request=f"r{number}") for number in range(200)]
    out = [each for flow in flows for each in joined.add(flow, 0.0)]
    assert len(joined) == most
    assert len(out) == joined.counted["hurried"] == 200 - most
    for number in range(200):
        joined.add(_destination(request=f"d{number}"), 0.0)
    assert len(joined) == 2 * most
    assert len(joined.due(99.0)) == most
    assert len(joined) == 0
