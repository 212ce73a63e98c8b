"""When a certificate is replaced."""

from __future__ import annotations

from datetime import datetime
from random import Random

JITTER = 0.1
"""How far from half-life, as a part of half a lifetime: those who started together do not renew together."""


def renewal(not_before: datetime, not_after: datetime, random: Random) -> datetime:
    """Half-life, give or take a tenth of half the lifetime."""
    half = (not_after - not_before) / 2
    return not_before + half * random.uniform(1 - JITTER, 1 + JITTER)
