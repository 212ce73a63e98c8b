"""What is left of a rule after others, against plain sets of (place, port)."""

from __future__ import annotations

from random import Random

import pytest

from licet.analysis.grant import Grant, Grants
from licet.analysis.lint.remainder import Pieces, Remainder
from licet.analysis.rules import Match
from licet.model.addresses import AddressSet
from licet.model.ports import NO_PORTS, PortSet
from tests.analysis.small import tcp

WIDTH = 6
NUMBERS = range(1, 7)


def some_ports(rng: Random) -> PortSet:
    """A range among few, now and then nothing."""
    first, last = sorted(rng.choices(NUMBERS, k=2))
    return PortSet.of(tcp(first, last)) if rng.randrange(6) else NO_PORTS


def some_parts(rng: Random) -> tuple[tuple[int, Grant], ...]:
    """Regions that may overlap; what is surely matched lies in what may be."""
    parts = []
    for _ in range(rng.randint(0, 3)):
        must = some_ports(rng)
        parts.append((rng.randrange(1 << WIDTH), Grant(must, must | some_ports(rng), frozenset())))
    return tuple(parts)


def addresses(region: int) -> AddressSet:
    """The bits of a region as single addresses."""
    return AddressSet(tuple((at * 2, at * 2) for at in range(WIDTH) if region >> at & 1))


def points(parts: tuple[tuple[int, PortSet], ...]) -> set[tuple[int, int]]:
    """Every (bit, TCP port)."""
    return {
        (at, port)
        for region, ports in parts
        for at in range(WIDTH)
        if region >> at & 1
        for port in NUMBERS
        if any(r.first <= port <= r.last for r in ports.ranges())
    }


@pytest.mark.parametrize("seed", range(60))
def test_what_is_left_is_the_difference(seed: int) -> None:
    rng = Random(seed)
    own, exempt = some_parts(rng), rng.choice([0, 0b11])
    left = Remainder(Match(own, tuple((addresses(r), g) for r, g in own)), exempt)
    pods = points(tuple((region & ~exempt, grant.may) for region, grant in own))
    outside = points(tuple((region, grant.may) for region, grant in own))
    for _ in range(4):
        inside, beyond = some_parts(rng), some_parts(rng)
        surely = points(tuple((r, g.must) for r, g in inside)), points(tuple((r, g.must) for r, g in beyond))
        taken = left.take(Match(inside, tuple((addresses(r), g) for r, g in beyond)))
        assert taken is bool(pods & surely[0] or outside & surely[1])
        pods, outside = pods - surely[0], outside - surely[1]
        assert bool(left) is bool(pods or outside)
        assert points(tuple(left.pods.left)) == pods


def test_nothing_is_no_piece() -> None:
    pieces = Pieces([(0, PortSet.of(tcp(1))), (1, NO_PORTS), (1, PortSet.of(tcp(1)))])
    assert pieces.left == [(1, PortSet.of(tcp(1)))]
    assert not pieces.take([(1, Grants().denied), (2, Grants().open)])
    assert pieces.take([(1, Grants().open)])
    assert (pieces.left, pieces.take([(1, Grants().open)])) == ([], False)
