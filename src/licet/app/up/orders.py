"""What is said between the command and the children that stand in for workloads: JSON, a line each."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

LONGEST = 1 << 24
"""Bytes of a line at most."""


class Protocol(enum.Enum):
    """What a call is made in."""

    HTTP1 = "HTTP/1.1"
    HTTP2 = "HTTP/2"
    GRPC = "gRPC"
    GRPC_STREAM = "gRPC stream"
    TCP = "TCP"


class Way(enum.Enum):
    """How a call gets there: by the caller's own sidecar, or past it to the callee's, with its certificate or none."""

    EXIT = "exit"
    DIRECT = "direct"
    BARE = "bare"


class Result(enum.Enum):
    """What became of a call: answered by whom it was meant for, refused by a policy, or anything else."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    FAILED = "failed"


class Call(msgspec.Struct, frozen=True):
    """A call to make. `number` tells its outcome from others'; `callee` has to answer.

    `identities` are the SPIFFE IDs that the callee's sidecar may show, for calls past one's own. `method` and `path`
    are those of a request; a gRPC call's path is that of its method.
    """

    number: int
    protocol: Protocol
    way: Way
    host: str
    port: int
    callee: str
    identities: tuple[str, ...] = ()
    method: str = ""
    path: str = ""


class Begin(msgspec.Struct, frozen=True, tag=True):
    """The first order: stand in for this workload.

    `serves` are the unix sockets to answer on by port, and whether plain bytes are echoed there (True) or requests are
    answered. Where `sidecar` is not 0 only the process with this number is answered. `address` is where calls past the
    sidecar come from, and `node` the socket of the Workload API that gives the certificate for them.
    """

    workload: str
    address: str
    node: str
    serves: Mapping[int, tuple[str, bool]]
    sidecar: int = 0


class Round(msgspec.Struct, frozen=True, tag=True):
    """Make these calls, `rate` a second, without waiting for one before the next."""

    calls: tuple[Call, ...]
    rate: float


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Every socket is served."""


class Outcome(msgspec.Struct, frozen=True, tag=True):
    """What became of a call, in so many seconds. `reason` is empty where it was answered as it should be.

    `caller` is whom the callee was told that it speaks to, empty where it does not say so.
    """

    number: int
    result: Result
    reason: str = ""
    caller: str = ""
    seconds: float = 0.0


class Done(msgspec.Struct, frozen=True, tag=True):
    """All calls of a round have their outcomes."""


Order: TypeAlias = Begin | Round
Report: TypeAlias = Ready | Outcome | Done


def line(message: Order | Report) -> bytes:
    """A message with the end of its line."""
    return msgspec.json.encode(message) + b"\n"
