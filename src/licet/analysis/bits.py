"""Sets of small whole numbers as Python integers: bit `i` set means that `i` is in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_SPARSE = 8


def indices(bits: int) -> Iterator[int]:
    """The members in ascending order, in time that grows with the larger of members and width / 8."""
    if bits.bit_count() <= _SPARSE:
        while bits:
            low = bits & -bits
            yield low.bit_length() - 1
            bits ^= low
        return
    text = bin(bits)[:1:-1]
    at = text.find("1")
    while at >= 0:
        yield at
        at = text.find("1", at + 1)


def of(members: Iterable[int], width: int) -> int:
    """The set of `members`, all below `width`, built in one pass rather than by repeated OR of wide numbers."""
    cells = bytearray((width >> 3) + 1)
    for member in members:
        cells[member >> 3] |= 1 << (member & 7)
    return int.from_bytes(cells, "little")
