"""A workload's stand-in as the command sees it: what is ordered, and what comes back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import msgspec

from licet.app.up.calling import PATIENCE
from licet.app.up.children import Child, ChildError, Children
from licet.app.up.orders import LONGEST, Begin, Call, Done, Order, Outcome, Ready, Report, Round, line
from licet.model.key import Key

_LATE = 30.0
"""Seconds that one may be late by, on a machine that has a lot to do."""
_PROGRAM = "licet.app.up.program"
_REPORT: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


class Worker:
    """A child that runs `program`. One order at a time is under way; it ends as any child."""

    def __init__(self, child: Child, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.child = child
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, children: Children, name: str, workload: Key, begin: Begin) -> Worker:
        """Start one that serves every socket when this returns; raises ChildError where it does not come to that."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                child = children.start_ours(name, workload, _PROGRAM, theirs)
            except BaseException:
                ours.close()
                raise
        worker = cls(child, *await asyncio.open_connection(sock=ours, limit=LONGEST))
        child.ended.add_done_callback(lambda _: worker._writer.close())
        await worker._send(begin)
        if not isinstance(await worker._next(), Ready):
            raise worker._broken()
        return worker

    async def round(self, calls: Sequence[Call], rate: float) -> tuple[Outcome, ...]:
        """Have these calls made, `rate` a second; what became of each, as it came. Raises ChildError."""
        try:
            async with asyncio.timeout(len(calls) / rate + PATIENCE + _LATE):
                return await self._outcomes(calls, rate)
        except TimeoutError:
            raise self._broken() from None

    async def _outcomes(self, calls: Sequence[Call], rate: float) -> tuple[Outcome, ...]:
        await self._send(Round(tuple(calls), rate))
        outcomes: list[Outcome] = []
        while True:
            match await self._next():
                case Outcome() as outcome:
                    outcomes.append(outcome)
                case Done() if {each.number for each in outcomes} == {each.number for each in calls}:
                    return tuple(outcomes)
                case _:
                    raise self._broken()

    async def _send(self, order: Order) -> None:
        try:
            self._writer.write(line(order))
            await self._writer.drain()
        except OSError:
            raise self._broken() from None

    async def _next(self) -> Report:
        try:
            return _REPORT.decode(await self._reader.readline())
        except (OSError, ValueError):
            raise self._broken() from None

    def _broken(self) -> ChildError:
        return ChildError(
            f"what stands in for `{self.child.workload}` does not answer: it {self.child.fate}",
            "`--keep DIR` keeps every log",
        )
