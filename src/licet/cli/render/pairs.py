"""A map pair by pair, and the part of it that touches one endpoint."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence

import msgspec

from licet.model.edge import Edge, ReachMap
from licet.model.ports import PortSet


class Side(enum.Enum):
    """Which connections of an endpoint are meant: those it makes, those it gets, or both."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


def focus(whole: ReachMap, ids: frozenset[str], side: Side) -> ReachMap:
    """The connections that `ids` make or get, and the endpoints that these name, in the map's order."""
    edges = tuple(part for edge in whole.edges for part in _touching(edge, ids, side))
    undetermined = tuple(part for edge in whole.undetermined for part in _touching(edge, ids, side))
    named = set(ids).union(*(edge.src + edge.dst for edge in edges + undetermined))
    endpoints = tuple(endpoint for endpoint in whole.endpoints if endpoint.id in named)
    return msgspec.structs.replace(whole, endpoints=endpoints, edges=edges, undetermined=undetermined)


def _touching(edge: Edge, ids: frozenset[str], side: Side) -> Iterator[Edge]:
    """The edge's part that leaves `ids`, and the rest of its part that enters them."""
    src = tuple(id for id in edge.src if id in ids)
    dst = tuple(id for id in edge.dst if id in ids)
    rest = edge.src
    if src and side is not Side.IN:
        yield msgspec.structs.replace(edge, src=src)
        rest = tuple(id for id in edge.src if id not in ids)
    if dst and rest and side is not Side.OUT:
        yield msgspec.structs.replace(edge, src=rest, dst=dst)


class Pairs:
    """Every (source, destination) of a map's edges once, ports joined, source by source in the map's order.

    Pairs that hang on different assumptions are told apart. Memory is that of the groups and of one source's row,
    however many pairs there are.
    """

    def __init__(self, edges: Sequence[Edge]) -> None:
        self._edges = edges
        self._groups: dict[str, list[int]] = {}
        for number, edge in enumerate(edges):
            for id in dict.fromkeys(edge.src):
                self._groups.setdefault(id, []).append(number)

    def count(self) -> int:
        """How many pairs iteration yields, without walking them."""
        bits: dict[str, int] = {}
        masks = [_mask([bits.setdefault(id, len(bits)) for id in edge.dst]) for edge in self._edges]
        sizes: dict[tuple[int, ...], int] = {}
        total = 0
        for numbers in map(tuple, self._groups.values()):
            if numbers not in sizes:
                sizes[numbers] = self._size(numbers, masks)
            total += sizes[numbers]
        return total

    def _size(self, numbers: tuple[int, ...], masks: list[int]) -> int:
        rows: dict[tuple[str, ...], int] = {}
        for number in numbers:
            assumptions = self._edges[number].assumptions
            rows[assumptions] = rows.get(assumptions, 0) | masks[number]
        return sum(row.bit_count() for row in rows.values())

    def __iter__(self) -> Iterator[Edge]:
        for id, numbers in self._groups.items():
            row: dict[tuple[str, tuple[str, ...]], PortSet] = {}
            for number in numbers:
                edge = self._edges[number]
                for dst in edge.dst:
                    there = row.get((dst, edge.assumptions))
                    row[dst, edge.assumptions] = edge.ports if there is None else there | edge.ports
            for (dst, assumptions), ports in row.items():
                yield Edge((id,), (dst,), ports, assumptions)


def _mask(numbers: list[int]) -> int:
    """A whole number with these bits set."""
    if not numbers:
        return 0
    row = bytearray(max(numbers) // 8 + 1)
    for number in numbers:
        row[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(row, "little")
