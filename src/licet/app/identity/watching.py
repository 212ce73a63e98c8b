"""Where a process that runs on is watched."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import msgspec

from licet.identity.watch.health import Health
from licet.identity.watch.subject import Subject


class Watching(msgspec.Struct, frozen=True):
    """Where `/metrics`, `/healthz` and `/readyz` are answered, to everybody who can reach it."""

    host: str
    port: int

    async def begin(self, subject: Subject, stack: contextlib.AsyncExitStack, ready: Callable[[str], None]) -> None:
        """Have it answered until the stack unwinds; raises IdentityError where the port is taken."""
        await self.over(Health(subject), stack, ready)

    async def over(self, health: Health, stack: contextlib.AsyncExitStack, ready: Callable[[str], None]) -> None:
        """The same, of something else than a server or a node."""
        port = await health.start(self.host, self.port)
        stack.push_async_callback(health.stop)
        ready(f"metrics at port {port}")
