"""Bytes carried both ways between two sockets, as fast as the slower of them takes them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

_ROOM = 1 << 16
_HIGH = 1 << 16
"""Bytes that wait for a reader before nothing more is read for it."""


async def pump(
    caller: socket.socket,
    server: socket.socket,
    gone: asyncio.Future[None],
    patience: float,
    spend: Callable[[int], float],
) -> None:
    """Carry bytes until either side ends, or `gone` is done, or the caller is silent at first for `patience` s.

    `spend` is told how much came from the caller, and says for how many seconds nothing more is to be read of it.

    Takes both sockets over and closes them. What one side sent before it ended is still handed to the other, which has
    `patience` seconds to take it; nothing is handed on to or for a process that is gone.
    """
    loop = asyncio.get_running_loop()
    left, right = _Side(loop), _Side(loop)
    left.other, right.other = right, left
    first = loop.call_later(patience, left.abort)
    left.heard, left.spend = first.cancel, spend
    try:
        await loop.connect_accepted_socket(lambda: right, server)
        await loop.connect_accepted_socket(lambda: left, caller)
        await asyncio.wait((left.lost, right.lost, gone), return_when=asyncio.FIRST_COMPLETED)
        if not gone.done():
            left.close()
            right.close()
            await asyncio.wait((left.lost, right.lost), timeout=patience)
    finally:
        first.cancel()
        left.abort()
        right.abort()


class _Side(asyncio.BufferedProtocol):
    """One of the two; what it reads is written to the other."""

    # Read and handed on within one callback, so that all connections of a loop may share the room for it.
    _room = bytearray(_ROOM)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lost: asyncio.Future[None] = loop.create_future()
        self.other: _Side | None = None
        self._early = b""
        self._resting: asyncio.TimerHandle | None = None
        self._crowded = False
        self._loop = loop
        self.spend: Callable[[int], float] | None = None
        self.heard: Callable[[], None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(_HIGH)
        # Whoever comes first waits for the other: what it read before would have nowhere to go.
        if self.other is not None and self.other._transport is None:
            self._transport.pause_reading()
        else:
            if self.other is not None and self.other._early:
                self._transport.write(self.other._early)
            self.resume_writing()

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - any room will do
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        if self.heard is not None:
            self.heard()
            self.heard = None
        # Bytes of their own: newer Pythons keep what could not be sent at once without copying it.
        read = bytes(memoryview(self._room)[:nbytes])
        if self.other is not None and self.other._transport is not None:
            self.other._transport.write(read)
        elif self.other is not None:
            # Early Pythons of 3.11 forget a pause that is asked for while the connection is made.
            self._early += read
        if self.spend is not None and (rest := self.spend(nbytes)) > 0 and self._resting is None:
            self._resting = self._loop.call_later(rest, self._rested)
            self._read_on()

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other._crowded = True
            self.other._read_on()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other._crowded = False
            self.other._read_on()

    def _rested(self) -> None:
        self._resting = None
        self._read_on()

    def _read_on(self) -> None:
        """Read, unless the other side cannot take it or this one has sent too much."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._crowded or self._resting is not None:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why makes no difference
        self.other = None
        if self._resting is not None:
            self._resting.cancel()
        if not self.lost.done():
            self.lost.set_result(None)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        # One that has ended by writing its last bytes does not know, in Python 3.11, and fails.
        if self._transport is not None and not self.lost.done():
            self._transport.abort()
