"""The program that stands in for a workload: `program.py PARENT WORKLOAD`, ordered about over its standard input."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from licet.app.up import leash
from licet.app.up.calling import Caller
from licet.app.up.orders import LONGEST, Begin, Call, Done, Ready, Report, Round, Way, line
from licet.app.up.stub import Stub

if TYPE_CHECKING:
    import ssl

    from licet.app.up.direct import Credentials


async def run(orders: socket.socket) -> None:
    """Take orders until no more come."""
    reader, writer = await asyncio.open_connection(sock=orders, limit=LONGEST)
    begin = msgspec.json.decode(await reader.readline(), type=Begin)
    servers = await Stub(begin.workload, begin.sidecar).serve(begin.serves)
    await _tell(writer, Ready())
    _settle()
    caller = Caller(begin.address, _Contexts(begin.node).context)
    while order := await reader.readline():
        await _round(msgspec.json.decode(order, type=Round), caller, writer)
    for server in servers:
        server.close()


class _Contexts:
    """The identity's client is loaded where it is first needed: it is three times what the rest takes to load."""

    def __init__(self, node: str) -> None:
        self._node = Path(node)
        self._credentials: Credentials | None = None

    async def context(self, way: Way, protocols: tuple[str, ...]) -> ssl.SSLContext:
        if self._credentials is None:
            from licet.app.up.direct import Credentials

            self._credentials = Credentials(self._node)
        return await self._credentials.context(way, protocols)


async def _round(order: Round, caller: Caller, writer: asyncio.StreamWriter) -> None:
    async def make(call: Call) -> None:
        await _tell(writer, await caller.call(call))

    loop = asyncio.get_running_loop()
    begin = loop.time()
    async with asyncio.TaskGroup() as calls:
        for number, call in enumerate(order.calls):
            await asyncio.sleep(max(0.0, begin + number / order.rate - loop.time()))
            calls.create_task(make(call))
    await _tell(writer, Done())


async def _tell(writer: asyncio.StreamWriter, report: Report) -> None:
    writer.write(line(report))
    await writer.drain()


def _settle() -> None:
    """What is loaded by now stays, and is not looked through again."""
    gc.collect()
    gc.freeze()


def main() -> None:
    """Be the program until the command goes away."""
    leash.hold(int(sys.argv[1]))
    asyncio.run(run(socket.socket(fileno=0)))


if __name__ == "__main__":
    main()
