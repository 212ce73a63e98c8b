"""Envoy's access log service: whoever reports is known, reports for itself alone, and is heard at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeAlias

import grpc
import msgspec
import structlog
from envoy.data.accesslog.v3.accesslog_pb2 import (  # type: ignore[import-untyped]
    HTTPAccessLogEntry,
    TCPAccessLogEntry,
)
from envoy.service.accesslog.v3.als_pb2 import (  # type: ignore[import-untyped]
    StreamAccessLogsMessage,
    StreamAccessLogsResponse,
)

from licet.identity.errors import MalformedError, RefusedError
from licet.identity.tally import Tally
from licet.identity.workload.calls import Context, answering, read

_LONGEST_NAME = 512

Entry: TypeAlias = HTTPAccessLogEntry | TCPAccessLogEntry
OnEntries: TypeAlias = Callable[["Caller", str, Sequence[Entry]], None]

log = structlog.get_logger()


class Caller(msgspec.Struct, frozen=True):
    """Who calls, as it proved itself: its SPIFFE ID and the node ids that belong to it."""

    identity: str
    nodes: frozenset[str]
    node: str = ""
    """The one of these that a stream is of, once that is known."""


class AccessLogs:
    """Access logs of sidecars, one stream for each log that a sidecar keeps.

    `on_entries` are called one after another for each message, on the loop and before the next one is read: what takes
    long puts it aside (see Backlog). Not reading is what holds a sidecar back; what it cannot send meanwhile it drops,
    and counts (`access_logs.grpc_access_log.logs_dropped`).
    """

    SERVICE = "envoy.service.accesslog.v3.AccessLogService"

    def __init__(self, caller: Callable[[Context], Caller | None], on_entries: Sequence[OnEntries]) -> None:
        self._caller = caller
        self._on_entries = tuple(on_entries)
        self.counted = Tally()
        """`entries`, `streams`; what was turned away: `unknown` callers, `foreign` nodes, `malformed` messages."""
        self.methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "StreamAccessLogs": grpc.stream_unary_rpc_method_handler(self._stream),
        }

    async def _stream(self, _: object, context: Context) -> bytes:
        async with answering(context, "StreamAccessLogs"):
            caller = self._caller(context)
            if caller is None:
                self.counted.add("unknown")
                raise RefusedError("the caller is not known", "connect as a sidecar")
            self.counted.add("streams")
            name = ""
            async for data in _messages(context):
                message = self._read(data)
                if message.HasField("identifier"):
                    caller, name = self._identified(caller, message.identifier)
                if not caller.node:
                    self.counted.add("malformed")
                    raise MalformedError("nobody is said to report", "send an identifier first")
                self._hear(caller, name, message)
        return bytes(StreamAccessLogsResponse().SerializeToString())

    def _read(self, data: bytes) -> StreamAccessLogsMessage:
        try:
            return read(StreamAccessLogsMessage, data)
        except MalformedError:
            self.counted.add("malformed")
            raise

    def _identified(self, caller: Caller, identifier: StreamAccessLogsMessage.Identifier) -> tuple[Caller, str]:
        node, name = identifier.node.id, identifier.log_name
        if node not in caller.nodes:
            self.counted.add("foreign")
            log.warning("a sidecar reports for another", identity=caller.identity, node=node[:_LONGEST_NAME])
            raise RefusedError("the node is another's", "report as the node that the identity belongs to")
        if len(name) > _LONGEST_NAME:
            self.counted.add("malformed")
            raise MalformedError("the log's name is too long", f"{_LONGEST_NAME} characters at most")
        return msgspec.structs.replace(caller, node=node), name

    def _hear(self, caller: Caller, name: str, message: StreamAccessLogsMessage) -> None:
        kind = message.WhichOneof("log_entries")
        if kind is None:
            return
        entries = getattr(message, kind).log_entry
        self.counted.add("entries", len(entries))
        for listen in self._on_entries:
            listen(caller, name, entries)


async def _messages(context: Context) -> AsyncIterator[bytes]:
    while True:
        data: object = await context.read()
        if not isinstance(data, bytes):
            return
        yield data
