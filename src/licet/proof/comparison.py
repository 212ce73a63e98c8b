"""Agreed beside permitted, as sets: nothing is looked at pair by pair but what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from licet.analysis import assumption
from licet.analysis.grant import Grant
from licet.analysis.partition import R, combine
from licet.model.addresses import AddressSet
from licet.model.policy import Direction
from licet.model.ports import NO_PORTS, PortSet
from licet.proof.expected import NOTHING, Expected
from licet.proof.ground import Ground
from licet.proof.proof import Fault


class Judged(msgspec.Struct, frozen=True, eq=False):
    """Expected beside granted, as far as it is worth a word: the ports of each fault, and whether anything is there."""

    faults: tuple[tuple[Fault, PortSet], ...]
    agreed: bool
    permitted: bool
    reasons: tuple[str, ...]


Beyond = tuple[Judged, AddressSet, bool]
"""What is to be said of a range of addresses, and whether it is of nodes."""
_QUIET = Judged((), agreed=False, permitted=False, reasons=())


class Deviation(msgspec.Struct, frozen=True):
    """Sources that differ alike towards one destination; the first stands for them. Ends are units or addresses.

    An end that is a number of `outside` is an address: the source where `direction` is ingress, else the destination;
    `direction` None is between units.
    """

    fault: Fault
    src: int
    dst: int
    direction: Direction | None
    ports: PortSet
    count: int
    reasons: tuple[str, ...]


class Comparison:
    """Compares one answer with what is expected of it; `deviations` fills the counts."""

    def __init__(self, ground: Ground) -> None:
        self._reach = ground.reach
        self._units = ground.units
        self._expectations = ground.expectations
        self._scope = ground.scope
        self._judged: dict[tuple[Grant, Expected], Judged] = {}
        self._rows: dict[
            tuple[frozenset[tuple[Grant, AddressSet]], frozenset[tuple[Expected, AddressSet]]], list[Beyond]
        ] = {}
        self.agreed = 0
        self.permitted = 0
        self.used_unclosed: set[tuple[int, Direction]] = set()

    def deviations(self) -> Iterator[Deviation]:
        """Whatever differs: between pods by destination, then with addresses outside by workload."""
        for destination in range(1, self._units.width):
            yield from self._towards(destination)
        for direction, members in (
            (Direction.INGRESS, self._scope.admitting),
            (Direction.EGRESS, self._scope.enforced),
        ):
            for unit in range(1, self._units.width):
                if members >> unit & 1:
                    yield from self._outside(unit, direction)

    def _towards(self, destination: int) -> Iterator[Deviation]:
        units, scope = self._units, self._scope
        bit = 1 << destination
        if units.host & bit:
            return
        care = units.everyone if scope.admitting & bit else scope.enforced
        care &= ~units.host
        if units.alone & bit:
            care &= ~bit
        if not care:
            return
        column = self._reach.columns[units.class_of[destination]]
        granted = {grant: units.of_classes(part) for grant, part in column.items()}
        expected = self._expectations.pods.get(destination, {})
        for judged, part in self._compared(granted, expected, care).items():
            count = 0 if scope.chameleons & bit else (part & ~scope.chameleons).bit_count()
            self.agreed += count if judged.agreed else 0
            self.permitted += count if judged.permitted else 0
            made = part if scope.chameleons & bit else part & scope.chameleons
            for fault, ports in judged.faults if part != made else ():
                yield self._deviation(fault, part ^ made, destination, ports, judged.reasons)
            for fault, ports in _of_its_making(judged) if made else ():
                yield self._deviation(fault, made, destination, ports, judged.reasons)

    def _deviation(
        self, fault: Fault, sources: int, destination: int, ports: PortSet, reasons: tuple[str, ...]
    ) -> Deviation:
        first = (sources & -sources).bit_length() - 1
        return Deviation(fault, first, destination, None, ports, sources.bit_count(), reasons)

    def _outside(self, unit: int, direction: Direction) -> Iterator[Deviation]:
        if self._units.host >> unit & 1:
            return
        rows = self._reach.ingress if direction is Direction.INGRESS else self._reach.egress
        row = rows[self._units.class_of[unit]].outside
        expected = self._expectations.outside[direction].get(unit, {})
        key = (frozenset(row.items()), frozenset(expected.items()))
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = list(self._beyond(row, expected))
        self.agreed += any(judged.agreed for judged, _, _ in found)
        self.permitted += any(judged.permitted for judged, _, _ in found)
        for judged, region, is_node in found:
            for fault, ports in judged.faults:
                if is_node and fault is Fault.PERHAPS_EXCESS:
                    continue
                if fault in (Fault.EXCESS, Fault.PERHAPS_EXCESS) and (unit, direction) in self._scope.unclosed:
                    self.used_unclosed.add((unit, direction))
                    continue
                address = region.spans[0][0]
                src, dst = (address, unit) if direction is Direction.INGRESS else (unit, address)
                yield Deviation(fault, src, dst, direction, ports, 1, judged.reasons)

    def _beyond(self, row: Mapping[Grant, AddressSet], expected: Mapping[Expected, AddressSet]) -> Iterator[Beyond]:
        """What there is to say outside, nodes apart: a pod may run on any of them, so none is surely denied."""
        scope = self._scope
        for region, is_node in ((scope.world - scope.nodes, False), (scope.world & scope.nodes, True)):
            if region:
                for judged, part in self._compared(row, expected, region).items():
                    yield judged, part, is_node

    def _compared(self, granted: Mapping[Grant, R], expected: Mapping[Expected, R], care: R) -> dict[Judged, R]:
        return combine(granted, expected, care, (self._reach.grants.denied, NOTHING), self._judge, _QUIET)

    def _judge(self, grant: Grant, expected: Expected) -> Judged:
        key = (grant, expected)
        found = self._judged.get(key)
        if found is None:
            found = self._judged[key] = _judged(grant, expected)
        return found


def _of_its_making(judged: Judged) -> Iterator[tuple[Fault, PortSet]]:
    """What hangs on labels that a pod elsewhere may give itself is certain: such a pod can be made.

    Its namespace cannot be labelled as easily: what hangs on that too is not certain, and told only if nothing is.
    """
    faults = dict(judged.faults)
    certain, perhaps = faults.get(Fault.EXCESS, NO_PORTS), faults.get(Fault.PERHAPS_EXCESS, NO_PORTS)
    yield from ((fault, ports) for fault, ports in judged.faults if fault in (Fault.MISSING, Fault.PERHAPS_MISSING))
    if perhaps and not certain and assumption.NAMESPACE_LABELS in judged.reasons:
        yield Fault.PERHAPS_EXCESS, perhaps
    elif certain or perhaps:
        yield Fault.EXCESS, certain | perhaps


def _judged(grant: Grant, expected: Expected) -> Judged:
    unmet = expected.ports - grant.must
    beyond = grant.may - expected.ports - expected.free
    each = (
        (Fault.MISSING, unmet - grant.may),
        (Fault.PERHAPS_MISSING, unmet & grant.may),
        (Fault.EXCESS, beyond & grant.must),
        (Fault.PERHAPS_EXCESS, beyond - grant.must - expected.possible),
    )
    faults = tuple((fault, ports) for fault, ports in each if ports)
    agreed, permitted = expected.ports != NO_PORTS, grant.must != NO_PORTS
    if not (faults or agreed or permitted):
        return _QUIET
    return Judged(faults, agreed, permitted, tuple(sorted(grant.reasons)))
