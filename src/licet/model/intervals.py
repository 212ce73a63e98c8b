"""Sets of whole numbers as sorted, disjoint, non-touching closed intervals: the algebra under ports and addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Intervals: TypeAlias = tuple[tuple[int, int], ...]


def normal(pairs: Iterable[tuple[int, int]]) -> Intervals:
    """The canonical form of any collection of (first, last) pairs; pairs with first > last are empty."""
    out: list[tuple[int, int]] = []
    for first, last in sorted(pairs):
        if first > last:
            continue
        if out and first <= out[-1][1] + 1:
            if last > out[-1][1]:
                out[-1] = (out[-1][0], last)
        else:
            out.append((first, last))
    return tuple(out)


def union(a: Intervals, b: Intervals) -> Intervals:
    """What is in either."""
    if not a or a == b:
        return b
    if not b:
        return a
    return normal(a + b)


def intersection(a: Intervals, b: Intervals) -> Intervals:
    """What is in both."""
    if a == b:
        return a
    out: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        first = max(a[i][0], b[j][0])
        last = min(a[i][1], b[j][1])
        if first <= last:
            out.append((first, last))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(out)


def difference(a: Intervals, b: Intervals) -> Intervals:
    """What is in `a` and not in `b`."""
    if not b or not a:
        return a
    if a == b:
        return ()
    out: list[tuple[int, int]] = []
    j = 0
    for first, last in a:
        while j < len(b) and b[j][1] < first:
            j += 1
        k = j
        while k < len(b) and b[k][0] <= last:
            if b[k][0] > first:
                out.append((first, b[k][0] - 1))
            first = b[k][1] + 1
            if first > last:
                break
            k += 1
        if first <= last:
            out.append((first, last))
    return tuple(out)
