"""The access log service on a socket, in a thread of its own, that keeps what it hears."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc

from licet.identity import rpc
from licet.identity.workload.calls import Context
from licet.mesh.telemetry.access_log import AccessLogs, Caller, Entry, OnEntries


class Heard:
    """Entries in the order in which they came: who reported them, and into which log."""

    def __init__(self) -> None:
        self.entries: list[tuple[Caller, str, Entry]] = []

    def __call__(self, caller: Caller, name: str, entries: Sequence[Entry]) -> None:
        """Keep them."""
        self.entries.extend((caller, name, entry) for entry in entries)


@contextmanager
def control(socket: Path, caller: Callable[[Context], Caller | None], *listening: OnEntries) -> Iterator[AccessLogs]:
    """The service, which everybody on this machine may call."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server, service = asyncio.run_coroutine_threadsafe(_start(socket, caller, listening), loop).result()
        yield service
        asyncio.run_coroutine_threadsafe(server.stop(0), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(
    socket: Path, caller: Callable[[Context], Caller | None], listening: Sequence[OnEntries]
) -> tuple[grpc.aio.Server, AccessLogs]:
    service = AccessLogs(caller, listening)
    server = rpc.server(())
    server.add_registered_method_handlers(service.SERVICE, service.methods)
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    return server, service
