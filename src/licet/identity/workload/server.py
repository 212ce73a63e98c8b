"""The sockets of a node, put together: the front, and the gRPC server behind it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType

from licet.identity.rpc import server
from licet.identity.workload.api import WorkloadApi
from licet.identity.workload.endpoint import Endpoint
from licet.identity.workload.front import Attest, Front
from licet.identity.workload.inner import Inner
from licet.identity.workload.limits import Limits, Room
from licet.identity.workload.sds import SecretDiscovery
from licet.identity.workload.source import Source

_STOPPING = 1.0
"""Seconds for answers that are under way; streams would never end by themselves."""
_MOST_WAITING = 1 << 20
_CARRYING = 0.05
"""Seconds for the front to carry an answer on."""


class WorkloadServer:
    """Serves the Workload API and SDS on a unix socket while it is entered."""

    def __init__(self, path: Path, source: Source, attest: Attest, limits: Limits) -> None:
        self._path = path
        self._source = source
        self._attest = attest
        self._limits = limits

    async def __aenter__(self) -> WorkloadServer:
        self._endpoint = Endpoint(self._path)
        self._inner: Inner | None = None
        try:
            self._grpc = server(_options(self._limits))
            self._inner = Inner(lambda path: self._grpc.add_insecure_port(f"unix:{path}"))
            self.inner = self._inner.path
            self.front = Front(self._endpoint.listener, self.inner, self._attest, self._limits)
            room = Room(self._limits.calls_for_uid)
            self._api = WorkloadApi(self._source, self.front.caller, room)
            for service in (self._api, SecretDiscovery(self._source, self.front.caller, room, self._untaken)):
                self._grpc.add_registered_method_handlers(service.SERVICE, service.methods)
            await self._grpc.start()
        except BaseException:
            self._clean()
            raise
        self.front.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Accept nobody any more, answer what can be answered soon, and end every connection.

        Not gRPC but the front ends them: gRPC tells `CANCELLED` to calls that come just then, as if they had ended
        themselves, and go-spiffe never watches again after that. A lost connection is `UNAVAILABLE`.
        """
        try:
            self.front.refuse()
            if under_way := tuple(self._api.under_way):
                await asyncio.wait(under_way, timeout=_STOPPING)
                await asyncio.sleep(_CARRYING)
            await self.front.close()
            await self._grpc.stop(None)
        finally:
            self._clean()

    def _untaken(self) -> None:
        self.front.untaken += 1

    def _clean(self) -> None:
        self._endpoint.close()
        if self._inner is not None:
            self._inner.close()
            self._inner = None


def _options(limits: Limits) -> list[tuple[str, int]]:
    """Sized for thousands of connections with a stream or two each, of which most are silent for half an hour."""
    return [
        ("grpc.max_concurrent_streams", limits.streams),
        ("grpc.max_receive_message_length", limits.message),
        # A whole node may come back at once. Whoever is over these is told `CANCELLED`, and stock clients give up then.
        ("grpc.server.max_pending_requests", _MOST_WAITING),
        ("grpc.server.max_pending_requests_hard_limit", _MOST_WAITING),
        ("grpc.max_metadata_size", 16 << 10),
        ("grpc.server_handshake_timeout_ms", round(limits.hello * 1000)),
        ("grpc.max_connection_idle_ms", round(limits.idle * 1000)),
        # The kernel says when the other end of a unix socket is gone; a client may still ask as often as it likes.
        ("grpc.http2.min_ping_interval_without_data_ms", 5000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.so_reuseport", 0),
    ]
