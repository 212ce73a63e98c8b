"""Where the two sides meet: a connection needs the source's egress and the destination's ingress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sized
from copy import copy

from licet.analysis import assumption, bits
from licet.analysis.cover import most_common
from licet.analysis.grant import Grant, Grants
from licet.analysis.pages import Pages
from licet.analysis.partition import combine, put, spread
from licet.analysis.population import Population, every
from licet.analysis.rows import Row

Column = dict[Grant, int]
"""What reaches one class, as grants over source classes; a source in no part is denied."""

Exceptions = Mapping[tuple[Grant, Grant], int]
"""Sources by (the grant that is usual for them, the grant that they have here)."""

_NO_EXCEPTIONS: Exceptions = {}
Split = tuple[Grant | int, dict[tuple[Grant, Grant], int]]
"""A row as the grant that prevails in it, or the number of a usual row; and where the row differs from that."""
_LONG = 20
"""How many destinations, on average, rows may list one by one before a usual row is looked for."""
_USUAL_ROWS = 8
"""How many usual rows there may be: each is asked for every destination."""


class Meeting:
    """Joins ingress rows with egress rows, destination by destination.

    Egress rows are turned round once. Most sources treat most destinations alike, so a row is taken as a usual one and
    the destinations where it differs: a row that has one grant everywhere, or, where rows are long, one that has
    everywhere what most long rows have there; what is long beside that as well gets a usual row of its own. That makes
    the work proportional to what is said, for rows that are nearly empty, for rows that are nearly full, and for rows
    of a few kinds with the same long parts.
    """

    def __init__(self, population: Population, grants: Grants, egress: Iterable[Row]) -> None:
        self._population = population
        self._grants = grants
        self._usual: list[Column] = []
        self._followers: list[int] = []
        """The sources of each of `_usual`; the others are in `_common`, by the grant that prevails in their row."""
        self._common: Column = {}
        self._exceptions: Pages[Exceptions] = Pages({})
        self._known: dict[tuple[Row, tuple[Grant, ...], frozenset[tuple[tuple[Grant, Grant], int]], bool], Column] = {}
        members: dict[Row, list[int]] = {}
        for source, row in enumerate(egress):
            members.setdefault(row, []).append(source)
        splits: dict[Row, Split] = {row: self._beside_prevailing(row) for row in members}
        while len(self._usual) < _USUAL_ROWS and self._find_usual(splits):
            pass
        exceptions: dict[int, Exceptions] = {}
        for row, where in members.items():
            self._enter(splits[row], bits.of(where, population.width), exceptions)
        self._exceptions = Pages.of(exceptions.items())

    def _find_usual(self, splits: dict[Row, Split]) -> bool:
        """Shorten the long rows by one more usual row; whether that was worth it."""
        long = {row: size for row, (_, differences) in splits.items() if (size := _size(differences)) > _LONG}
        if sum(long.values()) <= _LONG * self._population.width:
            return False
        usual = self._what_most_have(list(long))
        shorter = {
            row: (len(self._usual), beside)
            for row, size in long.items()
            if _size(beside := self._beside(usual, row)) < size
        }
        if not shorter:
            return False
        splits.update(shorter)
        self._usual.append(usual)
        self._followers.append(0)
        return True

    def _what_most_have(self, rows: list[Row]) -> Column:
        granting = Counter(grant for row in rows for grant in row.pods)
        usual = {
            grant: most_common([(row.pods.get(grant, 0), ()) for row in rows])
            for grant, count in granting.items()
            if count > len(rows) // 2
        }
        return {grant: part for grant, part in usual.items() if part}

    def _enter(self, split: Split, sources: int, exceptions: dict[int, Exceptions]) -> None:
        kept, differences = split
        if isinstance(kept, int):
            self._followers[kept] |= sources
        else:
            put(self._common, kept, sources)
        for kind, part in differences.items():
            for destination in bits.indices(part):
                held = exceptions.get(destination, _NO_EXCEPTIONS)
                exceptions[destination] = {**held, kind: held.get(kind, 0) | sources}

    def _split(self, row: Row) -> Split:
        """As at the beginning: the first usual row is tried where the row is long, the next where it is long still."""
        kept, differences = self._beside_prevailing(row)
        for number, usual in enumerate(self._usual):
            if (size := _size(differences)) > _LONG and _size(beside := self._beside(usual, row)) < size:
                kept, differences = number, beside
        return kept, differences

    def _beside(self, usual: Column, row: Row) -> dict[tuple[Grant, Grant], int]:
        same = (self._grants.denied, self._grants.denied)

        def differ(here: Grant, usually: Grant) -> tuple[Grant, Grant]:
            return same if here is usually else (usually, here)

        return combine(row.pods, usual, self._population.pods, same, differ, same)

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

    def swapped(self, changed: Mapping[int, tuple[Row, Row]], egress: Iterable[Row]) -> Meeting:
        """The meeting after some sources' egress rows have changed from one to another; `egress` are all rows now."""
        if is_most(changed, self._population):
            return Meeting(self._population, self._grants, egress)
        found = copy(self)
        found._followers = list(self._followers)
        found._common = dict(self._common)
        found._known = {}
        exceptions: dict[int, Exceptions] = {}
        alike: dict[tuple[Row, Row], list[int]] = {}
        for source, rows in changed.items():
            alike.setdefault(rows, []).append(source)
        for (before, after), members in alike.items():
            sources = bits.of(members, self._population.width)
            leaving, entering = self._split(before), self._split(after)
            for destination in bits.indices(_everywhere(leaving) | _everywhere(entering)):
                exceptions.setdefault(destination, self._exceptions.get(destination) or _NO_EXCEPTIONS)
            found._leave(leaving, sources, exceptions)
            found._enter(entering, sources, exceptions)
        found._exceptions = self._exceptions.changed(exceptions)
        return found

    def _leave(self, split: Split, sources: int, exceptions: dict[int, Exceptions]) -> None:
        kept, differences = split
        if isinstance(kept, int):
            self._followers[kept] ^= sources
        else:
            self._common[kept] ^= sources
        for part in differences.values():
            for destination in bits.indices(part):
                held = exceptions[destination]
                exceptions[destination] = {kind: rest for kind, where in held.items() if (rest := where & ~sources)}

    def column(self, destination: int, ingress: Row) -> Column:
        """What reaches a class whose ingress row is given."""
        exceptions = self._exceptions.get(destination) or _NO_EXCEPTIONS
        host = bool(self._population.host >> destination & 1)
        usual = self._usually(destination) if self._usual else ()
        key = (ingress, usual, frozenset(exceptions.items()), host)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._about_nodes(self._join(ingress, usual, exceptions), host)
        return found

    def _usually(self, destination: int) -> tuple[Grant, ...]:
        bit = 1 << destination
        denied = self._grants.denied
        return tuple([next((grant for grant, part in usual.items() if part & bit), denied) for usual in self._usual])

    def _join(self, ingress: Row, usual: tuple[Grant, ...], exceptions: Exceptions) -> Column:
        sending = dict(self._common)
        for grant, followers in zip(usual, self._followers, strict=True):
            put(sending, grant, followers)
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


def _everywhere(split: Split) -> int:
    return every(split[1].values())


def _size(parts: Mapping[tuple[Grant, Grant], int]) -> int:
    return sum(part.bit_count() for part in parts.values())


def is_most(changed: Sized, population: Population) -> bool:
    """Whether so many sources changed that beginning again is less work than following each."""
    return len(changed) > population.width >> 3
