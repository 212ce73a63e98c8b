"""Bytes that are no gRPC, or nearly so, harm nobody else on the socket."""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import ExitStack
from pathlib import Path

from structlog.testing import capture_logs

from licet.identity.workload.proto.workload_pb2 import X509SVIDResponse
from tests.identity.mutation import mutated
from tests.identity.workload.serving import client, serving, until
from tests.identity.workload.sources import Scripted

MANY = 500


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """A frame of HTTP/2 (RFC 9113, 4.1)."""
    return len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + body


def call(method: str, message: bytes) -> bytes:
    """A connection with one call, headers as literals without indexing (RFC 7541, 6.2.2)."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": f"/SpiffeWorkloadAPI/{method}",
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
        "workload.spiffe.io": "true",
    }
    block = b"".join(
        bytes([0, len(name)]) + name.encode() + bytes([len(value)]) + value.encode("latin-1")
        for name, value in headers.items()
    )
    return (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + frame(4, 0, 0, b"")
        + frame(1, 4, 1, block)
        + frame(0, 1, 1, b"\0" + len(message).to_bytes(4) + message)
    )


def hostile(good: list[bytes], chance: random.Random) -> bytes:
    """Something near a call: far enough to be no HTTP/2, or with one byte changed."""
    data = chance.choice(good)
    if chance.random() < 0.5:
        return mutated(data, good, chance)
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(1) + data[at + 1 :]


def test_hostile_bytes_end_their_own_connection_alone(tmp_path: Path) -> None:
    async def story() -> None:
        source = Scripted()
        chance = random.Random(7)
        good = [call("FetchX509SVID", b""), call("FetchJWTSVID", b"\x0a\x02db"), call("ValidateJWTSVID", b"\x0a\x01a")]
        with capture_logs() as logs:
            async with serving(tmp_path, source) as server:
                with ExitStack() as held:
                    for _ in range(MANY):
                        caller = held.enter_context(socket.socket(socket.AF_UNIX))
                        caller.connect(str(tmp_path / "api.sock"))
                        caller.sendall(hostile(good, chance))
                    await until(lambda: len(source.asked) > MANY // 50)
                    async with client(tmp_path / "api.sock") as connection:
                        await connection.first("FetchX509SVID", X509SVIDResponse)
                await until(lambda: server.front.connections <= 1 and source.watching == 0)
        assert [line for line in logs if line["event"] == "a call failed"] == []

    asyncio.run(story())


def test_a_method_whose_name_is_no_text_is_unimplemented_and_ends_nothing(tmp_path: Path) -> None:
    """The server of grpcio itself shuts down over it."""

    async def story() -> None:
        async with serving(tmp_path, Scripted()), client(tmp_path / "api.sock") as connection:
            for _ in range(3):
                reader, writer = await asyncio.open_unix_connection(tmp_path / "api.sock")
                writer.write(call("\xff", b""))
                answer = b""
                while b"grpc-status" not in answer:
                    answer += await asyncio.wait_for(reader.read(1 << 16), 30)
                writer.close()
                await writer.wait_closed()
            await connection.first("FetchX509SVID", X509SVIDResponse)

    asyncio.run(story())
