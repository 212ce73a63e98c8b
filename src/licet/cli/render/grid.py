"""Rows of cells on a terminal of any width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from licet.diag.render.paint import Paint
from licet.diag.render.visible import columns

Cell: TypeAlias = Sequence[str]
"""Items that stay whole where they fit on a line; they are shown with commas between them."""

_GAP = 2
_LEAST = 14
STACKED_BELOW = 60
"""Narrower than this, cells stand under one another."""


def grid(head: Sequence[str], rows: Sequence[Sequence[Cell]], width: int, paint: Paint) -> Iterator[str]:
    """The rows under their heading, no line wider than `width` as long as no single word is."""
    if width < STACKED_BELOW:
        yield from _stacked(rows, width)
        return
    widths = _widths(head, rows, width)
    yield paint.faint(_line(head, widths))
    for row in rows:
        cells = [_wrap(cell, size) for cell, size in zip(row, widths, strict=True)]
        for number in range(max(map(len, cells), default=0)):
            yield _line([cell[number] if number < len(cell) else "" for cell in cells], widths)


def _stacked(rows: Sequence[Sequence[Cell]], width: int) -> Iterator[str]:
    for row in rows:
        for depth, cell in enumerate(row):
            arrow = "-> " if depth == 1 else ""
            for number, line in enumerate(_wrap(cell, max(width - 2 * depth - len(arrow), _LEAST))):
                yield " " * (2 * depth) + (arrow if number == 0 else " " * len(arrow)) + line


def _widths(head: Sequence[str], rows: Sequence[Sequence[Cell]], width: int) -> list[int]:
    """Every column as wide as its content where that fits; otherwise the wide ones share what is left."""
    wanted = [
        max([columns(title), *(columns(", ".join(row[number])) for row in rows)]) for number, title in enumerate(head)
    ]
    left = width - _GAP * (len(head) - 1)
    sizes = [0] * len(head)
    open_ = set(range(len(head)))
    while open_:
        share = max(left // len(open_), _LEAST)
        fitting = [number for number in open_ if wanted[number] <= share]
        if not fitting:
            for number in open_:
                sizes[number] = share
            break
        for number in fitting:
            sizes[number] = wanted[number]
            left -= wanted[number]
        open_.difference_update(fitting)
    return sizes


def _wrap(cell: Cell, width: int) -> list[str]:
    """The items on as few lines as it takes; an item that is wider than a line is broken at its spaces."""
    whole = ", ".join(cell)
    if columns(whole) <= width:
        return [whole]
    lines: list[str] = []
    line = ""
    for number, item in enumerate(cell):
        text = item if number == len(cell) - 1 else item + ","
        if line and columns(line) + 1 + columns(text) <= width:
            line = f"{line} {text}"
            continue
        if line:
            lines.append(line)
        *broken, line = _break(text, width)
        lines += broken
    return [*lines, line] if line or not lines else lines


def _break(text: str, width: int) -> list[str]:
    """Words on lines; a word wider than a line is cut, so that columns stay columns."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and columns(lines[-1]) + 1 + columns(word) <= width:
            lines[-1] += f" {word}"
            continue
        parts = _cut(word, width)
        lines = [*lines, *parts] if lines[-1] else parts
    return lines


def _cut(word: str, width: int) -> list[str]:
    if columns(word) <= width:
        return [word]
    parts = [""]
    for character in word:
        if columns(parts[-1]) + columns(character) > width:
            parts.append("")
        parts[-1] += character
    return parts


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (size - columns(cell)) for cell, size in zip(cells, widths, strict=True)]
    return (" " * _GAP).join(padded).rstrip()
