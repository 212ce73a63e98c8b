"""The baseline of the Workload API: a bare gRPC server that knows nobody and hands the same bytes to all.

`python -m bench.identity.plain SOCKET`, a response on standard input. SIGUSR1 has it written to every stream again.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import grpc


class Plain:
    """One method, one response; it has a byte more after each push, so that it is another one."""

    def __init__(self, response: bytes) -> None:
        self._response = response
        self._changed = asyncio.Event()

    def push(self) -> None:
        """Have every stream told."""
        self._response += b"\x00"
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def fetch(self, _: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        """The response now, and again whenever it is another."""
        while True:
            changed = self._changed
            await context.write(self._response)
            await changed.wait()


async def serve(path: str, response: bytes) -> None:
    """Serve until a signal ends the process; says `ready` on standard output."""
    plain = Plain(response)
    server = grpc.aio.server(options=[("grpc.server.max_pending_requests", 1 << 20)])
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(plain.fetch)
    server.add_registered_method_handlers("SpiffeWorkloadAPI", {"FetchX509SVID": handler})
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, plain.push)
    print("ready", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.stdin.buffer.read()))
