"""Writing a big relation down briefly: few rectangles (sources by destinations) that together are exactly the relation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Rows = Sequence[tuple[int, tuple[int, ...]]]
"""(set of sources as bits, destinations that have exactly these sources)."""

_ROOMY = 50
"""How many names a source or destination may take part in, on average, before shorter is worth more than plain."""


def rectangles(rows: Rows, width: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(sources as bits, destinations) that cover the relation exactly.

    One rectangle a row is what people read best, and is kept while it stays short. Rows that are long and all different
    (everything but two or three, say) would take names in the square of the cluster's size; they are cut along the
    source axis instead, halving until a stretch is wholly in or wholly out of a row. A row with k gaps then takes
    about k * log2(width) stretches, each shared with the other rows that are full there.
    """
    plain = sum(sources.bit_count() + len(destinations) for sources, destinations in rows)
    if plain <= _ROOMY * (width + sum(len(destinations) for _, destinations in rows)):
        yield from rows
    else:
        yield from _halves([(s, d) for s, d in rows if s], 0, width)


def _halves(rows: list[tuple[int, tuple[int, ...]]], first: int, width: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    full = (1 << width) - 1
    whole = [at for sources, destinations in rows if sources == full for at in destinations]
    if whole:
        yield full << first, tuple(sorted(whole))
    rest = [row for row in rows if row[0] != full]
    if not rest:
        return
    half = width >> 1
    low = (1 << half) - 1
    yield from _halves([(part, d) for s, d in rest if (part := s & low)], first, half)
    yield from _halves([(part, d) for s, d in rest if (part := s >> half)], first + half, width - half)
