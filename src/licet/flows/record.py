"""The flow record: what one reporter saw of one request or connection, or of many alike, whoever the reporter is.

What a reporter does not know is left out. Times are UTC, durations nanoseconds, sizes bytes; `sent` is what went from
the source to the destination, `received` what came back. The JSON form is `licet.dev/flow/v1`: fields in camel case,
those that say nothing left out, those that are not known passed over.
"""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec

from licet.model.key import Key

SCHEMA = "licet.dev/flow/v1"


class Verdict(enum.Enum):
    """What became of it. WOULD_REFUSE was let through by a policy that is only tried; FAILED was refused by nobody."""

    FORWARDED = "forwarded"
    REFUSED = "refused"
    WOULD_REFUSE = "would-refuse"
    FAILED = "failed"


class Evidence(enum.Enum):
    """Whether the one that enforces says so itself, or it is concluded, say from an answer that never came."""

    ENFORCER = "enforcer"
    INFERRED = "inferred"


class Side(enum.Enum):
    """Where a reporter stands. BOTH is two reports made one."""

    SOURCE = "source"
    DESTINATION = "destination"
    BOTH = "both"


class Phase(enum.Enum):
    """How far it has come. Only what has ended counts (`Flow.count`); before that its sizes are those so far."""

    BEGUN = "begun"
    RUNNING = "running"
    ENDED = "ended"


class Transport(enum.Enum):
    """The protocol over IP."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"
    ICMP = "ICMP"
    ICMPV6 = "ICMPv6"
    OTHER = "other"


class Confidence(enum.Enum):
    """How it is known who the ends are: both by certificates; by what the reporter holds; by addresses or guesses."""

    PROVED = "proved"
    REPORTED = "reported"
    INFERRED = "inferred"


class TlsFailure(enum.Enum):
    """Why a handshake came to nothing. PEER_REFUSED: the other side took offence, and knows why."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    REVOKED = "revoked"
    UNKNOWN_AUTHORITY = "unknown-authority"
    WRONG_IDENTITY = "wrong-identity"
    NO_CERTIFICATE = "no-certificate"
    VERSION = "version"
    CIPHER = "cipher"
    NOT_TLS = "not-tls"
    NO_SECRET = "no-secret"
    PEER_REFUSED = "peer-refused"
    OTHER = "other"


class Failure(enum.Enum):
    """Why nothing came of it, or why it ended early; the callee's own answers, such as a 500, are none."""

    TLS = "tls"
    NO_ENDPOINT = "no-endpoint"
    NO_ROUTE = "no-route"
    NOT_REACHED = "not-reached"
    RESET = "reset"
    TIMEOUT = "timeout"
    OVERLOAD = "overload"
    MALFORMED = "malformed"
    CALLER_LEFT = "caller-left"
    OTHER = "other"


class _Wire(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """How values stand in JSON."""


class Certificate(_Wire, frozen=True):
    """A certificate that was shown: serial number and SHA-256 of its DER form, in lower-case hexadecimal."""

    serial: str = ""
    fingerprint: str = ""


class Endpoint(_Wire, frozen=True):
    """One side. `identity` is a SPIFFE ID that was proved, `claimed` one that was shown and not believed.

    `instance` is the reporter's name of what runs, such as a node id or a pod; `name` what it was asked for by (a DNS
    name). `address` is an IP address as text or the path of a unix socket, `port` None where there is none.
    """

    identity: str = ""
    claimed: str = ""
    workload: Key | None = None
    namespace: str = ""
    cluster: str = ""
    instance: str = ""
    name: str = ""
    address: str = ""
    port: int | None = None
    certificate: Certificate | None = None


class Request(_Wire, frozen=True):
    """A request over HTTP. `path` is without query. `service` and `rpc` stand for gRPC, whose status is `grpc_status`.

    `status` is None where there was no answer.
    """

    version: str = ""
    method: str = ""
    authority: str = ""
    path: str = ""
    service: str = ""
    rpc: str = ""
    status: int | None = None
    grpc_status: int | None = None


class Decision(_Wire, frozen=True):
    """What decided: the enforcer (`envoy`, `cilium`, ...), its policy's name, and the rule within, as it calls them.

    `tried` is the rule by which the policy that is only tried would have decided, where there is one.
    """

    evidence: Evidence
    enforcer: str = ""
    policy: str = ""
    rule: str = ""
    tried: str = ""


class Tls(_Wire, frozen=True):
    """Of the connection: `version` as `TLSv1.3`, `cipher` by IANA's name, the server's name that was asked for."""

    version: str = ""
    cipher: str = ""
    server_name: str = ""
    failure: TlsFailure | None = None
    text: str = ""
    """What the reporter says of the failure."""


class Latency(_Wire, frozen=True):
    """Nanoseconds. `decision` is at most how long the policy took: from request read to sent on or answered."""

    total: int | None = None
    first_answer: int | None = None
    decision: int | None = None


class Reporter(_Wire, frozen=True):
    """Who says so: where it stands, its name, and what it is (`envoy`, `hubble`, `conntrack`, ...)."""

    side: Side
    node: str = ""
    kind: str = ""


class Flow(_Wire, frozen=True, tag_field="schema", tag=SCHEMA):
    """One record.

    `start` is when the request or connection began, or the window of many alike, and `end` when it ended. `count` is
    how many requests or connections it adds: none while they run. `verdict` is None while nothing is decided. `keys`
    are what reports of the same thing by another reporter have at least one of in common; `id` is the reporter's own.
    """

    start: datetime
    source: Endpoint
    destination: Endpoint
    transport: Transport
    reporter: Reporter
    verdict: Verdict | None = None
    decision: Decision | None = None
    failure: Failure | None = None
    request: Request | None = None
    tls: Tls | None = None
    phase: Phase = Phase.ENDED
    end: datetime | None = None
    count: int = 1
    bytes_sent: int | None = None
    bytes_received: int | None = None
    packets_sent: int | None = None
    packets_received: int | None = None
    latency: Latency | None = None
    trace: str = ""
    """The trace id of W3C's trace context, 32 hexadecimal digits."""
    id: str = ""
    keys: tuple[str, ...] = ()
    confidence: Confidence = Confidence.REPORTED


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Flow)


def encode(flow: Flow) -> bytes:
    """The one JSON form of a record, on one line without its end."""
    return _encoder.encode(flow)


def decode(line: bytes) -> Flow:
    """The record of a line; raises msgspec.ValidationError or DecodeError for what is none."""
    return _decoder.decode(line)
