"""Entries of access logs as Envoy 1.40 sends them, of the same request or connection from both sides."""

from __future__ import annotations

from envoy.config.core.v3.base_pb2 import RequestMethod  # type: ignore[import-untyped]
from envoy.data.accesslog.v3.accesslog_pb2 import (  # type: ignore[import-untyped]
    AccessLogCommon,
    AccessLogType,
    HTTPAccessLogEntry,
    TCPAccessLogEntry,
)

from licet.flows.envoy import Vantage
from licet.flows.record import Endpoint, Side
from licet.model.key import Key

WEB, API = (Key("", "apps", "Deployment", "shop", name) for name in ("web", "api"))
WEB_ID, API_ID = "spiffe://example.org/ns/shop/sa/web", "spiffe://example.org/ns/shop/sa/api"
KEYS = {WEB_ID: WEB, API_ID: API}
CALLER = Vantage(
    Side.SOURCE,
    "web-1",
    Endpoint(WEB_ID, workload=WEB, namespace="shop", instance="web-1", address="10.0.0.1"),
    Endpoint(workload=API, namespace="shop", port=8080),
)
CALLEE = Vantage(
    Side.DESTINATION,
    "api-1",
    Endpoint(API_ID, workload=API, namespace="shop", instance="api-1", address="10.0.0.2", port=8080),
)
BEGUN, ENDED = AccessLogType.DownstreamStart, AccessLogType.DownstreamEnd
_SECONDS = 1_795_288_816


def inbound(
    kind: int = ENDED, *, request: str = "r1", engine: str = "allowed", rule: str = "checkout", mode: str = "enforced"
) -> HTTPAccessLogEntry:
    """What the callee's sidecar says of a request."""
    entry = HTTPAccessLogEntry(common_properties=_common(kind, request))
    common = entry.common_properties
    _put(common.downstream_direct_remote_address, "10.0.0.1", 41954)
    _put(common.downstream_local_address, "10.0.0.2", 8080)
    tls = common.tls_properties
    tls.tls_version, tls.tls_cipher_suite.value = 4, 4865
    tls.peer_certificate_properties.subject_alt_name.add().uri = WEB_ID
    tls.local_certificate_properties.subject_alt_name.add().uri = API_ID
    common.custom_tags["peer_serial"] = "60E4BD"
    common.custom_tags["peer_fingerprint"] = "f4a4" * 16
    _ask(entry, request)
    if kind == ENDED:
        denied = engine == "denied" and mode == "enforced"
        fields = common.metadata.filter_metadata["envoy.filters.http.rbac"].fields
        fields[f"{mode}_engine_result"].string_value = engine
        fields[f"{mode}_effective_policy_id"].string_value = rule
        entry.response.response_code.value = 403 if denied else 200
        entry.response.response_code_details = (
            f"rbac_access_denied_matched_policy[{rule}]" if denied else "via_upstream"
        )
    return entry


def outbound(kind: int = ENDED, *, request: str = "r1", status: int = 200) -> HTTPAccessLogEntry:
    """What the caller's sidecar says of it."""
    entry = HTTPAccessLogEntry(common_properties=_common(kind, request))
    common = entry.common_properties
    _put(common.downstream_direct_remote_address, "127.0.0.1", 53706)
    _put(common.downstream_local_address, "127.0.0.1", 34637)
    _ask(entry, request)
    if kind == ENDED:
        _put(common.upstream_local_address, "10.0.0.1", 41954)
        _put(common.upstream_remote_address, "10.0.0.2", 8080)
        common.custom_tags["upstream_peer"] = API_ID
        common.custom_tags["upstream_tls"] = "TLSv1.3"
        common.custom_tags["upstream_cipher"] = "TLS_AES_128_GCM_SHA256"
        entry.response.response_code.value = status
        entry.response.response_code_details = "via_upstream"
    return entry


def connection(kind: int = AccessLogType.TcpConnectionEnd, *, port: int = 41954) -> TCPAccessLogEntry:
    """What the callee's sidecar says of a connection."""
    entry = TCPAccessLogEntry(common_properties=_common(kind, f"c{port}"))
    _put(entry.common_properties.downstream_direct_remote_address, "10.0.0.1", port)
    _put(entry.common_properties.downstream_local_address, "10.0.0.2", 9000)
    entry.connection_properties.received_bytes, entry.connection_properties.sent_bytes = 159, 20
    return entry


def failed_handshake(text: str) -> TCPAccessLogEntry:
    """What the callee's sidecar says of a caller that it did not believe."""
    entry = connection(AccessLogType.NotSet)
    common = entry.common_properties
    common.downstream_transport_failure_reason = text
    common.tls_properties.tls_version = 3
    common.tls_properties.peer_certificate_properties.subject_alt_name.add().uri = WEB_ID
    return entry


def _common(kind: int, id: str) -> AccessLogCommon:
    common = AccessLogCommon(
        access_log_type=kind, stream_id=id, downstream_wire_bytes_received=236, downstream_wire_bytes_sent=126
    )
    common.start_time.seconds, common.start_time.nanos = _SECONDS, 92_067_000
    common.time_to_last_rx_byte.nanos = 58_569
    if kind in (BEGUN, AccessLogType.TcpUpstreamConnected):
        common.intermediate_log_entry = True
        return common
    common.duration.nanos = 2_222_713
    common.time_to_first_upstream_tx_byte.nanos = 590_510
    common.time_to_first_downstream_tx_byte.nanos = 1_721_054
    return common


def _ask(entry: HTTPAccessLogEntry, request: str) -> None:
    entry.protocol_version = HTTPAccessLogEntry.HTTP11
    entry.request.request_method = RequestMethod.GET
    entry.request.authority, entry.request.path = "api", "/v1/items?token=secret#part"
    entry.request.request_id = request
    entry.request.request_headers["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _put(address: object, text: str, port: int) -> None:
    address.socket_address.address, address.socket_address.port_value = text, port  # type: ignore[attr-defined]
