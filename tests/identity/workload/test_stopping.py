"""A server that stops answers what it was asked, and sends nobody away for good."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import grpc

from licet.identity.spiffeid import SpiffeID
from licet.identity.svid import JwtSvid
from licet.identity.workload.proto.workload_pb2 import JWTSVIDRequest, JWTSVIDResponse, X509SVIDResponse
from licet.identity.workload.source import Peer
from tests.identity.workload.serving import Client, client, serving, status
from tests.identity.workload.sources import Scripted


class Slow(Scripted):
    """Gives out tokens once it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def tokens(self, peer: Peer, audience: tuple[str, ...], wanted: SpiffeID | None) -> tuple[JwtSvid, ...]:
        """Tokens, not before it is time."""
        self.reached.set()
        await self.go_on.wait()
        return await super().tokens(peer, audience, wanted)


def test_a_token_that_was_asked_for_is_still_given_out(tmp_path: Path) -> None:
    async def story() -> None:
        source = Slow()
        async with client(tmp_path / "api.sock") as connection, AsyncExitStack() as stack:
            await stack.enter_async_context(serving(tmp_path, source))
            call = asyncio.create_task(
                connection.call("FetchJWTSVID", JWTSVIDRequest(audience=["db"]), JWTSVIDResponse)
            )
            await asyncio.wait_for(source.reached.wait(), 30)
            stopping = asyncio.create_task(stack.aclose())
            await asyncio.sleep(0)
            source.go_on.set()
            assert len((await call).svids) == len(source.view.svids)
            await stopping

    asyncio.run(story())


def test_calls_that_come_while_it_stops_are_unavailable(tmp_path: Path) -> None:
    """Never cancelled: go-spiffe takes that for its own doing, and watches no more."""

    async def watched(connection: Client) -> None:
        async for _ in connection.stream("FetchX509SVID", X509SVIDResponse):
            pass

    async def story() -> None:
        async with AsyncExitStack() as clients, AsyncExitStack() as stack:
            await stack.enter_async_context(serving(tmp_path, Scripted()))
            calls = []
            for _ in range(8):
                connection = await clients.enter_async_context(client(tmp_path / "api.sock"))
                await connection.first("FetchX509SVID", X509SVIDResponse)
                calls += [asyncio.create_task(status(watched(connection))) for _ in range(25)]
            await asyncio.sleep(0)
            await stack.aclose()
            assert {code for code, _ in await asyncio.gather(*calls)} == {grpc.StatusCode.UNAVAILABLE}

    asyncio.run(story())
