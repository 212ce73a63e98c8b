"""How much callers may take of a node."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from licet.identity.errors import UnavailableError

_OWN_DESCRIPTORS = 256
_DESCRIPTORS_EACH = 6
"""The caller's socket, both ends of the one within, and three by which the process is watched."""


class Limits(msgspec.Struct, frozen=True):
    """Connections in all and for one uid, calls on each and for one uid, bytes of a message, and seconds to say hello.

    A connection without a call is ended after `idle` seconds. What is over a limit is turned away and may come again.
    """

    connections: int = 4096
    connections_for_uid: int = 2048
    streams: int = 100
    calls_for_uid: int = 8192
    message: int = 1 << 18
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
