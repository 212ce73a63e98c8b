"""Workloads, in a process of their own: `python -m bench.identity.callers SOCKET`, an order a line on standard input.

`open N`: so many more streams, each on a connection of its own; answered once each has its first response.
`expect PART`, then `wait`: answered once every open stream has had a response in which that part (`svid`, `bundle` or
`anything`) is another than before `expect`.
`kept N` and `anew N`: the first response, N times, on one connection or each on one of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import grpc

from licet.identity.workload.proto.workload_pb2 import X509SVIDResponse

Call: TypeAlias = "grpc.aio.UnaryStreamCall[bytes, bytes]"

_METHOD = "/SpiffeWorkloadAPI/FetchX509SVID"
_HEADER = (("workload.spiffe.io", "true"),)
_OWN = (("grpc.use_local_subchannel_pool", 1),)
_TOGETHER = 32
"""How many connect at once, and how many fetch."""
PATIENCE = 60.0


_PARTS: dict[str, Callable[[bytes], bytes]] = {
    "svid": lambda response: X509SVIDResponse.FromString(response).svids[0].x509_svid,
    "bundle": lambda response: X509SVIDResponse.FromString(response).svids[0].bundle,
    "anything": lambda response: response,
}


class Watcher:
    """One stream: its newest response, and when that came which was waited for."""

    def __init__(self, path: str) -> None:
        self.newest, self.at = b"", 0.0
        self.heard = asyncio.Event()
        self._part = _PARTS["anything"]
        self._before = b""
        self._channel = grpc.aio.insecure_channel(f"unix:{path}", options=_OWN)
        self._call = _called(self._channel)

    async def run(self) -> None:
        """Take responses until the stream ends."""
        async for response in self._call:
            self.newest = response
            if not self.heard.is_set() and self._part(response) != self._before:
                self.at = time.time()
                self.heard.set()

    def expect(self, part: str) -> bytes:
        """Wait for another one of these from now on; what it is now."""
        self._part = _PARTS[part]
        self._before = self._part(self.newest)
        self.heard.clear()
        return self._before


class Callers:
    """Every stream that is open, and the fetches beside them."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._watchers: list[Watcher] = []
        self._running: list[asyncio.Task[None]] = []

    async def open(self, count: int) -> dict[str, object]:
        """Open so many more."""
        for first in range(0, count, _TOGETHER):
            opened = [Watcher(self._path) for _ in range(min(_TOGETHER, count - first))]
            self._watchers += opened
            self._running += [asyncio.create_task(watcher.run()) for watcher in opened]
            await asyncio.gather(*(watcher.heard.wait() for watcher in opened))
        return {"open": len(self._watchers), "bytes": len(self._watchers[0].newest)}

    async def expect(self, part: str) -> dict[str, object]:
        """Wait for this to become another one in every stream; how many there are that differ now."""
        return {"distinct": len({watcher.expect(part) for watcher in self._watchers})}

    async def wait(self) -> dict[str, object]:
        """When each had something new, by the clock."""
        await asyncio.gather(*(watcher.heard.wait() for watcher in self._watchers))
        return {"at": sorted(watcher.at for watcher in self._watchers)}

    async def kept(self, count: int) -> dict[str, object]:
        """Fetch on one connection."""
        async with grpc.aio.insecure_channel(f"unix:{self._path}", options=_OWN) as channel:
            return await _many(count, lambda: _first(channel))

    async def anew(self, count: int) -> dict[str, object]:
        """Fetch, each on a connection of its own."""

        async def fetch() -> bytes:
            async with grpc.aio.insecure_channel(f"unix:{self._path}", options=_OWN) as channel:
                return await _first(channel)

        return await _many(count, fetch)


def _called(channel: grpc.aio.Channel) -> Call:
    fetch: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(_METHOD)
    return fetch(b"", metadata=_HEADER)


async def _first(channel: grpc.aio.Channel) -> bytes:
    call = _called(channel)
    try:
        async for response in call:
            return response
    finally:
        call.cancel()
    raise RuntimeError("the stream ended without a response")


async def _many(count: int, fetch: Callable[[], Awaitable[bytes]]) -> dict[str, object]:
    async def some(share: int) -> bytes:
        response = b""
        for _ in range(share):
            response = await fetch()
        return response

    began = time.perf_counter()
    [response, *_] = await asyncio.gather(*(some(count // _TOGETHER) for _ in range(_TOGETHER)))
    done = count // _TOGETHER * _TOGETHER
    return {"wall": time.perf_counter() - began, "done": done, "response": response.hex()}


async def obey(path: str) -> None:
    """Follow orders until there are no more."""
    callers, orders = Callers(path), asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := (await orders.readline()).split():
        do: Callable[..., Awaitable[dict[str, object]]] = getattr(callers, line[0].decode())
        async with asyncio.timeout(PATIENCE):
            answer = await do(*(int(word) if word.isdigit() else word.decode() for word in line[1:]))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(obey(sys.argv[1]))
