"""Ties come in groups: one finding for all policies of a priority that disagree among each other."""

from __future__ import annotations

from random import Random

import pytest

from licet.analysis.lint.ties import Ties, Told
from licet.model.policy import Action
from licet.model.ports import PortRange, PortSet, Protocol
from tests.analysis.lint.given import linted
from tests.analysis.lint.test_order import DATA, SHOP, admin, rule

CROWD = 40


def ties(*objects: str) -> list[tuple[str, tuple[str, ...]]]:
    """Messages and notes of the findings on ties."""
    return [(f.message, f.notes) for f in linted(*objects) if f.code == "L0210"]


def test_many_policies_are_one_finding() -> None:
    """Each of the crowd disagrees with twenty others: pair by pair that were 400 findings."""
    crowd = [admin(f"p{at:02}", 5, rule("Accept" if at % 2 else "Deny", SHOP)) for at in range(CROWD)]
    assert ties(*crowd) == [
        (
            "40 policies disagree, and all have priority 5",
            (
                "`p00`, `p01`, `p02` and 37 more",
                "`p01` ingress[0] and `p00` ingress[0] disagree, for one",
                "witness: shop/cart[Deployment] -> shop/web[Deployment], TCP 1",
            ),
        )
    ]


def test_who_agrees_with_both_sides_joins_nobody() -> None:
    """Groups are by disagreement, not by priority, and each has a finding of its own."""
    found = ties(
        admin("a", 1, rule("Accept", SHOP)),
        admin("b", 1, rule("Deny", SHOP)),
        admin("c", 1, rule("Accept", DATA, "80")),
        admin("d", 1, rule("Deny", DATA, "80")),
        admin("e", 1, rule("Deny", DATA, "81")),
    )
    assert [message for message, _ in found] == [
        "`b` ingress[0] and `a` ingress[0] disagree, and both have priority 1",
        "`d` ingress[0] and `c` ingress[0] disagree, and both have priority 1",
    ]


@pytest.mark.parametrize("seed", range(60))
def test_groups_are_what_hangs_together(seed: int) -> None:
    """Over random grounds: the groups are the connected parts of the relation `disagrees`, each with a pair of it."""
    rng = Random(seed)
    grounds = [_decided(rng) for _ in range(rng.randint(1, 3))]
    found = Ties()
    for tied in grounds:
        found.compare(tied, lambda where, ports: f"{where} {ports}")
    pairs = {
        (one.site[0], other.site[0])
        for tied in grounds
        for first in tied
        for second in tied
        for one in first
        for other in second
        if one.action is not other.action and one.site[0] != other.site[0]
        if _bits(one) & _bits(other) and one.ports & other.ports
    }
    groups = found.groups()
    assert {frozenset(group.policies) for group in groups} == _parts(pairs)
    assert all((group.first[0], group.second[0]) in pairs and group.first[0] in group.policies for group in groups)


def _decided(rng: Random) -> list[list[Told]]:
    policies = rng.sample(range(9), rng.randint(1, 9))
    return [[_told(rng, number, at) for at in range(rng.randint(0, 3))] for number in sorted(policies)]


def _told(rng: Random, number: int, at: int) -> Told:
    port = rng.randint(1, 2)
    ports = PortSet.of(PortRange(Protocol.TCP, port, port))
    return Told((number, at), rng.choice(list(Action)), rng.choice([1, 2, 4, 6]), ports)


def _bits(told: Told) -> int:
    assert isinstance(told.where, int)
    return told.where


def _parts(pairs: set[tuple[int, int]]) -> set[frozenset[int]]:
    parts: list[set[int]] = []
    for pair in pairs:
        touching = [part for part in parts if part & set(pair)]
        parts = [part for part in parts if part not in touching] + [set(pair).union(*touching)]
    return set(map(frozenset, parts))
