"""Envoy's gRPC access logs as flows (envoy.data.accesslog.v3).

A sidecar reports from one side: of what comes to its workload as the destination, of what that calls as the source.
Entries at the beginning and in between are flows that count nothing, so that each request counts once and what is still
open is seen. Of a listener's own log only broken connections are taken: everything else in it stands elsewhere too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec
from envoy.config.core.v3.address_pb2 import Address  # type: ignore[import-untyped]
from envoy.config.core.v3.base_pb2 import RequestMethod  # type: ignore[import-untyped]
from envoy.data.accesslog.v3.accesslog_pb2 import (  # type: ignore[import-untyped]
    AccessLogCommon,
    AccessLogType,
    HTTPAccessLogEntry,
    TCPAccessLogEntry,
    TLSProperties,
)
from google.protobuf.duration_pb2 import Duration

from licet.flows import tls
from licet.flows.envoy_verdict import ADMISSION, outcome
from licet.flows.record import (
    Certificate,
    Confidence,
    Endpoint,
    Failure,
    Flow,
    Latency,
    Phase,
    Reporter,
    Request,
    Side,
    Tls,
    Transport,
)
from licet.model.key import Key

CONNECTION = "connection"
"""The tag of an entry that has Envoy's number of the connection: a handshake that fails has no other."""
TAGS = {
    CONNECTION: "%CONNECTION_ID%",
    "peer_serial": "%DOWNSTREAM_PEER_SERIAL%",
    "peer_fingerprint": "%DOWNSTREAM_PEER_FINGERPRINT_256%",
    "upstream_peer": "%UPSTREAM_PEER_URI_SAN%",
    "upstream_tls": "%UPSTREAM_TLS_VERSION%",
    "upstream_cipher": "%UPSTREAM_TLS_CIPHER%",
    ADMISSION: f"%FILTER_STATE({ADMISSION}:PLAIN)%",
}
"""Custom tags that an access log is to have, for what no field of an entry says."""
HEADERS = ("traceparent", "content-type")
"""Headers of requests that it is to have copies of; of responses and their trailers, `grpc-status`."""

Entry: TypeAlias = HTTPAccessLogEntry | TCPAccessLogEntry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_LONGEST = 1024
_REMEMBERED = 4096
_VERSIONS = {0: "", 1: "HTTP/1.0", 2: "HTTP/1.1", 3: "HTTP/2", 4: "HTTP/3"}
_METHODS = {number: name for name, number in RequestMethod.items() if number}
_TLS_VERSIONS = {
    TLSProperties.TLSv1: "TLSv1",
    TLSProperties.TLSv1_1: "TLSv1.1",
    TLSProperties.TLSv1_2: "TLSv1.2",
    TLSProperties.TLSv1_3: "TLSv1.3",
}
_PHASES = {
    AccessLogType.TcpUpstreamConnected: Phase.BEGUN,
    AccessLogType.DownstreamStart: Phase.BEGUN,
    AccessLogType.UdpTunnelUpstreamConnected: Phase.BEGUN,
    AccessLogType.TcpPeriodic: Phase.RUNNING,
    AccessLogType.DownstreamPeriodic: Phase.RUNNING,
    AccessLogType.DownstreamTunnelSuccessfullyEstablished: Phase.RUNNING,
    AccessLogType.UdpPeriodic: Phase.RUNNING,
    AccessLogType.TcpConnectionEnd: Phase.ENDED,
    AccessLogType.DownstreamEnd: Phase.ENDED,
    AccessLogType.UdpSessionEnd: Phase.ENDED,
}
_UDP = {AccessLogType.UdpTunnelUpstreamConnected, AccessLogType.UdpPeriodic, AccessLogType.UdpSessionEnd}


class Vantage(msgspec.Struct, frozen=True):
    """Where a log is kept: by which sidecar, on which side of its workload.

    `own` is that workload as it is known without the log, its identity the one that the sidecar has proved. `other` is
    what the log's name says of the other side. Their ports, where set, are those of agreements, which outweigh what
    Envoy really listens on. `default` names the rule that refuses what nothing was said of; where `refuses`, that is
    everything in the log that was led nowhere. Where `either`, the log is of both sides, and what is called at the
    workload's own address is of the destination's.
    """

    side: Side
    node: str
    own: Endpoint
    other: Endpoint = Endpoint()
    default: str = ""
    refuses: bool = False
    either: bool = False


