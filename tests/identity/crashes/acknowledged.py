"""What was acknowledged to somebody outside the processes that are killed."""

from __future__ import annotations

import threading
from collections import Counter

import msgspec


class Snapshot(msgspec.Struct, frozen=True):
    """What had been acknowledged at one moment. Of what has the value None nobody was told how it ended."""

    serials: frozenset[str]
    audiences: frozenset[str]
    entries: dict[str, bool | None]
    denied: dict[str, bool | None]
    authorities: frozenset[str]
    version: int
    notes: tuple[str, ...]


class Acknowledged:
    """Gathers from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._serials: set[str] = set()
        self._audiences: set[str] = set()
        self.entries: dict[str, bool | None] = {}
        self.denied: dict[str, bool | None] = {}
        self._authorities: set[str] = set()
        self._version = 0
        self._notes: dict[str, None] = {}
        self.refusals: Counter[str] = Counter()
        """Calls of clients that failed, by their status and what went with it."""

    def serial(self, *serials: str) -> None:
        """Certificates that a client holds."""
        with self._lock:
            self._serials.update(serials)

    def audience(self, audience: str) -> None:
        """A client holds a token for it."""
        with self._lock:
            self._audiences.add(audience)

    def state(self, authorities: frozenset[str], version: int) -> None:
        """A command told of these and ended well."""
        with self._lock:
            self._authorities |= authorities
            self._version = max(self._version, version)

    def note(self, note: str) -> None:
        """A checkpoint that somebody saw."""
        with self._lock:
            self._notes[note] = None

    def refused(self, status: str) -> None:
        """A call that failed."""
        with self._lock:
            self.refusals[status] += 1

    def snapshot(self) -> Snapshot:
        """All of it now."""
        with self._lock:
            return Snapshot(
                frozenset(self._serials),
                frozenset(self._audiences),
                dict(self.entries),
                dict(self.denied),
                frozenset(self._authorities),
                self._version,
                tuple(self._notes)[-20:],
            )

    def settle(self, entries: frozenset[str], denied: frozenset[str]) -> None:
        """What nobody was told of is as it was found."""
        for known, found in ((self.entries, entries), (self.denied, denied)):
            for name, wanted in known.items():
                if wanted is None:
                    known[name] = name in found
