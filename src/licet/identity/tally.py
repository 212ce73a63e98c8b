"""How often what happened since the start."""

from __future__ import annotations

from collections import Counter
from threading import Lock


class Tally:
    """Counts by name, from any thread."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, name: str, number: int = 1) -> None:
        """So many more of this name."""
        with self._lock:
            self._counts[name] += number

    def counts(self) -> dict[str, int]:
        """What was counted until now."""
        with self._lock:
            return dict(self._counts)
