"""What a change of manifests or policies changes: newly allowed, newly denied, newly open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from licet.analysis import bits
from licet.analysis.edges import Picture, draw, settled
from licet.analysis.grant import Grant, Grants
from licet.analysis.names import Names, indistinguishable, names_of_classes
from licet.analysis.pages import Pages
from licet.analysis.partition import combine
from licet.analysis.population import UNKNOWN_POD
from licet.analysis.reach import Reach
from licet.analysis.rows import Row
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.edge import Edge
from licet.model.key import Key
from licet.model.ports import NO_PORTS

Judge = Callable[[Grant, Grant], Grant]


class Difference(msgspec.Struct, frozen=True):
    """The edges whose verdict changed; each change is in exactly one list.

    `allowed` is certain now and was not; `denied` was possible and is not any more; `unsettled` is undetermined now and
    was certain or denied. Endpoints that only one side has count as denied on the other.
    """

    allowed: tuple[Edge, ...]
    denied: tuple[Edge, ...]
    unsettled: tuple[Edge, ...]

    def __bool__(self) -> bool:
        return bool(self.allowed or self.denied or self.unsettled)


def diff(old: Reach, new: Reach) -> Difference:
    """Compare two answers endpoint by endpoint, by name."""
    return _Comparison(old, new).difference()


class _Comparison:
    """Endpoints that are of one class before and of one class after form a common class; its two sides are compared."""

    def __init__(self, old: Reach, new: Reach) -> None:
        self._old = old
        self._new = new
        self._grants = Grants()
        merged = indistinguishable(old) & indistinguishable(new)
        self._pairs, self._names = _common_classes(names_of_classes(old, merged), names_of_classes(new, merged))
        self._width = len(self._pairs)
        workloads = (*old.population.workloads, *new.population.workloads)
        self._bare_pods = {str(w.key) for w in workloads if w.key.kind == "Pod"}
        self._to_old = self._translation(0)
        self._to_new = self._translation(1)

    def _translation(self, side: int) -> Callable[[int], int]:
        """From bits over one side's classes to bits over the common classes."""
        members: dict[int, list[int]] = {}
        for at, pair in enumerate(self._pairs):
            if (own := pair[side]) is not None:
                members.setdefault(own, []).append(at)
        if all(members.get(at) == [at] for at in range(self._width)):
            return lambda where: where
        by_class = {at: bits.of(common, self._width) for at, common in members.items()}
        known: dict[int, int] = {}

        def translate(where: int) -> int:
            if where not in known:
                common = 0
                for at in bits.indices(where):
                    common |= by_class.get(at, 0)
                known[where] = common
            return known[where]

        return translate

    def difference(self) -> Difference:
        allowed = draw(self._picture(lambda a, b: self._grants.grant(b.must - a.must, b.must - a.must)))
        denied = draw(self._picture(lambda a, b: self._grants.grant(a.may - b.may, a.may - b.may)))
        unsettled = draw(self._picture(self._unsettled))
        return Difference(self._told(allowed.certain), self._told(denied.certain), self._told(unsettled.open))

    def _told(self, edges: list[Edge]) -> tuple[Edge, ...]:
        return tuple(kept for edge in edges for kept in settled(edge, self._bare_pods))

    def _unsettled(self, a: Grant, b: Grant) -> Grant:
        return self._grants.grant(NO_PORTS, b.open_question - a.open_question, b.reasons)

    def _picture(self, judge: Judge) -> Picture:
        judged = _remembering(judge)
        old, new = self._old, self._new
        columns: list[dict[Grant, int]] = []
        known: dict[tuple[int, int], dict[Grant, int]] = {}
        for first, second in self._pairs:
            a = {} if first is None else old.columns[first]
            b = {} if second is None else new.columns[second]
            key = (id(a) if a else 0, id(b) if b else 0)
            if key not in known:
                known[key] = self._compared(self._moved(a, self._to_old), self._moved(b, self._to_new), judged)
            columns.append(known[key])
        return Picture(
            self._names,
            columns,
            [self._outside(old.ingress, new.ingress, pair, judged) for pair in self._pairs],
            [self._outside(old.egress, new.egress, pair, judged) for pair in self._pairs],
            self._routed(judged),
            EVERY_ADDRESS - (old.cluster.platform.pod_addresses & new.cluster.platform.pod_addresses),
        )

    def _moved(self, column: Mapping[Grant, int], translate: Callable[[int], int]) -> dict[Grant, int]:
        return {grant: translate(part) for grant, part in column.items()}

    def _compared(self, a: dict[Grant, int], b: dict[Grant, int], judge: Judge) -> dict[Grant, int]:
        defaults = (self._old.grants.denied, self._new.grants.denied)
        return combine(a, b, (1 << self._width) - 1, defaults, judge, self._grants.denied)

    def _outside(
        self, old: Pages[Row], new: Pages[Row], pair: tuple[int | None, int | None], judge: Judge
    ) -> dict[Grant, AddressSet]:
        a = {} if pair[0] is None else old[pair[0]].outside
        b = {} if pair[1] is None else new[pair[1]].outside
        defaults = (self._old.grants.denied, self._new.grants.denied)
        return combine(a, b, EVERY_ADDRESS, defaults, judge, self._grants.denied)

    def _routed(self, judge: Judge) -> dict[Key, dict[int, Grant]]:
        found: dict[Key, dict[int, Grant]] = {}
        for key in dict.fromkeys((*self._old.routed, *self._new.routed)):
            before, after = self._old.routed.get(key, {}), self._new.routed.get(key, {})
            for at, (first, second) in enumerate(self._pairs):
                a = self._old.grants.denied if first is None else before.get(first, self._old.grants.denied)
                b = self._new.grants.denied if second is None else after.get(second, self._new.grants.denied)
                found.setdefault(key, {})[at] = judge(a, b)
        return found


def _common_classes(old: list[Names], new: list[Names]) -> tuple[list[tuple[int | None, int | None]], list[Names]]:
    """Pairs of classes that some endpoint is of, and the names of each pair; the unknown pod comes first."""
    before = {name: at for at, names in enumerate(old) for _, name in names}
    pairs: dict[tuple[int | None, int | None], Names] = {(UNKNOWN_POD, UNKNOWN_POD): []}
    for at, names in enumerate(new):
        for position, name in names:
            pairs.setdefault((before.pop(name, None), at), []).append((position, name))
    for at, names in enumerate(old):
        for position, name in names:
            if name in before:
                pairs.setdefault((at, None), []).append((position, name))
    return list(pairs), list(pairs.values())


def _remembering(judge: Judge) -> Judge:
    known: dict[tuple[Grant, Grant], Grant] = {}

    def judged(a: Grant, b: Grant) -> Grant:
        key = (a, b)
        if key not in known:
            known[key] = judge(a, b)
        return known[key]

    return judged
