"""Functions from a region to values, kept as disjoint parts: the one data structure under every row.

A region is a set of pods (bits in an int) or of addresses (AddressSet); both know `&`, `|`, `^` and emptiness. What
lies in no part has the default value of the partition, which the caller holds. Values are compared by identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Protocol, Self, TypeVar

from licet.model import intervals
from licet.model.addresses import AddressSet


class Region(Protocol):
    """A set that can be cut."""

    def __and__(self, other: Self, /) -> Self: ...
    def __or__(self, other: Self, /) -> Self: ...
    def __xor__(self, other: Self, /) -> Self: ...
    def __bool__(self) -> bool: ...


R = TypeVar("R", bound=Region)
V = TypeVar("V")
W = TypeVar("W")
X = TypeVar("X")


def put(parts: dict[V, R], value: V, region: R) -> None:
    """Give `region`, which no part touches, a value."""
    held = parts.get(value)
    parts[value] = region if held is None else held | region


def spread(parts: dict[V, R], region: R, step: Callable[[V], V], default: V) -> dict[V, R]:
    """The partition after `step` has been applied to the value of everything in `region`."""
    out: dict[V, R] = {}
    rest = region
    for value, part in parts.items():
        hit = part & rest
        if not hit:
            put(out, value, part)
            continue
        rest ^= hit
        after = step(value)
        if after is value:
            put(out, value, part)
            continue
        missed = part ^ hit
        if missed:
            put(out, value, missed)
        if after is not default:
            put(out, after, hit)
    if rest:
        after = step(default)
        if after is not default:
            put(out, after, rest)
    return out


def layered(entries: Sequence[tuple[R, V]], join: Callable[[V, V], V]) -> dict[V, R]:
    """The partition in which every region has its value, and the `join` of all its values where regions overlap.

    `join` has to be associative and commutative, with the default of the partition as its neutral element. Entries are
    joined in pairs, then pairs of pairs: where few regions overlap, that is near-linear in their number.
    """
    level = [{value: region} for region, value in entries if region]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [_overlaid(a, b, join) for a, b in pairs] + (level[-1:] if len(level) & 1 else [])
    return level[0] if level else {}


def _overlaid(a: dict[V, R], b: dict[V, R], join: Callable[[V, V], V]) -> dict[V, R]:
    under, over = reduce(or_, a.values()), reduce(or_, b.values())
    both = under & over
    out: dict[V, R] = {}
    for parts in (a, b) if both else ():
        for value, part in parts.items():
            if alone := part ^ (part & both):
                put(out, value, alone)
    if not both:
        out.update(a)
        for value, part in b.items():
            put(out, value, part)
        return out
    meeting = [(second, hit) for second, part in b.items() if (hit := part & both)]
    for first, part in a.items():
        rest = part & both
        for second, other in meeting:
            if not rest:
                break
            if hit := rest & other:
                rest ^= hit
                put(out, join(first, second), hit)
    return out


def swept(entries: Iterable[tuple[AddressSet, V]], join: Callable[[V, V], V]) -> dict[V, AddressSet]:
    """As `layered`, for addresses: along the line, with the values that hold on each stretch of it."""
    borders: dict[int, list[tuple[V, int]]] = {}
    for region, value in entries:
        for first, last in region.spans:
            borders.setdefault(first, []).append((value, 1))
            borders.setdefault(last + 1, []).append((value, -1))
    holding: dict[V, int] = {}
    known: dict[frozenset[V], V] = {}
    spans: dict[V, list[tuple[int, int]]] = {}
    begun = 0
    for border in sorted(borders):
        if holding:
            key = frozenset(holding)
            if key not in known:
                known[key] = _joined(list(holding), join)
            spans.setdefault(known[key], []).append((begun, border - 1))
        for value, step in borders[border]:
            held = holding.get(value, 0) + step
            if held:
                holding[value] = held
            else:
                del holding[value]
        begun = border
    return {value: AddressSet(intervals.normal(found)) for value, found in spans.items()}


def _joined(values: list[V], join: Callable[[V, V], V]) -> V:
    while len(values) > 1:
        pairs = zip(values[::2], values[1::2], strict=False)
        values = [join(a, b) for a, b in pairs] + (values[-1:] if len(values) & 1 else [])
    return values[0]


def combine(
    a: Mapping[V, R],
    b: Mapping[W, R],
    universe: R,
    defaults: tuple[V, W],
    join: Callable[[V, W], X],
    default: X,
) -> dict[X, R]:
    """The pointwise `join` of two partitions of `universe`; parts with the value `default` are left out."""
    out: dict[X, R] = {}
    rest = universe
    for value, part in a.items():
        region = part & rest
        if region:
            rest ^= region
            _cut(out, value, region, b, defaults[1], join, default)
    if rest:
        _cut(out, defaults[0], rest, b, defaults[1], join, default)
    return out


def _cut(
    out: dict[X, R], value: V, region: R, b: Mapping[W, R], other: W, join: Callable[[V, W], X], default: X
) -> None:
    for second, part in b.items():
        hit = region & part
        if hit:
            region ^= hit
            joined = join(value, second)
            if joined is not default:
                put(out, joined, hit)
    if region:
        joined = join(value, other)
        if joined is not default:
            put(out, joined, region)


def mapped(parts: Mapping[V, R], universe: R, default: V, change: Callable[[V], X], left_out: X) -> dict[X, R]:
    """Another value for every value, the default included; parts with the value `left_out` are left out."""
    nothing: Mapping[V, R] = {}
    return combine(parts, nothing, universe, (default, default), lambda value, _: change(value), left_out)
