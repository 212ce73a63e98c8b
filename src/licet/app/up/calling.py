"""Calls, and what becomes of them: whether whom they were meant for answered, or a policy refused."""

from __future__ import annotations

import asyncio
import os
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

import h2.connection
import h2.events
import h2.exceptions
import h11
import msgspec

from licet.app.up.orders import Call, Outcome, Protocol, Result, Way
from licet.app.up.stub import CALLER, WORKLOAD, banner, texts

PATIENCE = 5.0
"""Seconds for a call."""
_HEARING = 1.0
_CHUNK = 1 << 16
_PREFIX = struct.Struct("!BI")
_MESSAGE = b"\x0a\x05licet"
_MESSAGES = {Protocol.GRPC: 1, Protocol.GRPC_STREAM: 3}
_ALPN = {Protocol.HTTP1: ("http/1.1",), Protocol.TCP: ()}
_PERMISSION_DENIED = "7"
_NO_CERTIFICATE = "TLSV13_ALERT_CERTIFICATE_REQUIRED"

Contexts: TypeAlias = Callable[[Way, tuple[str, ...]], Awaitable[ssl.SSLContext]]
"""Gives what a call past one's own sidecar connects with, by the names of ALPN that it offers; may raise OSError."""
_Ends: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Answer(msgspec.Struct):
    """What came back; `intact` says whether it was whole, and of gRPC what was sent."""

    status: str = ""
    grpc: str = ""
    workload: str = ""
    caller: str = ""
    intact: bool = False

    def take(self, headers: dict[str, str]) -> None:
        self.status = headers.get(":status", self.status)
        self.grpc = headers.get("grpc-status", self.grpc)
        self.workload = headers.get(WORKLOAD, self.workload)
        self.caller = headers.get(CALLER, self.caller)


class Caller:
    """Makes calls from an address. `contexts` is asked for calls past one's own sidecar alone."""

    def __init__(self, address: str, contexts: Contexts) -> None:
        self._address = address
        self._contexts = contexts

    async def call(self, call: Call) -> Outcome:
        """Make a call, on a connection of its own."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        try:
            async with asyncio.timeout(PATIENCE):
                result, reason, caller = await self._make(call)
        except TimeoutError:
            result, reason, caller = Result.FAILED, "no answer in time", ""
        except ssl.SSLError as error:
            refused = call.way is Way.BARE and error.reason == _NO_CERTIFICATE
            result, caller = Result.REFUSED if refused else Result.FAILED, ""
            reason = "a certificate is required" if refused else f"TLS: {error.reason or error}"
        except (OSError, h2.exceptions.H2Error, h11.ProtocolError) as error:
            result, reason, caller = Result.FAILED, _reason(error), ""
        return Outcome(call.number, result, reason, caller, loop.time() - begin)

    async def _make(self, call: Call) -> tuple[Result, str, str]:
        reader, writer = await self._connect(call)
        try:
            if call.way is not Way.EXIT and not _pinned(writer, call.identities):
                return Result.FAILED, "another identity answers than the callee's", ""
            if call.way is Way.BARE:
                await _turned_away(reader)
            if call.protocol is Protocol.TCP:
                return await _plain(call, reader, writer)
            exchange = _http1 if call.protocol is Protocol.HTTP1 else _http2
            return _judged(call, await exchange(call, reader, writer))
        finally:
            writer.transport.abort()

    async def _connect(self, call: Call) -> _Ends:
        source = (self._address, 0)
        if call.way is Way.EXIT:
            return await asyncio.open_connection(call.host, call.port, local_addr=source)
        context = await self._contexts(call.way, _ALPN.get(call.protocol, ("h2",)))
        return await asyncio.open_connection(call.host, call.port, local_addr=source, ssl=context, server_hostname="")


def _pinned(writer: asyncio.StreamWriter, identities: tuple[str, ...]) -> bool:
    names = (writer.get_extra_info("peercert") or {}).get("subjectAltName", ())
    return [name for kind, name in names if kind == "URI" and name in identities] != []


async def _turned_away(reader: asyncio.StreamReader) -> None:
    """Raise what ends a connection without a certificate, which in TLS 1.3 comes when the handshake seems finished.

    It is waited for before anything is sent: what is sent to a closed connection may come back before it, as a reset.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_HEARING):
            if await reader.read(1):
                raise OSError(0, "answered before it was asked")


