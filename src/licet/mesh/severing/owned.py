"""Whose a connection is: what a sidecar says of connections holds for its own sockets alone.

Where several share a network namespace, one that lies could otherwise have a neighbour's connection ended.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress

from licet.mesh.errors import MeshError

_SOCKET = "socket:["
_CREDIT, _SHARE = 0.2, 0.1
"""Seconds that may be spent on looking at once, and of each second after that."""


class UnsureError(MeshError):
    """Whose a socket is was not looked for now: there was too much to look for."""


class Owned:
    """The sockets of a process, by inode. What one process has others look for takes no time from everybody else."""

    def __init__(self, pid: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._folder = f"/proc/{pid}/fd"
        self._clock = clock
        self._known: frozenset[int] = frozenset()
        self._credit = _CREDIT
        self._looked = clock()

    def has(self, inode: int) -> bool:
        """Whether the process has it open; raises UnsureError, and OSError where that may not be seen."""
        if not inode:
            return False  # whoever had it has closed it
        if inode not in self._known:
            self._look()
        return inode in self._known

    def _look(self) -> None:
        began = self._clock()
        self._credit = min(_CREDIT, self._credit + (began - self._looked) * _SHARE)
        if self._credit <= 0:
            self._looked = began
            raise UnsureError("whose a connection is was looked for too often", "it is tried again")
        self._known = _inodes(self._folder)
        self._looked = self._clock()
        self._credit -= self._looked - began


def _inodes(folder: str) -> frozenset[int]:
    found = []
    for number in os.listdir(folder):
        with suppress(FileNotFoundError):
            target = os.readlink(f"{folder}/{number}")
            if target.startswith(_SOCKET):
                found.append(int(target[len(_SOCKET) : -1]))
    return frozenset(found)
