"""Entries of Envoy's access logs, field by field; what a real one sends is tested in tests/mesh/telemetry."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import msgspec
import pytest
from envoy.data.accesslog.v3.accesslog_pb2 import (  # type: ignore[import-untyped]
    AccessLogType,
    HTTPAccessLogEntry,
    TCPAccessLogEntry,
)
from google.protobuf.message import DecodeError

from licet.flows.envoy import Entry, Envoy
from licet.flows.record import (
    Certificate,
    Confidence,
    Decision,
    Endpoint,
    Evidence,
    Failure,
    Flow,
    Latency,
    Phase,
    Reporter,
    Request,
    Side,
    Tls,
    TlsFailure,
    Transport,
    Verdict,
    encode,
)
from tests.flows.entries import (
    API,
    API_ID,
    BEGUN,
    CALLEE,
    CALLER,
    KEYS,
    WEB,
    WEB_ID,
    connection,
    failed_handshake,
    inbound,
    outbound,
)


def _read(entry: Entry, vantage: object = CALLEE) -> Flow:
    flow = Envoy(KEYS).read(entry, vantage)  # type: ignore[arg-type]
    assert flow is not None
    return flow


def test_a_request_as_the_callee_saw_it() -> None:
    assert _read(inbound()) == Flow(
        datetime(2026, 11, 21, 19, 20, 16, 92067, UTC),
        Endpoint(
            WEB_ID,
            workload=WEB,
            namespace="shop",
            address="10.0.0.1",
            port=41954,
            certificate=Certificate("60e4bd", "f4a4" * 16),
        ),
        Endpoint(API_ID, workload=API, namespace="shop", instance="api-1", address="10.0.0.2", port=8080),
        Transport.TCP,
        Reporter(Side.DESTINATION, "api-1", "envoy"),
        Verdict.FORWARDED,
        Decision(Evidence.ENFORCER, "envoy", rule="checkout"),
        request=Request("HTTP/1.1", "GET", "api", "/v1/items", status=200),
        tls=Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256"),
        end=datetime(2026, 11, 21, 19, 20, 16, 94289, UTC),
        bytes_sent=236,
        bytes_received=126,
        latency=Latency(2_222_713, 1_721_054, 531_941),
        trace="0af7651916cd43dd8448eb211c80319c",
        id="api-1/r1",
        keys=("request/r1",),
        confidence=Confidence.PROVED,
    )


def test_a_query_is_never_kept() -> None:
    assert b"secret" not in encode(_read(inbound())) + encode(_read(outbound(), CALLER))


@pytest.mark.parametrize(
    ("entry", "verdict", "rule", "tried"),
    [
        (inbound(engine="denied", rule="default-deny"), Verdict.REFUSED, "default-deny", ""),
        (inbound(engine="denied", rule="revoked"), Verdict.REFUSED, "revoked", ""),
        (inbound(engine="denied", rule="a[b]"), Verdict.REFUSED, "a[b]", ""),
        (
            inbound(engine="denied", rule="foreign-address", mode="shadow"),
            Verdict.WOULD_REFUSE,
            *["foreign-address"] * 2,
        ),
        (inbound(mode="shadow"), Verdict.FORWARDED, "checkout", "checkout"),
    ],
)
def test_what_decided_is_named(entry: Entry, verdict: Verdict, rule: str, tried: str) -> None:
    flow = _read(entry)
    assert (flow.verdict, flow.decision) == (verdict, Decision(Evidence.ENFORCER, "envoy", rule=rule, tried=tried))


def test_the_response_alone_tells_of_a_refusal() -> None:
    entry = inbound(engine="denied", rule="default-deny")
    entry.common_properties.ClearField("metadata")
    flow = _read(entry)
    assert flow.verdict is Verdict.REFUSED
    assert flow.decision is not None
    assert flow.decision.rule == "default-deny"


def test_what_only_began_counts_nothing_and_decides_nothing() -> None:
    flow = _read(inbound(BEGUN))
    assert (flow.phase, flow.count, flow.verdict, flow.end) == (Phase.BEGUN, 0, None, None)


def test_what_the_router_says_of_its_own_side_is_not_counted_again() -> None:
    reader = Envoy(KEYS)
    assert reader.read(inbound(AccessLogType.UpstreamEnd), CALLEE) is None
    assert reader.counted == {"repeated": 1}


@pytest.mark.parametrize(
    ("flag", "failure", "verdict"),
    [
        ("no_healthy_upstream", Failure.NO_ENDPOINT, Verdict.FAILED),
        ("no_route_found", Failure.NO_ROUTE, Verdict.FAILED),
        ("upstream_connection_failure", Failure.NOT_REACHED, Verdict.FAILED),
        ("upstream_request_timeout", Failure.TIMEOUT, Verdict.FAILED),
        ("upstream_overflow", Failure.OVERLOAD, Verdict.FAILED),
        ("downstream_connection_termination", Failure.CALLER_LEFT, Verdict.FORWARDED),
        ("delay_injected", None, Verdict.FORWARDED),
    ],
)
def test_flags_say_why_it_failed(flag: str, failure: Failure | None, verdict: Verdict) -> None:
    entry = outbound()
    setattr(entry.common_properties.response_flags, flag, True)
    flow = _read(entry, CALLER)
    assert (flow.verdict, flow.failure) == (verdict, failure)


def test_grpc_is_told_by_its_content_type() -> None:
    entry = inbound()
    entry.request.path = "/shop.Payment/Charge"
    entry.request.request_headers["content-type"] = "application/grpc+proto"
    entry.response.response_trailers["grpc-status"] = "7"
    request = _read(entry).request
    assert request is not None
    assert (request.service, request.rpc, request.grpc_status) == ("shop.Payment", "Charge", 7)


def test_a_broken_connection_that_two_logs_tell_of_counts_once() -> None:
    reader = Envoy(KEYS)
    entry = failed_handshake("TLS_error:|268435648:SSL routines:OPENSSL_internal:PEER_DID_NOT_RETURN_A_CERTIFICATE")
    entry.connection_properties.Clear()
    flow = reader.read(entry, CALLEE)
    assert flow is not None
    assert (flow.verdict, flow.failure, flow.source.identity) == (Verdict.REFUSED, Failure.TLS, "")
    assert flow.tls is not None
    assert flow.tls.failure is TlsFailure.NO_CERTIFICATE
    entry.common_properties.access_log_type = AccessLogType.TcpConnectionEnd
    assert reader.read(entry, CALLEE) is None


def test_broken_connections_without_an_id_count_each() -> None:
    """As a listener tells of a handshake, before there is anything that could be numbered."""
    reader = Envoy(KEYS)
    entry = failed_handshake("TLS_error: PEER_DID_NOT_RETURN_A_CERTIFICATE")
    entry.connection_properties.Clear()
    entry.common_properties.stream_id = ""
    assert [reader.read(entry, CALLEE) is not None for _ in range(3)] == [True] * 3


def test_a_connection_that_is_reset_after_it_carried_something_has_not_failed() -> None:
    entry = failed_handshake("TLS_error:|33554536:system library:OPENSSL_internal:Connection reset by peer")
    entry.common_properties.access_log_type = AccessLogType.TcpConnectionEnd
    flow = _read(entry)
    assert (flow.verdict, flow.failure, flow.source.identity) == (Verdict.FORWARDED, Failure.CALLER_LEFT, WEB_ID)


def test_two_identities_in_a_certificate_are_none() -> None:
    entry = inbound()
    entry.common_properties.tls_properties.peer_certificate_properties.subject_alt_name.add().uri = API_ID
    flow = _read(entry)
    assert (flow.source.identity, flow.source.claimed, flow.source.workload) == ("", WEB_ID, None)


@pytest.mark.parametrize("seconds", [1 << 62, -(1 << 62), 253402300800])
def test_a_time_that_is_none_is_counted(seconds: int) -> None:
    reader = Envoy(KEYS)
    entry = inbound()
    entry.common_properties.start_time.seconds = seconds
    assert reader.read(entry, CALLEE) is None
    assert reader.read(HTTPAccessLogEntry(), CALLEE) is None
    assert reader.counted == {"malformed": 2}


def test_no_message_raises() -> None:
    """Whatever a sidecar sends ends as a flow that can be written, or is counted."""
    chance = random.Random(7)
    reader = Envoy(KEYS)
    seeds = [
        inbound(),
        inbound(BEGUN),
        outbound(),
        connection(),
        failed_handshake("TLS_error: certificate has expired"),
    ]
    parsed = 0
    for _ in range(20_000):
        seed = chance.choice(seeds)
        data = bytearray(seed.SerializeToString())
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        kind = chance.choice((HTTPAccessLogEntry, TCPAccessLogEntry))
        try:
            entry = kind.FromString(bytes(data))
        except DecodeError:
            continue
        parsed += 1
        flow = reader.read(entry, chance.choice((CALLER, CALLEE)))
        if flow is not None:
            encode(flow)
    assert sum(reader.counted.values()) == parsed > 2_000
    assert reader.counted["malformed"] > 0


_REFUSING = msgspec.structs.replace(CALLER, other=Endpoint(), default="default-deny", refuses=True, either=True)


def test_a_call_that_nothing_was_said_of_is_refused_where_it_was_meant_to_go() -> None:
    entry = connection()
    flow = _read(entry, msgspec.structs.replace(_REFUSING, own=msgspec.structs.replace(CALLER.own, address="10.0.0.9")))
    assert (flow.verdict, flow.decision) == (
        Verdict.REFUSED,
        Decision(Evidence.ENFORCER, "envoy", rule="default-deny"),
    )
    assert (flow.reporter.side, flow.source.workload) == (Side.SOURCE, WEB)
    assert (flow.destination.address, flow.destination.port) == ("10.0.0.2", 9000)


def test_what_comes_in_for_no_served_port_is_refused_by_the_callee() -> None:
    own = msgspec.structs.replace(CALLEE.own, port=None)
    flow = _read(connection(), msgspec.structs.replace(_REFUSING, own=own))
    assert (flow.verdict, flow.reporter.side) == (Verdict.REFUSED, Side.DESTINATION)
    assert (flow.source.address, flow.destination.workload, flow.destination.port) == ("10.0.0.1", API, 9000)


def test_what_a_refusing_log_let_pass_was_not_refused() -> None:
    flow = _read(outbound(), msgspec.structs.replace(_REFUSING, either=False))
    assert flow.verdict is Verdict.FORWARDED


def test_a_caller_that_no_chain_of_a_listener_is_for_is_refused() -> None:
    """A caller without TLS at a port that takes nobody without."""
    reader = Envoy(KEYS)
    entry = connection(AccessLogType.NotSet)
    entry.connection_properties.Clear()
    entry.common_properties.response_flags.no_route_found = True
    vantage = msgspec.structs.replace(CALLEE, default="default-deny")
    flow = reader.read(entry, vantage)
    assert flow is not None
    assert (flow.verdict, flow.decision) == (Verdict.REFUSED, Decision(Evidence.ENFORCER, "envoy", rule="default-deny"))


def test_callers_that_no_chain_is_for_count_each() -> None:
    """Envoy numbers every one of them 0."""
    reader = Envoy(KEYS)
    entry = connection(AccessLogType.NotSet)
    entry.connection_properties.Clear()
    entry.common_properties.response_flags.no_route_found = True
    entry.common_properties.custom_tags["connection"] = "0"
    vantage = msgspec.structs.replace(CALLEE, default="default-deny")
    assert [flow is not None for flow in (reader.read(entry, vantage), reader.read(entry, vantage))] == [True, True]


def test_a_connection_is_read_by_its_ends() -> None:
    flow = _read(connection())
    assert (flow.request, flow.keys) == (None, ("tcp/10.0.0.1:41954/10.0.0.2:9000",))
    assert (flow.bytes_sent, flow.bytes_received, flow.count) == (159, 20, 1)
