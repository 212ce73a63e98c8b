"""Yes, no, or not known: the logic of facts that manifests do not hold."""

from __future__ import annotations

import enum


class Ternary(enum.IntEnum):
    """Kleene's three values, ordered so that `min` is AND and `max` is OR."""

    NO = 0
    UNKNOWN = 1
    YES = 2
