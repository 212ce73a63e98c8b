"""A stand-in for a workload's program: it answers everything and says who it is and whom it speaks to.

Whether HTTP/1.1 or HTTP/2 is spoken shows in the first bytes. A gRPC method of any name answers each message with the
same message, so it is a unary one to whoever sends one, and a stream to others.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import struct
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h11
import msgspec

WORKLOAD = "x-licet-workload"
"""The header of an answer with the workload that gave it."""
CALLER = "x-licet-caller"
"""The header of an answer with the caller's identity, as the sidecar told it."""
_FORWARDED = "x-forwarded-client-cert"
_URI = re.compile(r"(?:^|[;,])URI=([^;,]*)")
_CREDENTIALS = struct.Struct("3i")
_CHUNK = 1 << 16
_Headers: TypeAlias = list[tuple[str, str]]
_Handler: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class Stub:
    """Answers on unix sockets that nobody but this user may open, and where `sidecar` is not 0, only that process."""

    def __init__(self, workload: str, sidecar: int = 0) -> None:
        self._workload = workload
        self._sidecar = sidecar

    async def serve(self, sockets: Mapping[int, tuple[str, bool]]) -> list[asyncio.Server]:
        """Serve from now on, by port; see `Begin.serves`. OSError where a socket cannot be made."""
        servers = []
        for path, plain in sockets.values():
            handler = self._echo if plain else self._requests
            servers.append(await asyncio.start_unix_server(self._guarded(handler), sock=_listener(path)))
        return servers

    def _guarded(self, handler: _Handler) -> _Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, h2.exceptions.ProtocolError, h11.ProtocolError):
                if self._known(writer.get_extra_info("socket")):
                    await handler(reader, writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

        return handle

    def _known(self, sock: socket.socket) -> bool:
        pid, _, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        return self._sidecar in (0, pid)

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner(self._workload))
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read(_CHUNK)
        while data and len(data) < 3 and b"PRI".startswith(data) and (more := await reader.read(_CHUNK)):
            data += more
        if data.startswith(b"PRI"):
            await _Http2(self._workload, writer).run(data, reader)
        else:
            await self._http1(data, reader, writer)

    async def _http1(self, data: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        request: h11.Request | None = None
        connection.receive_data(data)
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                if connection.they_are_waiting_for_100_continue:
                    writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                connection.receive_data(await reader.read(_CHUNK))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                body, headers = _answer(self._workload, request.method.decode(), "HTTP/1.1", texts(request.headers))
                writer.write(connection.send(h11.Response(status_code=200, headers=headers)) or b"")
                writer.write(connection.send(h11.Data(data=b"" if request.method == b"HEAD" else body)) or b"")
                writer.write(connection.send(h11.EndOfMessage()) or b"")
                await writer.drain()
                if connection.our_state is not h11.DONE:
                    return
                connection.start_next_cycle()
            elif not isinstance(event, h11.Data):
                return


class _Stream:
    """What is still to be sent on a stream, and whether that is all."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers
        self.grpc = headers.get("content-type", "").startswith("application/grpc")
        self.out = bytearray()
        self.ended = False


class _Http2:
    def __init__(self, workload: str, writer: asyncio.StreamWriter) -> None:
        self._workload = workload
        self._writer = writer
        settings = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self._connection = h2.connection.H2Connection(settings)
        self._streams: dict[int, _Stream] = {}

    async def run(self, data: bytes, reader: asyncio.StreamReader) -> None:
        self._connection.initiate_connection()
        while data:
            for event in self._connection.receive_data(data):
                self._take(event)
            for number in list(self._streams):
                self._flush(number)
            self._writer.write(self._connection.data_to_send())
            await self._writer.drain()
            data = await reader.read(_CHUNK)

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                self._begin(event.stream_id, _Stream(texts(event.headers)))
            case h2.events.DataReceived():
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                stream = self._streams.get(event.stream_id)
                if stream is not None and stream.grpc:
                    stream.out += event.data
            case h2.events.StreamEnded():
                if stream := self._streams.get(event.stream_id):
                    self._end(event.stream_id, stream)
            case h2.events.StreamReset():
                self._streams.pop(event.stream_id, None)

    def _begin(self, number: int, stream: _Stream) -> None:
        self._streams[number] = stream
        if stream.grpc:
            told = [(WORKLOAD, self._workload), (CALLER, caller(stream.headers))]
            self._connection.send_headers(number, [(":status", "200"), ("content-type", "application/grpc"), *told])

    def _end(self, number: int, stream: _Stream) -> None:
        stream.ended = True
        if not stream.grpc:
            method = stream.headers.get(":method", "")
            body, headers = _answer(self._workload, method, "HTTP/2", stream.headers)
            self._connection.send_headers(number, [(":status", "200"), *headers])
            stream.out += b"" if method == "HEAD" else body

    def _flush(self, number: int) -> None:
        """Send what the other side has room for."""
        stream = self._streams[number]
        while stream.out:
            room = min(self._connection.local_flow_control_window(number), self._connection.max_outbound_frame_size)
            if room <= 0:
                return
            self._connection.send_data(number, bytes(stream.out[:room]))
            del stream.out[:room]
        if stream.ended:
            if stream.grpc:
                self._connection.send_headers(number, [("grpc-status", "0")], end_stream=True)
            else:
                self._connection.end_stream(number)
            del self._streams[number]


def banner(workload: str) -> bytes:
    """The line that plain connections are greeted with."""
    return f"licet {workload}\n".encode()


def caller(headers: Mapping[str, str]) -> str:
    """The SPIFFE ID that the sidecar's header says the caller has; empty without one."""
    found = _URI.findall(headers.get(_FORWARDED, ""))
    return found[-1].strip('"') if found else ""


def _answer(workload: str, method: str, protocol: str, headers: Mapping[str, str]) -> tuple[bytes, _Headers]:
    known = caller(headers)
    told = {"workload": workload, "caller": known, "protocol": protocol, "method": method}
    body = msgspec.json.encode(told) + b"\n"
    return body, [
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
        (WORKLOAD, workload),
        (CALLER, known),
    ]


def texts(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name, whatever bytes they hold."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


def _listener(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        sock.bind(path)
    except BaseException:
        sock.close()
        raise
    finally:
        os.umask(before)
    return sock
