"""Writing a big relation down briefly: few rectangles, sources by destinations, that together are the relation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Rectangle = tuple[int, tuple[int, ...]]
"""(set of sources as bits, destinations)."""

_ROOMY = 50
"""How many names a source or destination may take part in, on average, before shorter is worth more than plain."""


def rectangles(rows: Sequence[Rectangle], width: int) -> Iterator[Rectangle]:
    """Rectangles that cover the relation exactly; each row says which sources its destinations have.

    One rectangle a row is what people read best, and is kept while it stays short. Rows that are long and all different
    (everything but two or three, say) would take names in the square of the cluster's size. They are split into what
    most rows have, less some gaps, and what is left over, which is covered in the same way.
    """
    while not _is_short(rows, width):
        usual = most_common(rows)
        if not usual:
            break
        yield from _with_gaps([(part, d) for s, d in rows if (part := s & usual)], usual, 0, width)
        rows = [(rest, d) for s, d in rows if (rest := s & ~usual)]
    yield from rows


def _is_short(rows: Sequence[Rectangle], width: int) -> bool:
    plain = sum(sources.bit_count() + len(destinations) for sources, destinations in rows)
    return plain <= _ROOMY * (width + sum(len(destinations) for _, destinations in rows))


def most_common(rows: Sequence[Rectangle]) -> int:
    """The sources that more than half of the rows have.

    All columns are counted at once: the rows are added up in binary, plane by plane, as wide numbers.
    """
    planes: list[int] = []
    for sources, _ in rows:
        carry = sources
        for at, plane in enumerate(planes):
            if not carry:
                break
            planes[at], carry = plane ^ carry, plane & carry
        if carry:
            planes.append(carry)
    return _above(planes, len(rows) // 2)


def _above(planes: list[int], limit: int) -> int:
    """The columns whose count, spread over the planes, is above `limit`."""
    if limit >> len(planes):
        return 0
    above, equal = 0, -1
    for at in reversed(range(len(planes))):
        if limit >> at & 1:
            equal &= planes[at]
        else:
            above |= equal & planes[at]
            equal &= ~planes[at]
    return above


def _with_gaps(rows: list[Rectangle], full: int, first: int, width: int) -> Iterator[Rectangle]:
    """Halve the sources until a stretch is wholly in or wholly out of a row.

    A row with k gaps takes about k * log2(width) stretches, each shared with the other rows that are full there.
    """
    whole: list[int] = []
    rest: list[Rectangle] = []
    for row in rows:
        if row[0] == full:
            whole.extend(row[1])
        else:
            rest.append(row)
    if whole:
        yield full << first, tuple(whole)
    if not rest:
        return
    half = width >> 1
    low = (1 << half) - 1
    if lower := full & low:
        yield from _with_gaps([(part, d) for s, d in rest if (part := s & low)], lower, first, half)
    if upper := full >> half:
        yield from _with_gaps([(part, d) for s, d in rest if (part := s >> half)], upper, first + half, width - half)
