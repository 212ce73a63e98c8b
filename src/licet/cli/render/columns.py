"""Rows of words below each other, one line each, so that lines can be searched and cut."""

from __future__ import annotations

from collections.abc import Sequence

from licet.diag.render.visible import visible

_WIDEST = 80
"""A cell that is wider pushes the rest of its own row to the right, and of no other."""


def aligned(rows: Sequence[Sequence[str]], head: Sequence[str] = ()) -> list[str]:
    """A line a row, all of which have as many cells; the head stands above them where there are any."""
    if not rows:
        return []
    shown = [[visible(cell) for cell in row] for row in ([head, *rows] if head else rows)]
    widths = [
        max((len(cell) for cell in column if len(cell) <= _WIDEST), default=0) for column in zip(*shown, strict=True)
    ]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]
