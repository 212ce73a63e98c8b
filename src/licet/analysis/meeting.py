"""Where the two sides meet: a connection needs the source's egress and the destination's ingress."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy

from licet.analysis import assumption, bits
from licet.analysis.grant import Grant, Grants
from licet.analysis.partition import put, spread
from licet.analysis.population import Population
from licet.analysis.rows import Row

Column = dict[Grant, int]
"""What reaches one class, as grants over source classes; a source in no part is denied."""

Exceptions = Mapping[tuple[Grant, Grant], int]
"""Sources by (the grant that prevails for them, the grant that they have here)."""

_NO_EXCEPTIONS: Exceptions = {}


class Meeting:
    """Joins ingress rows with egress rows, destination by destination.

    Egress rows are turned round once. Most sources treat most destinations alike, so each distinct egress row has
    one prevailing grant that goes into `_common`; only the destinations where it differs are listed one by one. That
    makes the work proportional to what is said, for rows that are nearly empty and for rows that are nearly full.
    """

    def __init__(self, population: Population, grants: Grants, egress: list[Row]) -> None:
        self._population = population
        self._grants = grants
        self._common: Column = {}
        self._exceptions: dict[int, Exceptions] = {}
        self._known: dict[tuple[Row, frozenset[tuple[tuple[Grant, Grant], int]], bool], Column] = {}
        members: dict[Row, list[int]] = {}
        for source, row in enumerate(egress):
            members.setdefault(row, []).append(source)
        for row, where in members.items():
            self._enter(row, bits.of(where, population.width))

    def _enter(self, row: Row, sources: int) -> None:
        prevailing, others = self._split(row)
        put(self._common, prevailing, sources)
        for grant, part in others:
            kind = (prevailing, grant)
            for destination in bits.indices(part):
                held = self._exceptions.get(destination, _NO_EXCEPTIONS)
                self._exceptions[destination] = {**held, kind: held.get(kind, 0) | sources}

    def _split(self, row: Row) -> tuple[Grant, list[tuple[Grant, int]]]:
        """The grant that most destinations have, and where others hold."""
        pods = self._population.pods
        parts = {grant: part & pods for grant, part in row.pods.items()}
        rest = pods
        for part in parts.values():
            rest ^= part
        if rest:
            parts[self._grants.denied] = rest
        prevailing = max(parts, key=lambda grant: parts[grant].bit_count())
        return prevailing, [(grant, part) for grant, part in parts.items() if grant is not prevailing]

    def swapped(self, changed: Mapping[int, tuple[Row, Row]], egress: list[Row]) -> Meeting:
        """The meeting after some sources' egress rows have changed from one to another; `egress` are all rows now."""
        if len(changed) > len(egress) >> 3:
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
            found._leave(before, sources)
            found._enter(after, sources)
        return found

    def _leave(self, row: Row, sources: int) -> None:
        prevailing, others = self._split(row)
        self._common[prevailing] ^= sources
        for _, part in others:
            for destination in bits.indices(part):
                held = self._exceptions[destination]
                self._exceptions[destination] = {
                    kind: kept for kind, where in held.items() if (kept := where & ~sources)
                }

    def column(self, destination: int, ingress: Row) -> Column:
        """What reaches a class whose ingress row is given."""
        exceptions = self._exceptions.get(destination, _NO_EXCEPTIONS)
        host = bool(self._population.host >> destination & 1)
        key = (ingress, frozenset(exceptions.items()), host)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._about_nodes(self._join(ingress, exceptions), host)
        return found

    def _join(self, ingress: Row, exceptions: Exceptions) -> Column:
        sending = dict(self._common)
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
