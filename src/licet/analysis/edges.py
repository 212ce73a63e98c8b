"""Answers as edges between named endpoints: what maps and differences are drawn from."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from licet.analysis import bits
from licet.analysis.cover import rectangles
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.grant import NO_REASONS, Grant, Reasons
from licet.analysis.names import Names
from licet.analysis.population import UNKNOWN_POD
from licet.model.addresses import AddressSet, range_text
from licet.model.edge import Edge
from licet.model.key import Key
from licet.model.ports import PortSet

Relation = dict[tuple[PortSet, Reasons], list[tuple[int, tuple[int, ...]]]]
"""Per ports and open questions: (sources as bits, destination positions)."""


class Picture(msgspec.Struct, frozen=True):
    """Grants between classes, to be written as edges. Every list is by class; position 0 (UNKNOWN_POD) is not drawn.

    `columns` are grants by source class; `arriving` and `leaving` are grants by address outside; `routed` are grants
    from the ingress controller and gateways by destination class. `world` are the addresses that count as outside.
    """

    names: list[Names]
    columns: Iterable[dict[Grant, int]]
    arriving: list[dict[Grant, AddressSet]]
    leaving: list[dict[Grant, AddressSet]]
    routed: dict[Key, dict[int, Grant]]
    world: AddressSet


class Drawn(msgspec.Struct, frozen=True):
    """Edges that are certain, edges that hang on something, and the address ranges that outside was cut into."""

    certain: list[Edge]
    open: list[Edge]
    ranges: tuple[str, ...]


def draw(picture: Picture) -> Drawn:
    """Every edge of a picture, grouped; the order follows the input."""
    return _Drawing(picture).draw()


class _Drawing:
    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._ids = [[name for _, name in names] for names in picture.names]
        self._expanded: dict[int, tuple[str, ...]] = {}
        self._listed: dict[tuple[int, ...], tuple[str, ...]] = {}
        self._edges: list[Edge] = []
        self._open: list[Edge] = []

    def draw(self) -> Drawn:
        self._between_workloads()
        self._from_gateways()
        arriving = self._outside(self._picture.arriving, inward=True)
        leaving = self._outside(self._picture.leaving, inward=False)
        return Drawn(self._edges, self._open, tuple(dict.fromkeys((*arriving, *leaving))))

    def _classes(self, members: Iterable[int]) -> tuple[str, ...]:
        return tuple([name for at in members for name in self._ids[at]])

    def _sources(self, where: int) -> tuple[str, ...]:
        found = self._expanded.get(where)
        if found is None:
            found = self._expanded[where] = self._classes(bits.indices(where))
        return found

    def _destinations(self, members: tuple[int, ...]) -> tuple[str, ...]:
        if len(members) == 1:
            return self._classes(members)
        found = self._listed.get(members)
        if found is None:
            found = self._listed[members] = self._classes(members)
        return found

    def _between_workloads(self) -> None:
        sure: Relation = {}
        unsure: Relation = {}
        for parts, destinations in _alike(self._picture.columns):
            drawn = ((grant, part & ~(1 << UNKNOWN_POD)) for grant, part in parts.items())
            _enter(sure, unsure, drawn, destinations)
        for relation, into in ((sure, self._edges), (unsure, self._open)):
            for (ports, reasons), rows in relation.items():
                for where, members in rectangles(rows, len(self._ids)):
                    src, dst = self._sources(where), self._destinations(members)
                    if src and dst:
                        into.append(Edge(src, dst, ports, tuple(sorted(reasons))))

    def _from_gateways(self) -> None:
        for key, grants in self._picture.routed.items():
            alike: dict[Grant, list[int]] = {}
            for at, grant in grants.items():
                alike.setdefault(grant, []).append(at)
            src = (gateway_id(key),)
            for grant, members in alike.items():
                dst = self._classes(members)
                if grant.must:
                    self._edges.append(Edge(src, dst, grant.must))
                if question := grant.open_question:
                    self._open.append(Edge(src, dst, question, tuple(sorted(grant.reasons))))

    def _outside(self, by_class: list[dict[Grant, AddressSet]], inward: bool) -> tuple[str, ...]:
        rows = _alike(by_class)
        pieces = _Pieces(self._picture.world, (parts for parts, _ in rows))
        for ports, reasons, ranges, members in pieces.rectangles(rows):
            names = self._classes(members)
            if names:
                into = self._edges if reasons is None else self._open
                src, dst = (ranges, names) if inward else (names, ranges)
                into.append(Edge(src, dst, ports, tuple(sorted(reasons or ()))))
        return pieces.names


Region = TypeVar("Region")


def _alike(rows: Iterable[Mapping[Grant, Region]]) -> list[tuple[dict[Grant, Region], tuple[int, ...]]]:
    """The distinct rows, each with the classes that have it; position 0 is left out."""
    groups: dict[frozenset[tuple[Grant, Region]], tuple[dict[Grant, Region], list[int]]] = {}
    known: dict[int, list[int]] = {}
    for at, parts in enumerate(rows):
        if at == UNKNOWN_POD:
            continue
        members = known.get(id(parts))
        if members is None:
            members = known[id(parts)] = groups.setdefault(frozenset(parts.items()), (dict(parts), []))[1]
        members.append(at)
    return [(parts, tuple(members)) for parts, members in groups.values()]


class _Pieces:
    """The addresses outside, cut wherever two of them fare differently, and nowhere else."""

    def __init__(self, world: AddressSet, rows: Iterable[Mapping[Grant, AddressSet]]) -> None:
        cuts: set[int] = set()
        for parts in rows:
            for region in parts.values():
                for first, last in region.spans:
                    cuts.update((first, last + 1))
        edges = sorted(cuts)
        ranges: list[tuple[int, int]] = []
        for first, last in world.ranges():
            inside = edges[bisect_right(edges, first) : bisect_right(edges, last)]
            ranges.extend(zip((first, *inside), (*(edge - 1 for edge in inside), last), strict=True))
        self._starts = [first for first, _ in ranges]
        self.names = tuple(range_text(first, last) for first, last in ranges)

    def rectangles(
        self, rows: list[tuple[dict[Grant, AddressSet], tuple[int, ...]]]
    ) -> Iterator[tuple[PortSet, Reasons | None, tuple[str, ...], tuple[int, ...]]]:
        """(ports, reasons where it is an open question, ranges, classes)."""
        sure: Relation = {}
        unsure: Relation = {}
        for parts, members in rows:
            _enter(sure, unsure, ((grant, self._bits(region)) for grant, region in parts.items()), members)
        for relation in (sure, unsure):
            for (ports, reasons), entries in relation.items():
                for where, members in rectangles(entries, len(self.names)):
                    ranges = tuple(self.names[at] for at in bits.indices(where))
                    yield ports, reasons if relation is unsure else None, ranges, members

    def _bits(self, region: AddressSet) -> int:
        found = 0
        for first, last in region.spans:
            found |= (1 << bisect_left(self._starts, last + 1)) - (1 << bisect_left(self._starts, first))
        return found


def _enter(sure: Relation, unsure: Relation, parts: Iterable[tuple[Grant, int]], destinations: tuple[int, ...]) -> None:
    for grant, where in parts:
        if where and grant.must:
            sure.setdefault((grant.must, NO_REASONS), []).append((where, destinations))
        if where and (question := grant.open_question):
            unsure.setdefault((question, grant.reasons), []).append((where, destinations))


def gateway_id(key: Key) -> str:
    """The id of the ingress controller or of a Gateway."""
    return key.name if key == INGRESS_CONTROLLER else str(key)


def settled(edge: Edge, alone: set[str]) -> Iterator[Edge]:
    """An edge without the traffic of bare pods (`alone`) to themselves, of which no policy decides."""
    members = set(edge.dst) if alone else frozenset[str]()
    twice = [name for name in edge.src if name in alone and name in members]
    if not twice:
        yield edge
        return
    apart = set(twice)
    if others := tuple(name for name in edge.src if name not in apart):
        yield msgspec.structs.replace(edge, src=others)
    for name in twice:
        if rest := tuple(other for other in edge.dst if other != name):
            yield msgspec.structs.replace(edge, src=(name,), dst=rest)
