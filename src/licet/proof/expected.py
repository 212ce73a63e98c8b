"""What should be permitted: agreements as ports between units, and between units and addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from licet.analysis import bits
from licet.analysis.partition import R, spread
from licet.analysis.population import Population
from licet.contracts.agreement import (
    Addresses,
    Agreement,
    Domain,
    EdgeKind,
    End,
    Identity,
    Pods,
    end_text,
)
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.key import Key
from licet.model.policy import Direction
from licet.model.ports import NO_PORTS, PortSet
from licet.proof.proof import Unjudged
from licet.proof.units import Units

_OF_NODES = (EdgeKind.NODES, EdgeKind.API_SERVER)


class Expected(msgspec.Struct, frozen=True, cache_hash=True):
    """The ports that must be permitted, those that may be possible but not certain, and those that are nobody's matter.

    The three may overlap.
    """

    ports: PortSet = NO_PORTS
    possible: PortSet = NO_PORTS
    free: PortSet = NO_PORTS

    def __or__(self, other: Expected) -> Expected:
        return Expected(self.ports | other.ports, self.possible | other.possible, self.free | other.free)


NOTHING = Expected()


class Members(msgspec.Struct, frozen=True):
    """The units of an end: surely, and possibly."""

    sure: tuple[int, ...]
    doubtful: tuple[int, ...] = ()


class Expectations:
    """What is agreed, by destination unit (`pods`), and by direction and unit for addresses (`outside`).

    What is in no part of a partition is not agreed. `unjudged` are agreements that are in neither.
    """

    def __init__(
        self, agreements: Iterable[Agreement], population: Population, units: Units, enforced: int, world: AddressSet
    ) -> None:
        self._population = population
        self._units = units
        self._enforced = enforced
        self._nodes = population.platform.node_addresses
        self._world = world
        self._members: dict[tuple[Pods, bool], Members] = {}
        self._from: dict[int, dict[Expected, list[int]]] = {}
        self.outside: dict[Direction, dict[int, dict[Expected, AddressSet]]] = {d: {} for d in Direction}
        self.unjudged: list[Unjudged] = []
        for agreement in agreements:
            self._enter(agreement)
        self.pods = {at: self._partition(gathered) for at, gathered in self._from.items()}

    def of(self, end: End, *, is_source: bool) -> Members | None:
        """The units that an end means; None where it is not of the cluster.

        A source that is isolated itself is not meant by its labels alone: it has to agree to its own calls.
        """
        match end:
            case Key():
                return Members(tuple(self._units.by_root.get(end, ())))
            case Pods():
                key = (end, is_source)
                if key not in self._members:
                    self._members[key] = self._selected(end, is_source)
                return self._members[key]
            case _:
                return None

    def _selected(self, end: Pods, is_source: bool) -> Members:
        hits = self._population.behind(end.namespace, end.pods)
        kept = ~self._units.host & (~self._enforced if is_source else -1)
        sure = self._units.of_classes(hits.sure) & kept
        doubtful = self._units.of_classes(hits.possible) & kept & ~sure
        return Members(tuple(bits.indices(sure)), tuple(bits.indices(doubtful)))

    def _enter(self, agreement: Agreement) -> None:
        for end in (agreement.src, agreement.dst):
            if isinstance(end, Domain | Identity):
                what = "a DNS name" if isinstance(end, Domain) else "an identity"
                reason = f"{what} such as `{end_text(end)}` is no address"
                self.unjudged.append(Unjudged(agreement, reason))
        sources, destinations = self.of(agreement.src, is_source=True), self.of(agreement.dst, is_source=False)
        if sources is not None and destinations is not None:
            self._between(sources, destinations, agreement.ports)
        elif sources is not None:
            self._around(agreement, Direction.EGRESS, sources, agreement.dst)
        elif destinations is not None:
            self._around(agreement, Direction.INGRESS, destinations, agreement.src)

    def _between(self, sources: Members, destinations: Members, ports: PortSet) -> None:
        sure, doubtful = Expected(ports), Expected(possible=ports)
        for destination in (*destinations.sure, *destinations.doubtful):
            gathered = self._from.setdefault(destination, {})
            certain = doubtful if destination in destinations.doubtful else sure
            gathered.setdefault(certain, []).extend(sources.sure)
            if sources.doubtful:
                gathered.setdefault(doubtful, []).extend(sources.doubtful)

    def _around(self, agreement: Agreement, direction: Direction, members: Members, other: End) -> None:
        match other:
            case Addresses(addresses=addresses):
                region = addresses & self._world
                mild = AddressSet() if agreement.kind in _OF_NODES else region & self._nodes
                wanted = [(region - mild, Expected(agreement.ports)), (mild, Expected(free=agreement.ports))]
            case Domain():
                wanted = [(EVERY_ADDRESS, Expected(possible=agreement.ports))]
            case _:
                return
        for unit in members.sure:
            for region, value in wanted:
                held = self.outside[direction].get(unit, {})
                self.outside[direction][unit] = added(held, region, value)

    def _partition(self, gathered: Mapping[Expected, list[int]]) -> dict[Expected, int]:
        found: dict[Expected, int] = {}
        for value, members in gathered.items():
            found = added(found, bits.of(members, self._units.width), value)
        return found


def added(parts: dict[Expected, R], region: R, value: Expected) -> dict[Expected, R]:
    """The partition with something more expected of a region."""
    if not parts:
        return {value: region} if region else {}

    def more(held: Expected) -> Expected:
        joined = held | value
        return held if joined == held else joined

    return spread(parts, region, more, NOTHING)
