"""A relation written as rectangles is the same relation, and short where rows are long."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from hypothesis import example, given
from hypothesis import strategies as st

from licet.analysis import bits
from licet.analysis.cover import most_common, rectangles


def cells(rows: Sequence[tuple[int, tuple[int, ...]]]) -> set[tuple[int, int]]:
    """Every (source, destination) of a relation."""
    return {(source, at) for sources, destinations in rows for source in bits.indices(sources) for at in destinations}


@given(st.integers(1, 300), st.data())
def test_the_relation_is_kept(width: int, data: st.DataObject) -> None:
    """Whatever the rows: empty, full, sparse, dense."""
    rows = [(data.draw(st.integers(0, (1 << width) - 1)), (at,)) for at in range(data.draw(st.integers(0, 12)))]
    assert cells(list(rectangles(rows, width))) == cells(rows)


def test_rows_that_are_nearly_full_stay_short() -> None:
    """900 rows that each lack three sources would take 800,000 names one by one."""
    rng = Random(1)
    width = 900
    full = (1 << width) - 1
    rows = [(full & ~bits.of(rng.sample(range(width), 3), width), (at,)) for at in range(width)]
    found = list(rectangles(rows, width))
    assert cells(found) == cells(rows)
    assert sum(sources.bit_count() + len(destinations) for sources, destinations in found) < 90_000


def test_two_kinds_of_rows_stay_short() -> None:
    """Rows that have every second source but three, and some that have others besides."""
    rng = Random(2)
    width = 900
    usual = bits.of(range(0, width, 2), width)
    rows = [
        (usual & ~bits.of(rng.sample(range(width), 3), width) | 1 << rng.randrange(width), (at,)) for at in range(width)
    ]
    found = list(rectangles(rows, width))
    assert cells(found) == cells(rows)
    assert sum(sources.bit_count() + len(destinations) for sources, destinations in found) < 90_000


@given(st.lists(st.integers(0, 255), max_size=20))
@example([0, 0])
def test_what_most_rows_have_is_counted_exactly(rows: list[int]) -> None:
    """Column by column, more than half."""
    found = most_common([(row, ()) for row in rows])
    counts = [sum(row >> at & 1 for row in rows) for at in range(8)]
    assert found == sum(1 << at for at in range(8) if counts[at] > len(rows) // 2)


def test_short_rows_are_left_as_they_are() -> None:
    """What people read best is one row a destination."""
    rows = [(0b101, (0,)), (0b010, (1, 2))]
    assert list(rectangles(rows, 3)) == rows


def test_long_rows_that_have_nothing_in_common_are_kept() -> None:
    """No source is in more than half of them, so there is nothing to take out."""
    width = 300
    rows = [(bits.of((j for j in range(width) if (at + j) % 5 < 2), width), (at,)) for at in range(width)]
    assert list(rectangles(rows, width)) == rows


def test_short_rows_with_much_in_common_are_left_as_they_are() -> None:
    """However many they are."""
    rows = [(1 | 1 << at % 10, (at,)) for at in range(40)]
    assert list(rectangles(rows, 10)) == rows
