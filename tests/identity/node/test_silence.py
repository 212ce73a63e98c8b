"""A server whose machine is gone says nothing, not even that."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from licet.identity.errors import UnavailableError
from tests.identity.node.plane import Domain, attested, remote, serving

NOTICED = 20.0
"""Seconds that this may take: what is promised, not how fast it is."""


class Wire:
    """Passes bytes on in both directions until it is cut, and then none, closing nothing."""

    def __init__(self, to: str) -> None:
        self._to = to
        self._whole = asyncio.Event()
        self._whole.set()
        self._pipes: list[asyncio.Task[None]] = []

    async def open(self) -> str:
        """Where it can be connected to."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Pass nothing on any more."""
        self._whole.clear()

    async def close(self) -> None:
        """Put everything away."""
        self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._to.split(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        self._pipes.append(asyncio.ensure_future(self._pipe(reader, far_writer)))
        self._pipes.append(asyncio.ensure_future(self._pipe(far_reader, writer)))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


def test_a_server_that_falls_silent_is_noticed(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (node, join):
            wire = Wire(node)
            upstream = remote(await attested(domain, join, tmp_path), await wire.open())
            states = upstream.states()
            await anext(states)
            wire.cut()
            with pytest.raises(UnavailableError):
                async with asyncio.timeout(NOTICED):
                    await anext(states)
            await upstream.close()
            await wire.close()

    asyncio.run(run())


def test_who_connects_and_says_nothing_is_not_waited_for() -> None:
    async def said_to_nobody(port: str) -> bytes:
        reader, writer = await asyncio.open_connection(*port.split(":"))
        async with asyncio.timeout(3 * NOTICED):
            said = await reader.read()
        writer.close()
        return said

    async def run() -> None:
        async with serving(Domain()) as ports:
            assert await asyncio.gather(*map(said_to_nobody, ports)) == [b"", b""]

    asyncio.run(run())
