"""How much nodes may take of the control plane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from licet.identity.errors import UnavailableError
from licet.mesh.xds.source import Caller

_MOST_WAITING = 1 << 20


class Limits(msgspec.Struct, frozen=True):
    """Streams of discovery for one caller, calls on one connection, bytes of a message; the rest in seconds.

    Callers are told apart by identity and address, or process. A connection over TCP is ended after `age`, give or take
    a tenth, so that the next begins with the certificates of then; calls that are open have `grace` to end. A node has
    `hello` to say who it is.
    """

    streams_for_caller: int = 4
    calls: int = 128
    message: int = 4 << 20
    hello: float = 10.0
    age: float = 600.0
    grace: float = 10.0

    def remote(self) -> list[tuple[str, int]]:
        """What gRPC is told for TCP."""
        return [
            *self.local(),
            ("grpc.max_connection_age_ms", round(self.age * 1000)),
            ("grpc.max_connection_age_grace_ms", round(self.grace * 1000)),
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.keepalive_timeout_ms", 10_000),
        ]

    def local(self) -> list[tuple[str, int]]:
        """What gRPC is told for a unix socket. A whole fleet may come back at once, and is not told to go away."""
        return [
            ("grpc.max_concurrent_streams", self.calls),
            ("grpc.max_receive_message_length", self.message),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", 16 << 10),
            ("grpc.server.max_pending_requests", _MOST_WAITING),
            ("grpc.server.max_pending_requests_hard_limit", _MOST_WAITING),
            ("grpc.server_handshake_timeout_ms", round(self.hello * 1000)),
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.so_reuseport", 0),
        ]


class Streams:
    """Those that are open, by caller."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[Caller] = Counter()

    @contextmanager
    def taken(self, caller: Caller) -> Iterator[None]:
        """While a stream is open; raises UnavailableError where there are too many."""
        key = msgspec.structs.replace(caller, until=None)
        if self._open[key] >= self._most:
            raise UnavailableError("too many streams are open", "end some, or try again later")
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]
