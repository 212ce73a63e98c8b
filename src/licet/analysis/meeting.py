"""Where the two sides meet: a connection needs the source's egress and the destination's ingress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from licet.analysis import assumption, bits
from licet.analysis.grant import Grant, Grants
from licet.analysis.partition import put
from licet.analysis.population import Population
from licet.analysis.rows import Row

Column = dict[Grant, int]
"""What reaches one class, as grants over source classes; a source in no part is denied."""


class Meeting:
    """Joins ingress rows with egress rows, destination by destination.

    Egress rows are turned round once. Most sources treat most destinations alike, so each distinct egress row has
    one prevailing grant that goes into `_common`; only the destinations where it differs are listed one by one. That
    makes the work proportional to what is said, for rows that are nearly empty and for rows that are nearly full.
    """

    def __init__(self, population: Population, grants: Grants, egress: list[Row]) -> None:
        self._population = population
        self._grants = grants
        self._egress = egress
        self._common: Column = {}
        self._exceptions: dict[int, list[tuple[Grant, Grant, int]]] = {}
        self._known: dict[tuple[Row, tuple[tuple[Grant, Grant, int], ...], bool], Column] = {}
        self._turn_round()

    def _turn_round(self) -> None:
        members: dict[Row, list[int]] = {}
        for source, row in enumerate(self._egress):
            members.setdefault(row, []).append(source)
        width = self._population.width
        pods = self._population.pods
        for row, where in members.items():
            sources = bits.of(where, width)
            parts = dict(row.pods)
            rest = pods
            for part in parts.values():
                rest &= ~part
            if rest:
                parts[self._grants.denied] = rest
            prevailing = max(parts, key=lambda grant: (parts[grant] & pods).bit_count())
            put(self._common, prevailing, sources)
            for grant, part in parts.items():
                if grant is not prevailing:
                    for destination in bits.indices(part & pods):
                        self._exceptions.setdefault(destination, []).append((prevailing, grant, sources))

    def column(self, destination: int, ingress: Row) -> Column:
        """What reaches a class whose ingress row is given."""
        exceptions = tuple(self._exceptions.get(destination, ()))
        host = bool(self._population.host >> destination & 1)
        key = (ingress, exceptions, host)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._about_nodes(self._join(ingress, exceptions), host)
        return found

    def _join(self, ingress: Row, exceptions: Iterable[tuple[Grant, Grant, int]]) -> Column:
        sending = dict(self._common)
        for prevailing, grant, sources in exceptions:
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
        return softened(column, between, self._grants)


def softened(column: Mapping[Grant, int], between: int, grants: Grants) -> Column:
    """The column with every denial towards `between` left open."""
    out: Column = {}
    rest = between
    for grant, part in column.items():
        hit = part & between
        rest &= ~part
        if hit:
            put(out, grants.softened(grant, assumption.HOST_NETWORK), hit)
        if part ^ hit:
            put(out, grant, part ^ hit)
    if rest:
        put(out, grants.softened(grants.denied, assumption.HOST_NETWORK), rest)
    return out
