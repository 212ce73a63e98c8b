"""The program with one connection of each kind, and what it says became of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

KINDS = (
    *("grpc", "http1", "http1-idle", "http2", "http2-idle"),
    *("tcp-down", "tcp-echo", "tcp-idle", "tcp-mute", "tcp-up"),
)
"""What is open in every trial, one connection of each. What is idle has said something once, what is mute never."""
_PATIENCE = 30.0


class Tally(msgspec.Struct, frozen=True):
    """What came of one connection: lost are answers that never came, or came in another order."""

    dialled: int
    ended: int
    done: int
    failed: int
    lost: int
    why: tuple[str, ...] | None


class Client:
    """A program with one connection of each kind."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def open(self) -> None:
        """Have one of each kind that was answered."""
        assert sorted((await self._say("open", "opened"))["opened"]) == sorted(KINDS)

    async def ended(self, *kinds: str) -> Mapping[str, float]:
        """When each connection of these kinds ended, once all have."""
        ended: dict[str, float] = {}
        while missing := {*kinds} - ended.keys():
            try:
                said = await self._line()
            except TimeoutError:
                raise AssertionError(f"still open: {missing}") from None
            if "ended" in said:
                ended[said["kind"]] = said["ended"]
        return ended

    async def tally(self) -> Mapping[str, Tally]:
        """What came of each, after a last use of every one."""
        return msgspec.convert((await self._say("tally", "tally"))["tally"], dict[str, Tally])

    async def _say(self, word: str, answer: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        while answer not in (said := await self._line()):
            pass
        return said

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(_PATIENCE):
            return msgspec.json.decode(await self._process.stdout.readline(), type=dict[str, Any])


@asynccontextmanager
async def client(command: list[str]) -> AsyncIterator[Client]:
    """The program, started with this command."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Client(process)
    finally:
        process.kill()
        await process.communicate()
