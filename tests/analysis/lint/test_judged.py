"""Short cuts and searches of the checks, against answers that look at every single thing."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from licet.analysis import bits
from licet.analysis.lint import shadow
from licet.analysis.lint.shadow import Shadow, Shadows
from licet.analysis.lint.survey import Survey
from licet.analysis.lint.use import Use
from licet.analysis.reach import Reach, reach
from licet.analysis.rules import Match
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.policy import Direction
from licet.model.ports import NO_PORTS, PortSet
from tests.analysis.lint.test_laws import crowded
from tests.analysis.test_routed import with_routes
from tests.clusters import border_addresses, random_cluster, random_profile


def surveyed(seed: int) -> tuple[Random, Survey]:
    """A random cluster with routes; every other one is crowded with policies."""
    rng = Random(seed)
    cluster = with_routes(rng, crowded(rng) if seed % 2 else random_cluster(rng))
    return rng, Survey(reach(cluster, random_profile(rng)))


def shadows(survey: Survey, direction: Direction) -> list[Shadow]:
    """What is found of one direction, the coverers in no particular order."""
    found = Shadows(survey, direction, frozenset(), frozenset()).find()
    return [msgspec.structs.replace(one, by=tuple(sorted(one.by)), by_meaning=False) for one in found]


@pytest.mark.parametrize("seed", range(120))
def test_counting_first_finds_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which rules are shadowed does not hang on how many there are in one place."""
    _, survey = surveyed(seed)
    plain = {direction: shadows(survey, direction) for direction in Direction}
    monkeypatch.setattr(shadow, "_CROWD", 0)
    for direction in Direction:
        assert {one.site for one in shadows(survey, direction)} == {one.site for one in plain[direction]}


def ports_on(match: Match, end: int | AddressSet) -> PortSet:
    """The ports on which a rule may match a class, or an address."""
    found = NO_PORTS
    for region, grant in (*match.pods, *match.outside):
        if isinstance(end, int):
            found |= grant.may if isinstance(region, int) and region & end else NO_PORTS
        else:
            found |= grant.may if isinstance(region, AddressSet) and region & end else NO_PORTS
    return found


def is_used(survey: Survey, number: int, at: int, direction: Direction) -> bool:
    """Whether any single connection that a rule allows may be made."""
    answer, cluster = survey.reach, survey.cluster
    subjects = survey.applied[number].possible
    if direction is Direction.INGRESS and any(
        1 << led & subjects for grants in answer.routed.values() for led in grants
    ):
        return True
    for own in bits.indices(subjects):
        match = survey.match(number, at, direction, survey.stands(direction).of_class[own])
        side = (answer.ingress if direction is Direction.INGRESS else answer.egress)[own]
        for other in bits.indices(survey.population.pods):
            src, dst = (other, own) if direction is Direction.INGRESS else (own, other)
            if ports_on(match, 1 << other) & answer.at(answer.columns[dst], src).may:
                return True
        for address in border_addresses(cluster):
            one = AddressSet(((address, address),))
            held = next((grant.may for grant, part in side.outside.items() if part & one), NO_PORTS)
            if ports_on(match, one) & held:
                return True
    return False


def rules(answer: Reach, direction: Direction) -> list[tuple[int, int]]:
    """Every rule of a NetworkPolicy."""
    policies: Cluster = answer.cluster
    return [
        (number, at)
        for number, policy in enumerate(policies.network_policies)
        for at, _ in enumerate(policy.rules(direction) or ())
    ]


@pytest.mark.parametrize("seed", range(120))
def test_a_rule_is_used_where_one_connection_may_be_made(seed: int) -> None:
    _, survey = surveyed(seed)
    use = Use(survey)
    for direction in Direction:
        for number, at in rules(survey.reach, direction):
            assert use.is_used(number, at, direction) is is_used(survey, number, at, direction), (number, at, direction)
