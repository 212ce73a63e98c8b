"""Words that findings of every room are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta


def listed(names: Sequence[str], most: int) -> str:
    """The first of the names, each in backticks, and how many more there are."""
    some = ", ".join(f"`{name}`" for name in names[:most])
    return f"{some} and {len(names) - most:,} more" if len(names) > most else some


def instant(at: datetime) -> str:
    """A time, which has to have a time zone, as RFC 3339 in UTC, whole seconds."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def lasting(span: timedelta) -> str:
    """Such as `27 min` or `3 d`: whole, and in the largest unit of which there are two or more."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:,} {unit}"
    return f"{seconds} s"
