"""Signals that say to stop: heard with patience, once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Told:
    """Whether a signal said to stop. Until there is `patient` work, and the second time, it interrupts."""

    def __init__(self) -> None:
        self.number = signal.SIGINT
        self.patient = False
        self._stop = asyncio.Event()

    async def within(self, seconds: float) -> bool:
        """Whether it has come, or comes within this time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0)):
                await self._stop.wait()
        return self._stop.is_set()

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hear SIGINT, SIGTERM and SIGHUP, but those that are ignored, as under nohup."""
        loop, own = asyncio.get_running_loop(), asyncio.current_task()
        assert own is not None
        before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
        for number in heard:
            loop.add_signal_handler(number, self._hear, number, own)
        try:
            yield
        finally:
            for number in heard:
                loop.remove_signal_handler(number)
                signal.signal(number, before[number])

    def _hear(self, number: signal.Signals, own: asyncio.Task[object]) -> None:
        self.number = number
        if self._stop.is_set() or not self.patient:
            own.cancel()
        self._stop.set()