class Envoy:
    """Reads entries, and counts those that it made nothing of. `workloads` are known by their identities."""

    def __init__(self, workloads: Mapping[str, Key]) -> None:
        self.workloads = workloads
        self._broken: dict[str, None] = {}
        self.counted: Counter[str] = Counter()
        """`read`; `repeated`, of which another entry says all there is; `malformed`."""

    def read(self, entry: Entry, vantage: Vantage) -> Flow | None:
        """The flow of an entry; none for what is malformed or repeats another entry."""
        try:
            flow = self._read(entry, vantage)
        except (OverflowError, ValueError):
            self.counted["malformed"] += 1
            return None
        self.counted["read" if flow is not None else "repeated"] += 1
        return flow

    def _read(self, entry: Entry, vantage: Vantage) -> Flow | None:
        common: AccessLogCommon = entry.common_properties
        if not common.HasField("start_time"):
            raise ValueError("an entry without its time")
        http = isinstance(entry, HTTPAccessLogEntry)
        if vantage.either and _comes_in(common, vantage.own.address):
            vantage = Vantage(
                Side.DESTINATION, vantage.node, vantage.own, default=vantage.default, refuses=vantage.refuses
            )
        broken = _broken(entry, http, vantage.side)
        phase = _phase(common, http, broken)
        ended_early = broken or (phase is Phase.ENDED and common.access_log_type == AccessLogType.NotSet)
        if phase is None or (ended_early and not http and self._known(f"{vantage.node}/{_number(common)}")):
            return None
        start = _EPOCH + timedelta(seconds=common.start_time.seconds, microseconds=common.start_time.nanos // 1000)
        total = _nanoseconds(common.duration) if phase is Phase.ENDED and common.HasField("duration") else None
        details = entry.response.response_code_details if http else ""
        refused_by = vantage.default if _nowhere(common, vantage, phase) else ""
        became = outcome(common, details, phase, refused_by, broken)
        source, destination = self._ends(common, vantage, broken)
        return Flow(
            start,
            source,
            destination,
            Transport.UDP if common.access_log_type in _UDP else Transport.TCP,
            Reporter(vantage.side, vantage.node, "envoy"),
            became.verdict,
            became.decision,
            became.failure,
            _request(entry) if http else None,
            _tls(common, vantage.side, broken),
            phase,
            None if total is None else start + timedelta(microseconds=total // 1000),
            1 if phase is Phase.ENDED else 0,
            common.downstream_wire_bytes_received if http else entry.connection_properties.received_bytes,
            common.downstream_wire_bytes_sent if http else entry.connection_properties.sent_bytes,
            latency=_latency(common, total) if http else (Latency(total) if total is not None else None),
            trace=_trace(entry) if http else "",
            id=f"{vantage.node}/{common.stream_id}" if common.stream_id else "",
            keys=_keys(entry, http, vantage, became.failure),
            confidence=Confidence.PROVED if source.identity and destination.identity else Confidence.REPORTED,
        )

    def _ends(self, common: AccessLogCommon, vantage: Vantage, broken: str) -> tuple[Endpoint, Endpoint]:
        if vantage.side is Side.DESTINATION:
            identity, claimed = _shown(common, broken)
            address, port = _address(common.downstream_direct_remote_address)
            tags = common.custom_tags
            serial, fingerprint = tags.get("peer_serial", ""), tags.get("peer_fingerprint", "")
            certificate = Certificate(serial[:_LONGEST].lower(), fingerprint[:_LONGEST].lower()) if serial else None
            source = self._endpoint(vantage.other, identity, claimed, address, port, certificate)
            address, port = _address(common.downstream_local_address)
            return source, _placed(vantage.own, address, port)
        address, port = _address(common.upstream_local_address)
        source = _placed(vantage.own, address, port)
        identity = common.custom_tags.get("upstream_peer", "")[:_LONGEST]
        if broken:
            identity = ""
        address, port = _called(common)
        return source, self._endpoint(vantage.other, identity, "", address, port, None)

    def _known(self, id: str) -> bool:
        """Whether a broken connection was read before: the log of its listener has it as well as that of its bytes."""
        if id.endswith("/"):
            return False  # what has no id of its own cannot be told from others
        if id in self._broken:
            return True
        self._broken[id] = None
        if len(self._broken) > _REMEMBERED:
            del self._broken[next(iter(self._broken))]
        return False

    def _endpoint(
        self, known: Endpoint, identity: str, claimed: str, address: str, port: int | None, shown: Certificate | None
    ) -> Endpoint:
        workload = known.workload or self.workloads.get(identity)
        return Endpoint(
            identity,
            claimed,
            workload,
            known.namespace or (workload.namespace if workload is not None else ""),
            known.cluster or (workload.cluster if workload is not None else ""),
            known.instance,
            known.name,
            address or known.address,
            port if known.port is None else known.port,
            shown,
        )


def _number(common: AccessLogCommon) -> str:
    """Which connection it is; one that no chain of a listener is for has the number 0, as all others of its kind."""
    number = str(common.custom_tags.get(CONNECTION, ""))
    return "" if number == "0" else number or str(common.stream_id)


def _comes_in(common: AccessLogCommon, own: str) -> bool:
    called, caller = _address(common.downstream_local_address)[0], _address(common.downstream_direct_remote_address)[0]
    return bool(own) and called == own != caller


def _nowhere(common: AccessLogCommon, vantage: Vantage, phase: Phase) -> bool:
    """Whether it was led nowhere since nothing was said of it: by its log, or by a listener without a chain for it."""
    if phase is not Phase.ENDED or common.HasField("upstream_remote_address"):
        return False
    unmatched = common.access_log_type == AccessLogType.NotSet and common.response_flags.no_route_found
    return vantage.refuses or bool(unmatched)


def _called(common: AccessLogCommon) -> tuple[str, int | None]:
    """Where it went; what was led nowhere was meant for where it came."""
    if common.HasField("upstream_remote_address"):
        return _address(common.upstream_remote_address)
    return _address(common.downstream_local_address) if not common.upstream_cluster else ("", None)


def _placed(own: Endpoint, address: str, port: int | None) -> Endpoint:
    return Endpoint(
        own.identity,
        "",
        own.workload,
        own.namespace,
        own.cluster,
        own.instance,
        own.name,
        own.address or address,
        port if own.port is None else own.port,
    )


def _broken(entry: Entry, http: bool, side: Side) -> str:
    """Why a connection came to nothing. One that has carried something and is reset then has the same field set."""
    common = entry.common_properties
    if http or side is Side.SOURCE:
        return str(common.upstream_transport_failure_reason)
    carried = entry.connection_properties.received_bytes or entry.connection_properties.sent_bytes
    # Why the program was not reached says nothing of who called: of an admission the first attempt always fails.
    beyond = "" if ADMISSION in common.custom_tags else common.upstream_transport_failure_reason
    return "" if carried else str(common.downstream_transport_failure_reason or beyond)


def _phase(common: AccessLogCommon, http: bool, broken: str) -> Phase | None:
    kind = common.access_log_type
    if kind != AccessLogType.NotSet:
        return _PHASES.get(kind)
    if http:
        return Phase.RUNNING if common.intermediate_log_entry else Phase.ENDED
    return Phase.ENDED if broken or common.response_flags.no_route_found else None


def _shown(common: AccessLogCommon, broken: str) -> tuple[str, str]:
    """The peer's identity, and what it claims to be where that is not believed."""
    names = common.tls_properties.peer_certificate_properties.subject_alt_name
    uris = [name.uri for name in names if name.uri][:2]
    if not uris:
        return "", ""
    # Envoy has the names of a certificate before it has verified it.
    if broken or len(uris) > 1:
        return "", uris[0][:_LONGEST]
    return uris[0][:_LONGEST], ""


def _address(address: Address) -> tuple[str, int | None]:
    match address.WhichOneof("address"):
        case "socket_address":
            socket = address.socket_address
            return socket.address[:_LONGEST], socket.port_value or None
        case "pipe":
            return address.pipe.path[:_LONGEST], None
        case _:
            return "", None


def _request(entry: HTTPAccessLogEntry) -> Request:
    said, answered = entry.request, entry.response
    path = said.path.partition("?")[0].partition("#")[0][:_LONGEST]
    service, rpc, status = "", "", None
    if said.request_headers.get("content-type", "").startswith("application/grpc"):
        _, _, name = path.partition("/")
        service, _, rpc = name.rpartition("/")
        text = answered.response_trailers.get("grpc-status", "") or answered.response_headers.get("grpc-status", "")
        status = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None
    return Request(
        _VERSIONS.get(entry.protocol_version, ""),
        _METHODS.get(said.request_method, ""),
        said.authority[:_LONGEST],
        path,
        service,
        rpc,
        answered.response_code.value or None if answered.HasField("response_code") else None,
        status,
    )


def _tls(common: AccessLogCommon, side: Side, broken: str) -> Tls | None:
    if side is Side.SOURCE:
        tags = common.custom_tags
        version, cipher = tags.get("upstream_tls", "")[:_LONGEST], tags.get("upstream_cipher", "")[:_LONGEST]
        name = ""
    else:
        seen = common.tls_properties
        number = seen.tls_cipher_suite.value
        cipher = tls.cipher(number)
        version = tls.version(number, _TLS_VERSIONS.get(seen.tls_version, ""))
        name = seen.tls_sni_hostname[:_LONGEST]
    if tls.concerns(broken):
        return Tls("", "", name, tls.cause(broken), broken[:_LONGEST])
    return Tls(version, cipher, name) if version or cipher or name else None


def _latency(common: AccessLogCommon, total: int | None) -> Latency | None:
    answered = _point(common, "time_to_first_downstream_tx_byte")
    read = _point(common, "time_to_last_rx_byte")
    went_on = _point(common, "time_to_first_upstream_tx_byte")
    went_on = answered if went_on is None else went_on
    decision = went_on - read if read is not None and went_on is not None and went_on >= read else None
    return None if total is None and answered is None else Latency(total, answered, decision)


def _point(common: AccessLogCommon, name: str) -> int | None:
    return _nanoseconds(getattr(common, name)) if common.HasField(name) else None


def _nanoseconds(duration: Duration) -> int:
    return max(0, duration.seconds * 1_000_000_000 + duration.nanos)


def _trace(entry: HTTPAccessLogEntry) -> str:
    match = _TRACE.fullmatch(entry.request.request_headers.get("traceparent", "")[:_LONGEST])
    return match[1] if match is not None else ""


def _keys(entry: Entry, http: bool, vantage: Vantage, failure: Failure | None) -> tuple[str, ...]:
    """A request by its id, which sidecars hand on; a connection by its ends.

    A request that came to nothing is also the failed connection that the other side reports, by both ends or, where the
    caller's port is not known any more, by the addresses alone.
    """
    common = entry.common_properties
    if vantage.side is Side.SOURCE:
        near, far = _address(common.upstream_local_address), _address(common.upstream_remote_address)
        near = (near[0] or vantage.own.address, near[1])
    else:
        near, far = _address(common.downstream_direct_remote_address), _address(common.downstream_local_address)
    keys = []
    if http:
        if request := (entry.request.request_id or common.stream_id):
            keys.append(f"request/{request[:_LONGEST]}")
        if vantage.side is Side.DESTINATION or failure in (None, Failure.CALLER_LEFT):
            return tuple(keys)
    if near[1] is not None and far[1] is not None:
        keys.append(f"tcp/{near[0]}:{near[1]}/{far[0]}:{far[1]}")
    if failure is Failure.TLS and near[0] and far[1] is not None:
        keys.append(f"tls/{near[0]}/{far[0]}:{far[1]}")
    return tuple(keys)
