"""Where the two sides meet: a connection needs the source's egress and the destination's ingress."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from copy import copy

from licet.analysis import assumption, bits
from licet.analysis.cover import most_common
from licet.analysis.grant import Grant, Grants
from licet.analysis.partition import combine, put, spread
from licet.analysis.population import Population
from licet.analysis.rows import Row

Column = dict[Grant, int]
"""What reaches one class, as grants over source classes; a source in no part is denied."""

Exceptions = Mapping[tuple[Grant, Grant], int]
"""Sources by (the grant that is usual for them, the grant that they have here)."""

_NO_EXCEPTIONS: Exceptions = {}
Split = tuple[Grant | None, dict[tuple[Grant, Grant], int]]
"""A row as the grant that prevails in it, or None for the usual row; and where the row differs from that."""
_LONG = 20
"""How many destinations, on average, rows may list one by one before a usual row is looked for."""


class Meeting:
    """Joins ingress rows with egress rows, destination by destination.

    Egress rows are turned round once. Most sources treat most destinations alike, so a row is taken as a usual one and
    the destinations where it differs: a row that has one grant everywhere, or, where rows are long, the row that has
    everywhere what most rows have there. That makes the work proportional to what is said, for rows that are nearly
    empty, for rows that are nearly full, and for rows that all have the same long part.
    """

    def __init__(self, population: Population, grants: Grants, egress: list[Row]) -> None:
        self._population = population
        self._grants = grants
        self._usual: Column = {}
        self._followers = 0
        """The sources whose row is taken as `_usual`; the others are in `_common`, by the grant that prevails."""
        self._common: Column = {}
        self._exceptions: dict[int, Exceptions] = {}
        self._known: dict[tuple[Row, Grant | None, frozenset[tuple[tuple[Grant, Grant], int]], bool], Column] = {}
        members: dict[Row, list[int]] = {}
        for source, row in enumerate(egress):
            members.setdefault(row, []).append(source)
        splits: dict[Row, Split] = {row: self._beside_prevailing(row) for row in members}
        if sum(_size(differences) for _, differences in splits.values()) > _LONG * population.width:
            self._usual = self._what_most_have(list(members))
            splits = {row: self._shorter(row, split) for row, split in splits.items()}
        for row, where in members.items():
            self._enter(splits[row], bits.of(where, population.width))

    def _what_most_have(self, rows: list[Row]) -> Column:
        granted = dict.fromkeys(grant for row in rows for grant in row.pods)
        usual = {grant: most_common([(row.pods.get(grant, 0), ()) for row in rows]) for grant in granted}
        return {grant: part for grant, part in usual.items() if part}

    def _enter(self, split: Split, sources: int) -> None:
        prevailing, differences = split
        if prevailing is None:
            self._followers |= sources
        else:
            put(self._common, prevailing, sources)
        for kind, part in differences.items():
            for destination in bits.indices(part):
                held = self._exceptions.get(destination, _NO_EXCEPTIONS)
                self._exceptions[destination] = {**held, kind: held.get(kind, 0) | sources}

    def _split(self, row: Row) -> Split:
        split = self._beside_prevailing(row)
        return self._shorter(row, split) if self._usual else split

    def _shorter(self, row: Row, split: Split) -> Split:
        beside = self._beside_usual(row)
        return (None, beside) if _size(beside) < _size(split[1]) else split

    def _beside_usual(self, row: Row) -> dict[tuple[Grant, Grant], int]:
        same = (self._grants.denied, self._grants.denied)

        def differ(here: Grant, usually: Grant) -> tuple[Grant, Grant]:
            return same if here is usually else (usually, here)

        return combine(row.pods, self._usual, self._population.pods, same, differ, same)

    def _beside_prevailing(self, row: Row) -> Split:
        pods = self._population.pods
        parts = {grant: part & pods for grant, part in row.pods.items()}
        rest = pods
        for part in parts.values():
            rest ^= part
        if rest:
            parts[self._grants.denied] = rest
        prevailing = max(parts, key=lambda grant: parts[grant].bit_count())
        return prevailing, {(prevailing, grant): part for grant, part in parts.items() if grant is not prevailing}

    def swapped(self, changed: Mapping[int, tuple[Row, Row]], egress: list[Row]) -> Meeting:
        """The meeting after some sources' egress rows have changed from one to another; `egress` are all rows now."""
        if is_most(changed, self._population):
            return Meeting(self._population, self._grants, egress)
        found = copy(self)
        found._common = dict(self._common)
        found._exceptions = dict(self._exceptions)
        found._known = {}
        alike: dict[tuple[Row, Row], list[int]] = {}
        for source, rows in changed.items():
            alike.setdefault(rows, []).append(source)
        for (before, after), members in alike.items():
            sources = bits.of(members, self._population.width)
            found._leave(found._split(before), sources)
            found._enter(found._split(after), sources)
        return found

    def _leave(self, split: Split, sources: int) -> None:
        prevailing, differences = split
        if prevailing is None:
            self._followers ^= sources
        else:
            self._common[prevailing] ^= sources
        for part in differences.values():
            for destination in bits.indices(part):
                held = self._exceptions[destination]
                self._exceptions[destination] = {
                    kind: kept for kind, where in held.items() if (kept := where & ~sources)
                }

    def column(self, destination: int, ingress: Row) -> Column:
        """What reaches a class whose ingress row is given."""
        exceptions = self._exceptions.get(destination, _NO_EXCEPTIONS)
        host = bool(self._population.host >> destination & 1)
        usual = self._usually(destination) if self._followers else None
        key = (ingress, usual, frozenset(exceptions.items()), host)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._about_nodes(self._join(ingress, usual, exceptions), host)
        return found

    def _usually(self, destination: int) -> Grant:
        bit = 1 << destination
        return next((grant for grant, part in self._usual.items() if part & bit), self._grants.denied)

    def _join(self, ingress: Row, usual: Grant | None, exceptions: Exceptions) -> Column:
        sending = dict(self._common)
        if usual is not None:
            put(sending, usual, self._followers)
        for (prevailing, grant), sources in exceptions.items():
            sending[prevailing] ^= sources
            put(sending, grant, sources)
        out: Column = {}
        grants = self._grants
        for arriving, region in ingress.pods.items():
            rest = region
            for leaving, sources in sending.items():
                hit = rest & sources
                if hit:
                    rest ^= hit
                    met = grants.both(leaving, arriving)
                    if met is not grants.denied:
                        put(out, met, hit)
        return out

    def _about_nodes(self, column: Column, host_destination: bool) -> Column:
        """Between a hostNetwork pod and another nothing is surely denied: the pod may run on that very node."""
        host = self._population.host
        if not host:
            return column
        between = self._population.pods & ~host if host_destination else host
        grants = self._grants
        return spread(column, between, lambda held: grants.softened(held, assumption.HOST_NETWORK), grants.denied)


def _size(parts: Mapping[tuple[Grant, Grant], int]) -> int:
    return sum(part.bit_count() for part in parts.values())


def is_most(changed: Sized, population: Population) -> bool:
    """Whether so many sources changed that beginning again is less work than following each."""
    return len(changed) > population.width >> 3