async def _plain(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[Result, str, str]:
    """Read the greeting, send a line and read it again; of whom is refused not even the greeting is to come."""
    greeting = banner(call.callee)
    expected = greeting + _MESSAGE
    got = b""
    try:
        while len(got) < len(expected) and (data := await reader.read(_CHUNK)):
            if len(got) < len(greeting) <= len(got + data):
                writer.write(_MESSAGE)
            got += data
    except (ConnectionError, ssl.SSLError) as error:
        if got or isinstance(error, ssl.SSLError):
            raise
    if not got:
        return Result.REFUSED, "closed", ""
    if got == expected:
        return Result.ALLOWED, "", ""
    return Result.FAILED, f"answered with {len(got)} other bytes" if expected[: len(got)] != got else "cut off", ""


async def _http1(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Answer:
    connection, answer = h11.Connection(h11.CLIENT), _Answer()
    headers = [("host", call.callee.partition("[")[0].replace("/", ".")), ("connection", "close")]
    if call.method in ("POST", "PUT", "PATCH"):
        headers.append(("content-length", "0"))
    writer.write(connection.send(h11.Request(method=call.method, target=call.path, headers=headers)) or b"")
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    while not answer.intact:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if not (data := await reader.read(_CHUNK)):
                break
            connection.receive_data(data)
        elif isinstance(event, h11.Response):
            answer.status = str(event.status_code)
            answer.take(texts(event.headers))
        elif isinstance(event, h11.EndOfMessage):
            answer.intact = True
    return answer


async def _http2(call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Answer:
    """Each message of gRPC is sent when the one before has come back."""
    settings = h2.config.H2Configuration(client_side=True, header_encoding=None)
    connection, answer = h2.connection.H2Connection(settings), _Answer()
    messages = _MESSAGES.get(call.protocol, 0)
    message = _PREFIX.pack(0, len(_MESSAGE)) + _MESSAGE
    connection.initiate_connection()
    connection.send_headers(1, _headers(call), end_stream=not messages)
    sent, got, ended = 0, b"", False
    while not ended:
        if sent < messages and len(got) == sent * len(message):
            sent += 1
            connection.send_data(1, message, end_stream=sent == messages)
        writer.write(connection.data_to_send())
        data = await reader.read(_CHUNK)
        if not data:
            break
        for event in connection.receive_data(data):
            match event:
                case h2.events.ResponseReceived() | h2.events.TrailersReceived():
                    answer.take(texts(event.headers))
                case h2.events.DataReceived():
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    got += event.data
                case h2.events.StreamEnded():
                    answer.intact = ended = True
                case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                    ended = True
    if messages and answer.grpc == "0":
        answer.intact = got == message * messages
    return answer


def _headers(call: Call) -> list[tuple[str, str]]:
    authority = call.callee.partition("[")[0].replace("/", ".")
    target = [(":scheme", "http"), (":authority", authority), (":path", call.path)]
    if call.protocol is Protocol.HTTP2:
        return [(":method", call.method), *target]
    return [(":method", "POST"), *target, ("content-type", "application/grpc"), ("te", "trailers")]


def _judged(call: Call, answer: _Answer) -> tuple[Result, str, str]:
    if answer.workload and answer.workload != call.callee:
        return Result.FAILED, f"`{answer.workload}` answers for `{call.callee}`", answer.caller
    if not answer.workload and answer.status == "403":
        return Result.REFUSED, "403", ""
    if not answer.workload and answer.grpc == _PERMISSION_DENIED:
        return Result.REFUSED, "grpc-status 7", ""
    finished = answer.grpc == "0" or call.protocol in (Protocol.HTTP1, Protocol.HTTP2)
    if answer.intact and answer.workload and answer.status == "200" and finished:
        return Result.ALLOWED, "", answer.caller
    if not answer.status:
        return Result.FAILED, "closed without an answer", ""
    if answer.intact and answer.status == "200" and not answer.workload and answer.grpc in ("", "0"):
        return Result.FAILED, "nobody says who answers", ""
    if answer.grpc not in ("", "0"):
        return Result.FAILED, f"grpc-status {answer.grpc}", answer.caller
    return Result.FAILED, answer.status if answer.status != "200" else "cut off", answer.caller


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        # The event loop says the address instead of what is wrong with it.
        return os.strerror(error.errno).lower() if error.errno else error.strerror or type(error).__name__
    return str(error) or type(error).__name__
