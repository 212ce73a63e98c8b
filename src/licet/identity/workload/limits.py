"""How much callers may take of a node."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from licet.identity.errors import UnavailableError

_OWN_DESCRIPTORS = 256
_DESCRIPTORS_EACH = 6
"""The caller's socket, both ends of the one within, and three by which the process is watched."""


class Limits(msgspec.Struct, frozen=True):
    """Connections in all and for one uid, calls on each and for one uid, bytes of a message, and seconds to say hello.

    A connection without a call is ended after `idle` seconds. What is over a limit is turned away and may come again.
    Of one uid's connections together `bytes_for_uid` are read a second, and `burst` at once: what comes faster waits.
    A first answer costs a caller less than 1 KiB. Root and the server's own user wait for nothing.
    """

    connections: int = 4096
    connections_for_uid: int = 2048
    streams: int = 100
    calls_for_uid: int = 8192
    message: int = 1 << 18
    bytes_for_uid: int = 1 << 18
    burst: int = 2 << 20
    hello: float = 10.0
    idle: float = 600.0

    def affordable(self) -> int:
        """Connections in all, as far as the process may open files."""
        open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if open_files == resource.RLIM_INFINITY:
            return self.connections
        return max(1, min(self.connections, (open_files - _OWN_DESCRIPTORS) // _DESCRIPTORS_EACH))

    def for_uid(self) -> int:
        """Connections for one uid; half at most where the process may open too few files for all."""
        affordable = self.affordable()
        if affordable == self.connections:
            return self.connections_for_uid
        return max(1, min(self.connections_for_uid, affordable // 2))


class Room:
    """Calls that are open, by uid: streams stay, and each takes some 30 KiB."""

    def __init__(self, calls_for_uid: int) -> None:
        self._most = calls_for_uid
        self._open: Counter[int] = Counter()

    @contextmanager
    def taken(self, uid: int) -> Iterator[None]:
        """While a call is open; raises UnavailableError where there are too many."""
        if self._open[uid] >= self._most:
            raise UnavailableError("too many calls are open", "end some, or try again later")
        self._open[uid] += 1
        try:
            yield
        finally:
            self._open[uid] -= 1
            if not self._open[uid]:
                del self._open[uid]


class Flow:
    """Bytes that one uid may still send, whichever of its connections they come on."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._rate = limits.bytes_for_uid
        self._most = float(limits.burst)
        self._clock = clock
        self._left = self._most
        self._at = clock()

    @property
    def spent(self) -> bool:
        """Whether some of the burst is still to be waited for."""
        return self._left + (self._clock() - self._at) * self._rate < self._most

    def spend(self, size: int) -> float:
        """Count bytes that have come; for how many seconds nothing more is to be read where that came from."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate) - size
        self._at = now
        return max(0.0, -self._left / self._rate)
