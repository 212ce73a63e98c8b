"""A gRPC server that no single call can end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
from grpc._cython import cygrpc
from grpc.aio import _server


def server(options: Sequence[tuple[str, int]], maximum_concurrent_rpcs: int | None = None) -> grpc.aio.Server:
    """A server with these channel arguments, which answers so many calls at once at most."""
    return _Server(options, maximum_concurrent_rpcs)  # type: ignore[return-value]  # stubs do not know the base


class _Server(_server.Server):
    """`grpc.aio.server`, but for calls of methods that nobody registered.

    There the loop that accepts calls decodes the method's name, and a name that is no UTF-8 raises in the loop itself
    (grpcio 1.85): the server shuts down, and whoever may connect may do that. Here such calls never come to that loop.
    Methods are to be registered (`add_registered_method_handlers`, as generated code does); others are Unimplemented.
    """

    def __init__(self, options: Sequence[tuple[str, int]], maximum_concurrent_rpcs: int | None = None) -> None:
        super().__init__(None, (), (), tuple(options), maximum_concurrent_rpcs, None)
        self._server = _Accepting(self._loop, None, (), (), tuple(options), maximum_concurrent_rpcs)


class _Accepting(cygrpc.AioServer):  # type: ignore[misc]
    def _make_request_call_future(self, method: bytes | None) -> asyncio.Future[Any]:
        if method is not None:
            return super()._make_request_call_future(method)  # type: ignore[no-any-return]
        return asyncio.get_running_loop().create_task(self._refuse())

    async def _refuse(self) -> None:
        """Answer every call of an unknown method; never returns, so that the loop never looks at one."""
        loop = asyncio.get_running_loop()
        nothing = cygrpc._MethodResolver([], {})
        running: set[asyncio.Task[None]] = set()
        while True:
            call = await self._request_call()
            handling = cygrpc._handle_rpc("", nothing, (), call, loop, False)
            task = loop.create_task(cygrpc._schedule_rpc_coro(handling, call, loop, ""))
            running.add(task)
            task.add_done_callback(running.discard)
