"""The answer as edges between named endpoints: what maps are drawn from."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from licet.analysis import bits
from licet.analysis.cover import rectangles
from licet.analysis.grant import NO_REASONS, Grant, Reasons
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.names import names_of_classes
from licet.analysis.population import UNKNOWN_POD
from licet.model.addresses import EVERY_ADDRESS, AddressSet, range_text
from licet.model.edge import Edge, Endpoint, EndpointType, ReachMap
from licet.model.key import Key
from licet.model.ports import ALL_PORTS, PortSet

if TYPE_CHECKING:
    from licet.analysis.reach import Reach

Relation = dict[tuple[PortSet, Reasons], list[tuple[int, tuple[int, ...]]]]
"""Per ports and open questions: (sources as bits, destination positions)."""


def draw(reach: Reach) -> ReachMap:
    """Every edge of the answer, grouped; the order follows the input."""
    return _Drawing(reach).map()


class _Drawing:
    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._names = names_of_classes(reach)
        self._expanded: dict[int, tuple[str, ...]] = {}
        self._edges: list[Edge] = []
        self._open: list[Edge] = []

    def map(self) -> ReachMap:
        self._between_workloads()
        self._to_themselves()
        self._from_gateways()
        arriving = self._from_outside()
        leaving = self._to_outside()
        reach = self._reach
        routed = [Endpoint(_gateway_id(key), *_gateway_type(key)) for key in reach.routed]
        ranges = [Endpoint(name, EndpointType.ADDRESSES) for name in dict.fromkeys((*arriving, *leaving))]
        workloads = [Endpoint(str(key), EndpointType.WORKLOAD, key) for key in self._keys()]
        return ReachMap(
            reach.profile.name,
            (*workloads, *routed, *ranges),
            tuple(self._edges),
            tuple(self._open),
            tuple(reach.assumptions()),
        )

    def _keys(self) -> Iterator[Key]:
        ordered = sorted((at, key) for names in self._names for at, key in names)
        for _, key in ordered:
            yield key

    def _classes(self, members: Iterable[int]) -> tuple[str, ...]:
        found = [entry for at in members for entry in self._names[at]]
        found.sort()
        return tuple(str(key) for _, key in found)

    def _sources(self, where: int) -> tuple[str, ...]:
        found = self._expanded.get(where)
        if found is None:
            found = self._expanded[where] = self._classes(bits.indices(where))
        return found

    def _between_workloads(self) -> None:
        reach = self._reach
        sharing: dict[frozenset[tuple[Grant, int]], list[int]] = {}
        known: dict[int, frozenset[tuple[Grant, int]]] = {}
        for at, column in enumerate(reach.columns[1:], 1):
            key = known.get(id(column))
            if key is None:
                key = known[id(column)] = frozenset(column.items())
            sharing.setdefault(key, []).append(at)
        sure: Relation = {}
        unsure: Relation = {}
        pods = reach.population.pods
        for column_key, destinations in sharing.items():
            _enter(sure, unsure, ((g, part & pods) for g, part in column_key), tuple(destinations))
        self._settle(unsure)
        for relation, into in ((sure, self._edges), (unsure, self._open)):
            for (ports, reasons), rows in relation.items():
                for where, members in rectangles(rows, reach.population.width):
                    src, dst = self._sources(where), self._classes(members)
                    if src and dst:
                        into.append(Edge(src, dst, ports, tuple(sorted(reasons))))

    def _settle(self, unsure: Relation) -> None:
        """Take a bare pod's traffic to itself out of the open questions: it is certain."""
        pods = {at for at, names in enumerate(self._names) if any(key.kind == "Pod" for _, key in names)}
        if not pods:
            return
        for (ports, reasons), rows in unsure.items():
            kept: list[tuple[int, tuple[int, ...]]] = []
            for where, destinations in rows:
                own = [at for at in destinations if at in pods and where >> at & 1]
                kept.extend((where ^ (1 << at), (at,)) for at in own)
                if others := tuple(at for at in destinations if at not in own):
                    kept.append((where, others))
                for at in own:
                    self._among_themselves(at, ports, reasons)
            rows[:] = kept

    def _among_themselves(self, at: int, ports: PortSet, reasons: Reasons) -> None:
        names = [key for _, key in self._names[at]]
        for key in names:
            others = tuple(str(other) for other in names if other != key or other.kind != "Pod")
            if others:
                self._open.append(Edge((str(key),), others, ports, tuple(sorted(reasons))))

    def _to_themselves(self) -> None:
        """A pod always reaches itself, whatever policies say; replicas of one workload are ordinary pairs."""
        reach = self._reach
        for at, names in enumerate(self._names):
            if at == UNKNOWN_POD or reach.at(reach.columns[at], at) is reach.grants.open:
                continue
            for _, key in names:
                if key.kind == "Pod":
                    self._edges.append(Edge((str(key),), (str(key),), ALL_PORTS))

    def _from_gateways(self) -> None:
        for key, grants in self._reach.routed.items():
            alike: dict[Grant, list[int]] = {}
            for at, grant in grants.items():
                alike.setdefault(grant, []).append(at)
            src = (_gateway_id(key),)
            for grant, members in alike.items():
                self._add(src, self._classes(members), grant)

    def _add(self, src: tuple[str, ...], dst: tuple[str, ...], grant: Grant) -> None:
        if grant.must:
            self._edges.append(Edge(src, dst, grant.must))
        if question := grant.open_question:
            self._open.append(Edge(src, dst, question, tuple(sorted(grant.reasons))))

    def _from_outside(self) -> tuple[str, ...]:
        rows = _alike(row.outside for row in self._reach.ingress[1:])
        pieces = _Pieces(parts for parts, _ in rows)
        for ports, reasons, ranges, members in pieces.rectangles(rows):
            into = self._open if reasons is not None else self._edges
            into.append(Edge(ranges, self._classes(members), ports, tuple(sorted(reasons or ()))))
        return pieces.names

    def _to_outside(self) -> tuple[str, ...]:
        rows = _alike(row.outside for row in self._reach.egress[1:])
        pieces = _Pieces(parts for parts, _ in rows)
        for ports, reasons, ranges, members in pieces.rectangles(rows):
            into = self._open if reasons is not None else self._edges
            into.append(Edge(self._classes(members), ranges, ports, tuple(sorted(reasons or ()))))
        return pieces.names


