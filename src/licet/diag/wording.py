"""Words that findings of every room are made of."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[str], most: int) -> str:
    """The first of the names, each in backticks, and how many more there are."""
    some = ", ".join(f"`{name}`" for name in names[:most])
    return f"{some} and {len(names) - most:,} more" if len(names) > most else some
