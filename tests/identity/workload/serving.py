"""A server of a test's own, and a client that sees every message and status."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message

from licet.identity.workload.front import Attest
from licet.identity.workload.limits import Limits
from licet.identity.workload.server import WorkloadServer
from licet.identity.workload.source import Source
from tests.identity.workload.sources import attest

PATIENCE = 30.0
Got = TypeVar("Got", bound=Message)
Header: TypeAlias = Sequence[tuple[str, str]]


@asynccontextmanager
async def serving(
    home: Path, source: Source, *, attest: Attest = attest, limits: Limits | None = None
) -> AsyncGenerator[WorkloadServer, None]:
    """A server on `home/api.sock`."""
    home.chmod(0o755)
    async with WorkloadServer(home / "api.sock", source, attest, limits or Limits()) as server:
        yield server


HEADER = (("workload.spiffe.io", "true"),)


class Client:
    """Calls of the Workload API over a connection of its own, which a test sees the messages of."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    def stream(
        self, method: str, kind: type[Got], *, header: Header = HEADER, data: bytes = b""
    ) -> AsyncGenerator[Got, None]:
        """Responses as they come."""
        multi: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(
            f"/SpiffeWorkloadAPI/{method}"
        )
        call = multi(data, metadata=header)

        async def responses() -> AsyncGenerator[Got, None]:
            try:
                async for response in call:
                    yield kind.FromString(response)
            finally:
                call.cancel()

        return responses()

    async def first(self, method: str, kind: type[Got], *, header: Header = HEADER, data: bytes = b"") -> Got:
        """The first response of a stream."""
        async with aclosing(self.stream(method, kind, header=header, data=data)) as stream:
            return await anext(stream)

    async def call(self, method: str, request: Message, kind: type[Got], *, header: Header = HEADER) -> Got:
        """The response of a method that has one."""
        multi: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            f"/SpiffeWorkloadAPI/{method}"
        )
        return kind.FromString(await multi(request.SerializeToString(), metadata=header))


@asynccontextmanager
async def client(path: Path) -> AsyncGenerator[Client, None]:
    """A client connected to this socket."""
    alone = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    async with grpc.aio.insecure_channel(f"unix:{path}", options=alone) as channel:
        yield Client(channel)


async def status(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    """How a call ends that fails: the code, and what is said."""
    try:
        await asyncio.wait_for(call, PATIENCE)
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    raise AssertionError("the call did not fail")


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until something holds; fail where it never does."""
    end = time.monotonic() + PATIENCE
    while True:
        held = holds()
        if held if isinstance(held, bool) else await held:
            return
        assert time.monotonic() < end, "what was waited for did not come"
        await asyncio.sleep(0.01)