Alike = list[tuple[Mapping[Grant, AddressSet], tuple[int, ...]]]


def _alike(rows: Iterable[Mapping[Grant, AddressSet]]) -> Alike:
    """The distinct partitions of addresses, each with the classes that have it."""
    groups: dict[frozenset[tuple[Grant, AddressSet]], list[int]] = {}
    known: dict[int, frozenset[tuple[Grant, AddressSet]]] = {}
    for at, parts in enumerate(rows, 1):
        key = known.get(id(parts))
        if key is None:
            key = known[id(parts)] = frozenset(parts.items())
        groups.setdefault(key, []).append(at)
    return [(dict(key), tuple(members)) for key, members in groups.items()]


class _Pieces:
    """The addresses outside, cut wherever two of them fare differently, and nowhere else."""

    def __init__(self, rows: Iterable[Mapping[Grant, AddressSet]]) -> None:
        cuts = {first for first, _ in EVERY_ADDRESS.ranges()}
        for parts in rows:
            for region in parts.values():
                for first, last in region.spans:
                    cuts.update((first, last + 1))
        end = EVERY_ADDRESS.spans[-1][1] + 1
        cuts.discard(end)
        self._starts = sorted(cuts)
        ends = [*self._starts[1:], end]
        self.names = tuple(range_text(first, after - 1) for first, after in zip(self._starts, ends, strict=True))

    def rectangles(self, rows: Alike) -> Iterator[tuple[PortSet, Reasons | None, tuple[str, ...], tuple[int, ...]]]:
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


def _gateway_id(key: Key) -> str:
    return key.name if key == INGRESS_CONTROLLER else str(key)


def _gateway_type(key: Key) -> tuple[EndpointType, Key | None]:
    return (EndpointType.INGRESS, None) if key == INGRESS_CONTROLLER else (EndpointType.GATEWAY, key)
