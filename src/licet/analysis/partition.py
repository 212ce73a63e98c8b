"""Functions from a region to values, kept as disjoint parts: the one data structure under every row.

A region is a set of pods (bits in an int) or of addresses (AddressSet); both know `&`, `|`, `^` and emptiness. What
lies in no part has the default value of the partition, which the caller holds. Values are compared by identity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, Self, TypeVar


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
