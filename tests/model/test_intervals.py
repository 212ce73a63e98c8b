"""The interval algebra is the algebra of sets."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from licet.model.intervals import Intervals, difference, intersection, normal, union

POINTS = range(40)
pairs = st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=6)
sets = pairs.map(normal)


def points(spans: Intervals) -> set[int]:
    """The members, one by one."""
    return {point for first, last in spans for point in range(first, last + 1)}


@given(pairs)
def test_normal_keeps_the_members_and_has_one_form(given_pairs: list[tuple[int, int]]) -> None:
    """Sorted, disjoint, never touching; a pair that runs backwards is empty."""
    found = normal(given_pairs)
    assert points(found) == {p for first, last in given_pairs for p in range(first, last + 1)}
    assert all(first <= last for first, last in found)
    assert all(a[1] + 1 < b[0] for a, b in pairwise(found))


@given(sets, sets)
def test_operations_are_those_of_sets(a: Intervals, b: Intervals) -> None:
    """Results are canonical as well, so equal sets compare equal."""
    for found, wanted in (
        (union(a, b), points(a) | points(b)),
        (intersection(a, b), points(a) & points(b)),
        (difference(a, b), points(a) - points(b)),
    ):
        assert points(found) == wanted
        assert found == normal(found)
