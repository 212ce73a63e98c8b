"""Who answers the prober with something that no sidecar would is not seen to be alive, and ends nothing else."""

from __future__ import annotations

import asyncio

import pytest

from licet.identity.federation.tls import svid_context
from licet.identity.node.tls import Material
from licet.mesh.alive import Prober, Target
from licet.mesh.intent import Speaks
from tests.identity.workload.sources import Authority


def proved(answer: bytes, speaks: Speaks = Speaks.HTTP) -> str:
    """Why a server that says this, whatever it is asked, is not alive."""
    authority = Authority("shop.example")
    own, shown = authority.svid("/licet/mesh"), authority.svid("/stock")
    material = Material(own.chain, own.key, authority.bundle().x509)

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    async def run() -> str:
        server = await asyncio.start_server(answering, "127.0.0.1", 0, ssl=svid_context(shown.chain, shown.key))
        async with server:
            port = server.sockets[0].getsockname()[1]
            target = Target("one", "127.0.0.1", port, str(shown.spiffe_id), speaks, "a" * 16)
            return await Prober(lambda: material, authority.bundle).prove(target)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"\r\n", "it refuses what its policy admits"),
        (b"HTTP/1.1\r\n", "it refuses what its policy admits"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "it refuses what its policy admits"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "it lets through what its policy refuses"),
        (b"", "it ended the connection without an answer"),
        (b"x" * (1 << 17), "it ended the connection without an answer"),
    ],
    ids=["no words", "no status", "refused", "everything", "nothing", "no end"],
)
def test_an_answer_that_is_none_is_a_reason_and_no_exception(answer: bytes, why: str) -> None:
    assert proved(answer) == why


@pytest.mark.parametrize(
    ("answer", "why"),
    [(b"", "it refuses what its policy admits"), (b"echo", "it lets through what its policy refuses")],
)
def test_bytes_that_come_whatever_is_asked_prove_nothing(answer: bytes, why: str) -> None:
    assert proved(answer, Speaks.TCP) == why
