"""What counts as answered, as refused by a policy, and as neither: a demo that takes one for another shows nothing."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress

import pytest

from licet.app.up import calling
from licet.app.up.calling import Caller
from licet.app.up.orders import Call, Outcome, Protocol, Result, Way
from tests.app.up.standing import deployment

LEDGER = str(deployment("ledger"))
WEB = str(deployment("web"))


async def _no_context(way: Way, protocols: tuple[str, ...]) -> ssl.SSLContext:
    raise OSError(0, f"{way.value} is not called here, by {protocols}")


async def outcome(protocol: Protocol, answer: bytes, *, silent: bool = False) -> Outcome:
    """What a call is taken for that is answered by these bytes, and by an end, or by silence."""
    handled = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            if protocol is not Protocol.TCP:
                await reader.read(1)
            writer.write(answer)
            await writer.drain()
            if protocol is Protocol.TCP and not silent:
                writer.write_eof()
            if protocol is Protocol.TCP or silent:
                await reader.read()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        handled.set()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        call = Call(7, protocol, Way.EXIT, host, port, LEDGER, (), "GET", "/v1")
        found = await Caller("127.0.0.1", _no_context).call(call)
        await handled.wait()
        return found


def http(status: int, workload: str = "", *, length: int = 2) -> bytes:
    named = f"x-licet-workload: {workload}\r\nx-licet-caller: spiffe://example.org/web\r\n" * bool(workload)
    return f"HTTP/1.1 {status} Any\r\n{named}content-length: {length}\r\n\r\n{{}}".encode()


@pytest.mark.parametrize(
    ("answer", "result", "reason"),
    [
        (http(200, LEDGER), Result.ALLOWED, ""),
        (http(403), Result.REFUSED, "403"),
        (http(403, LEDGER), Result.FAILED, "403"),
        (http(503), Result.FAILED, "503"),
        (http(200), Result.FAILED, "nobody says who answers"),
        (http(200, WEB), Result.FAILED, f"`{WEB}` answers for `{LEDGER}`"),
        (b"SSH-2.0\r\n\r\n", Result.FAILED, "illegal status line"),
        (b"", Result.FAILED, "closed without an answer"),
        (http(200, LEDGER, length=3), Result.FAILED, "cut off"),
    ],
)
def test_an_answer_is_whose_it_says_and_a_refusal_is_a_sidecars(answer: bytes, result: Result, reason: str) -> None:
    found = asyncio.run(outcome(Protocol.HTTP1, answer))
    assert (found.number, found.result) == (7, result)
    assert found.reason.startswith(reason)
    assert bool(found.reason) is bool(reason)


@pytest.mark.parametrize(
    ("answer", "result", "reason"),
    [
        (f"licet {LEDGER}\n".encode() + b"\x0a\x05licet", Result.ALLOWED, ""),
        (b"", Result.REFUSED, "closed"),
        # Who is refused is not to hear a program that speaks first.
        (f"licet {LEDGER}\n".encode(), Result.FAILED, "cut off"),
        (f"licet {WEB}\n".encode(), Result.FAILED, "answered with 27 other bytes"),
    ],
)
def test_a_plain_connection_is_refused_where_nothing_is_heard(answer: bytes, result: Result, reason: str) -> None:
    found = asyncio.run(outcome(Protocol.TCP, answer))
    assert (found.result, found.reason) == (result, reason)


@pytest.mark.parametrize("protocol", Protocol)
def test_silence_and_absence_are_failures(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "PATIENCE", 0.05)
    found = asyncio.run(outcome(protocol, b"", silent=True))
    assert (found.result, found.reason) == (Result.FAILED, "no answer in time")
    nowhere = Call(8, protocol, Way.EXIT, "127.0.0.1", 1, LEDGER, (), "GET", "/v1")
    found = asyncio.run(Caller("127.0.0.1", _no_context).call(nowhere))
    assert (found.result, found.reason) == (Result.FAILED, "connection refused")
