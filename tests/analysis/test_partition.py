"""Partitions are functions from a region to values, whatever the order in which they were built.

Values are compared by identity, as grants are; `intern` makes equal words one object.
"""

from __future__ import annotations

from functools import partial
from sys import intern

from hypothesis import given
from hypothesis import strategies as st

from licet.analysis.bits import indices, of
from licet.analysis.partition import combine, layered, mapped, spread, swept
from licet.model import intervals
from licet.model.addresses import AddressSet

WIDTH = 10
regions = st.integers(0, (1 << WIDTH) - 1)
writes = st.lists(st.tuples(regions, st.sampled_from("abc")), max_size=6)


def built(steps: list[tuple[int, str]]) -> dict[str, int]:
    """Each step adds a letter to the values of a region; the default is the empty word."""
    parts: dict[str, int] = {}
    for region, letter in steps:
        parts = spread(parts, region, partial(_with, letter), "")
    return parts


def _with(letter: str, word: str) -> str:
    return "".join(sorted({*word, letter}))


def value(parts: dict[str, int], at: int) -> str:
    """What the function says of one place."""
    return next((word for word, region in parts.items() if region >> at & 1), "")


@given(writes)
def test_spread_is_pointwise(steps: list[tuple[int, str]]) -> None:
    """And the parts are disjoint, none of them empty or of the default value."""
    parts = built(steps)
    for at in range(WIDTH):
        wanted = "".join(sorted({letter for region, letter in steps if region >> at & 1}))
        assert value(parts, at) == wanted
    assert (
        sum(region.bit_count() for region in parts.values())
        == of([i for region in parts.values() for i in indices(region)], WIDTH).bit_count()
    )
    assert "" not in parts
    assert 0 not in parts.values()


@given(writes)
def test_layers_are_pointwise(steps: list[tuple[int, str]]) -> None:
    """Whatever is written where, all at once says the same as one after the other."""
    assert layered(steps, _both) == built(steps)


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=3)


@given(st.lists(st.tuples(spans, st.sampled_from("abc")), max_size=6))
def test_a_sweep_is_pointwise(steps: list[tuple[list[tuple[int, int]], str]]) -> None:
    """Addresses as bits, layered, say the same; regions are in their one canonical form."""
    regions = [(AddressSet(intervals.normal(pairs)), letter) for pairs, letter in steps]
    found = swept(regions, _both)
    as_bits = [(of((at for a, b in r.spans for at in range(a, b + 1)), 41), letter) for r, letter in regions]
    assert {word: of((at for a, b in r.spans for at in range(a, b + 1)), 41) for word, r in found.items()} == layered(
        as_bits, _both
    )
    assert all(region.spans and region.spans == intervals.normal(region.spans) for region in found.values())


def _both(a: str, b: str) -> str:
    return "".join(sorted({*a, *b}))


@given(writes, writes, regions)
def test_combine_is_pointwise(first: list[tuple[int, str]], second: list[tuple[int, str]], universe: int) -> None:
    """Within the universe, defaults included; the value that is left out stands for nothing."""
    a, b = built(first), built(second)
    found = combine(a, b, universe, ("", ""), lambda x, y: intern(f"{x}|{y}"), "|")
    for at in range(WIDTH):
        said = next((word for word, region in found.items() if region >> at & 1), "|")
        assert said == (f"{value(a, at)}|{value(b, at)}" if universe >> at & 1 else "|")


@given(writes, regions)
def test_mapped_is_pointwise(steps: list[tuple[int, str]], universe: int) -> None:
    """The default is changed like any value."""
    parts = built(steps)
    found = mapped(parts, universe, "", lambda word: intern(word.upper() or "-"), "A")
    for at in range(WIDTH):
        said = next((word for word, region in found.items() if region >> at & 1), None)
        wanted = value(parts, at).upper() or "-"
        assert said == (wanted if universe >> at & 1 and wanted != "A" else None)


@given(st.sets(st.integers(0, 200)))
def test_bits_are_sets_of_numbers(members: set[int]) -> None:
    """Sparse or dense, ascending."""
    assert list(indices(of(members, 201))) == sorted(members)
