"""Rules of NetworkPolicies that can go without anything changing, since others allow all that they allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import msgspec

from licet.analysis.grant import Grant
from licet.analysis.lint.implication import implies
from licet.analysis.lint.remainder import Remainder
from licet.analysis.lint.survey import Survey
from licet.analysis.partition import R, spread
from licet.analysis.population import every
from licet.analysis.rules import Match
from licet.model.addresses import AddressSet
from licet.model.policy import Direction, NetworkRule
from licet.model.ports import NO_PORTS, PortSet
from licet.model.ternary import Ternary

_CROWD = 24
"""From how many rules on it is worth counting first what more than one rule allows."""

Site = tuple[int, int]
"""A rule: its policy's position in the cluster, and its own in the policy's direction."""


class Shadow(msgspec.Struct, frozen=True):
    """A rule without which nothing changes. `by` are the rules that allow what it allows.

    Where there are none it allows nothing that a policy decides. `by_meaning` says that one of them allows
    it whatever pods there are.
    """

    site: Site
    by: tuple[Site, ...]
    by_meaning: bool = False


class Shadows:
    """The shadowed rules of one direction, such that all of them together can go."""

    def __init__(self, survey: Survey, direction: Direction, spared: frozenset[Site], abroad: frozenset[Site]) -> None:
        """`spared` are rules that are told of otherwise, and are to go: they shadow nothing.

        `abroad` are rules about pods that the manifests do not hold.
        """
        self._survey = survey
        self._direction = direction
        self._policies = survey.cluster.network_policies
        self._found = survey.stands(direction)
        self._gone = set(spared)
        self._abroad = abroad
        self._end_port_is_sure = survey.population.profile.end_port is Ternary.YES
        self._entries: dict[int, dict[Site, Match]] = {}
        self._several: dict[int, int] = {}
        self._twice: dict[int, _Twice] = {}

    def find(self) -> list[Shadow]:
        """Last rules first, so that of two that shadow each other the earlier stays."""
        found: list[Shadow] = []
        for number in reversed(range(len(self._policies))):
            rules = self._policies[number].rules(self._direction)
            if not rules or not self._survey.applied[number].possible:
                continue
            for at in reversed(range(len(rules))):
                if (number, at) in self._gone:
                    continue
                shadow = self._shadow((number, at))
                if shadow is not None:
                    self._gone.add(shadow.site)
                    found.append(shadow)
        return found[::-1]

    def _rule(self, site: Site) -> NetworkRule:
        rules = self._policies[site[0]].rules(self._direction)
        assert rules is not None
        return rules[site[1]]

    def _match(self, site: Site, position: int) -> Match:
        return self._survey.match(*site, self._direction, position)

    def _shadow(self, site: Site) -> Shadow | None:
        by: dict[Site, None] = {}
        meant = True
        for position, classes in self._stands_of(site[0]):
            routed = self._direction is Direction.INGRESS and bool(classes & self._survey.routed)
            strangers = routed or site in self._abroad
            entries = self._entries_of(position)
            match = entries.get(site) or self._match(site, position)
            if site in entries and not strangers and self._is_alone(match, position, classes):
                return None
            left = Remainder(match, self._survey.alone(classes))
            if not left and not strangers:
                continue
            if len(entries) > _CROWD and site in entries and not self._counted(position).allows(match):
                return None
            if site not in entries:
                entries = {other: self._match(other, position) for other in self._sites(site[0])} | entries
            found = None if strangers else self._cover(site, entries, left)
            if found is None and (strangers or _is_doubtful(match)):
                found = self._wider(site, entries)
            if found is None:
                return None
            by.update(dict.fromkeys(found))
            meant = meant and self._is_wider(found[0], site)
        return Shadow(site, tuple(by), meant)

    def _stands_of(self, number: int) -> Iterator[tuple[int, int]]:
        """The stands that a policy applies to, each once, with the classes of it to which the policy applies."""
        found = self._found
        rest = self._survey.applied[number].possible
        while rest:
            position = found.of_class[rest.bit_length() - 1]
            classes = found.stands[position].members & rest
            rest ^= classes
            yield position, classes

    def _cover(self, site: Site, entries: dict[Site, Match], left: Remainder) -> list[Site] | None:
        """The rules that allow all that is left."""
        used: list[Site] = []
        for other, match in entries.items():
            if other != site and other not in self._gone and left.take(match):
                used.append(other)
                if not left:
                    return used
        return None

    def _is_alone(self, match: Match, position: int, classes: int) -> bool:
        """Whether a rule of a stand is surely the only one about some pods: most are, and nothing covers those."""
        several = self._several[position]
        only = next((own for region, _ in match.pods if (own := region & ~several)), 0)
        return bool(only & ~self._survey.alone(classes)) and not _is_doubtful(match)

    def _wider(self, site: Site, entries: dict[Site, Match]) -> list[Site] | None:
        """A rule that by its meaning allows all that this one does, whatever is not known of the pods.

        Of strangers, such as an ingress controller, whose pods no manifest holds, nothing else is sure.
        """
        for other in entries:
            if other != site and other not in self._gone and self._is_wider(other, site):
                return [other]
        return None

    def _is_wider(self, other: Site, site: Site) -> bool:
        return implies(self._rule(site), self._rule(other), self._end_port_is_sure)

    def _sites(self, number: int) -> list[Site]:
        return [(number, at) for at in range(len(self._policies[number].rules(self._direction) or ()))]

    def _entries_of(self, position: int) -> dict[Site, Match]:
        """What the rules that surely apply to a stand match there; in a crowd those that match most come first."""
        entries = self._entries.get(position)
        if entries is None:
            stand = self._found.stands[position]
            sites = [site for number in stand.policies for site in self._sites(number)]
            entries = {site: self._match(site, position) for site in sites}
            if len(sites) > _CROWD:
                entries = dict(sorted(entries.items(), key=lambda entry: -_width(entry[1])))
            self._entries[position] = entries
            self._several[position] = _touched_twice(entries.values())
        return entries

    def _counted(self, position: int) -> _Twice:
        found = self._twice.get(position)
        if found is None:
            found = self._twice[position] = _Twice(self._entries[position].values())
        return found


def _is_doubtful(match: Match) -> bool:
    return any(grant.reasons for _, grant in match.pods) or any(grant.reasons for _, grant in match.outside)


def _touched_twice(matches: Iterable[Match]) -> int:
    """The classes about which there is more than one rule, on whatever ports."""
    once = twice = 0
    for match in matches:
        own = every(region for region, _ in match.pods)
        twice |= once & own
        once |= own
    return twice


def _width(match: Match) -> int:
    return max((region.bit_count() for region, _ in match.pods), default=0)


class _Twice:
    """What more than one of many rules surely allows: without it, a rule that is sure cannot be shadowed."""

    def __init__(self, matches: Iterable[Match]) -> None:
        self._pods: dict[tuple[PortSet, PortSet], int] = {}
        self._outside: dict[tuple[PortSet, PortSet], AddressSet] = {}
        for match in matches:
            self._pods = _counting(self._pods, match.pods)
            self._outside = _counting(self._outside, match.outside)

    def allows(self, match: Match) -> bool:
        """False where something that only this rule allows shows at once that it is needed."""
        return _held(self._pods, match.pods) and _held(self._outside, match.outside)


_NEVER = (NO_PORTS, NO_PORTS)


def _counting(
    parts: dict[tuple[PortSet, PortSet], R], regions: tuple[tuple[R, Grant], ...]
) -> dict[tuple[PortSet, PortSet], R]:
    for region, grant in regions:
        if grant.must:
            parts = spread(parts, region, partial(_count, grant.must), _NEVER)
    return parts


def _count(ports: PortSet, before: tuple[PortSet, PortSet]) -> tuple[PortSet, PortSet]:
    once, twice = before
    return once | ports, twice | (once & ports)


def _held(parts: dict[tuple[PortSet, PortSet], R], regions: tuple[tuple[R, Grant], ...]) -> bool:
    return not any(
        region & part and grant.must - twice
        for region, grant in regions
        if grant.must and grant.must == grant.may
        for (_, twice), part in parts.items()
    )
