"""How long to wait before the next attempt."""

from __future__ import annotations

from random import Random

FIRST = 1.0
LONGEST = 5.0
"""Seconds. How long after an outage a node may notice that it is over, which its SVIDs have to survive as well."""


def backoff(failures: int, random: Random) -> float:
    """Seconds after so many failures in a row: anything up to a bound that doubles, so that a crowd is spread out."""
    return random.uniform(0, min(LONGEST, FIRST * 2 ** min(failures - 1, 16))) if failures > 0 else 0.0
