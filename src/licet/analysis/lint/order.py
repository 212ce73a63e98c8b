"""Cluster policies in their order: rules that never decide, and policies of one priority that disagree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby

import msgspec

from licet.analysis import bits
from licet.analysis.grant import NO_REASONS, Grant, Reasons
from licet.analysis.lint.remainder import Remainder
from licet.analysis.lint.survey import Survey, names_ports
from licet.analysis.lint.ties import Site, Tie, Ties, Told, Where
from licet.analysis.lint.words import witness
from licet.analysis.partition import R, put, spread
from licet.analysis.population import NamedPorts, every
from licet.analysis.rules import Match
from licet.analysis.tiers import Applied, Tiers
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.policy import Action, Direction, NodePeer, Tier
from licet.model.ports import ALL_PORTS, NO_PORTS, PortSet

_Applying = tuple[tuple[int, Reasons], ...]


class Dead(msgspec.Struct, frozen=True):
    """A rule that never decides. `by` are the rules of its tier that decide before it.

    Where there are none another layer does, or, where `matches` is False, there is no traffic that it matches.
    """

    site: Site
    by: tuple[Site, ...]
    matches: bool


class Open(msgspec.Struct, frozen=True, eq=False):
    """What nothing has surely decided so far: ports by peer. A peer in no part is decided."""

    pods: dict[PortSet, int]
    outside: dict[PortSet, AddressSet]

    def less(self, match: Match) -> Open:
        """After a rule has decided what it surely matches."""
        pods, outside = self.pods, self.outside
        for region, grant in match.pods:
            if grant.must:
                pods = spread(pods, region, partial(_without, grant.must), NO_PORTS)
        for addresses, grant in match.outside:
            if grant.must:
                outside = spread(outside, addresses, partial(_without, grant.must), NO_PORTS)
        return Open(pods, outside)

    def met(self, match: Match) -> Iterator[tuple[int | AddressSet, PortSet]]:
        """Where a rule may still decide, and on which ports."""
        yield from _met(self.pods, match.pods)
        yield from _met(self.outside, match.outside)


def _without(decided: PortSet, ports: PortSet) -> PortSet:
    return ports - decided or NO_PORTS


def _met(parts: dict[PortSet, R], regions: Iterable[tuple[R, Grant]]) -> Iterator[tuple[R, PortSet]]:
    for region, grant in regions:
        for ports, part in parts.items():
            if (hit := part & region) and (both := ports & grant.may):
                yield hit, both


class _Ground(msgspec.Struct, frozen=True, eq=False):
    """Classes to which the same policies of a tier apply, and what is left to the tier there."""

    members: int
    applying: _Applying
    named: NamedPorts
    open: Open


class Order:
    """One tier in one direction."""

    def __init__(self, survey: Survey, tier: Tier, direction: Direction, abroad: frozenset[Site]) -> None:
        """`abroad` are rules about pods that the manifests do not hold: what they decide is not known."""
        self._survey = survey
        self._abroad = abroad
        self._tier = tier
        self._direction = direction
        self._policies = survey.cluster.cluster_policies
        self._by_name = direction is Direction.INGRESS and names_ports(self._policies, direction)
        self._live: set[Site] = set()
        self._matching: dict[Site, _Ground] = {}
        self._ties = Ties()
        self._grounds = [] if not self._numbers(tier) else list(self._lay_out())
        for ground in self._grounds:
            self._walk(ground)

    def _numbers(self, tier: Tier) -> list[int]:
        """The tier's policies that apply to someone in this direction, in the order in which they decide."""
        found = [
            number
            for number, policy in enumerate(self._policies)
            if policy.tier is tier and policy.rules(self._direction) and self._survey.cluster_applied[number].possible
        ]
        return sorted(found, key=lambda number: (self._policies[number].priority, self._policies[number].key))

    def unreached(self) -> list[int]:
        """Policies of the Baseline tier all of whose pods are decided by NetworkPolicies."""
        if self._tier is not Tier.BASELINE:
            return []
        isolated = self._survey.isolated(self._direction)
        applied = self._survey.cluster_applied
        return [number for number in self._numbers(self._tier) if not applied[number].possible & ~isolated]

    def dead(self) -> list[Dead]:
        """The rules that never decide."""
        told = set(self.unreached())
        found: list[Dead] = []
        for number in self._numbers(self._tier):
            for at, _ in enumerate(self._policies[number].rules(self._direction)):
                site = (number, at)
                known = site not in self._abroad and not self._names_nodes(site)
                if known and site not in self._live and number not in told:
                    ground = self._matching.get(site)
                    by = () if ground is None else tuple(self._before(site, ground))
                    found.append(Dead(site, by, ground is not None))
        return found

    def _names_nodes(self, site: Site) -> bool:
        """Whether a rule is about nodes too, of which there are some in every cluster, and none in the manifests."""
        if self._survey.population.platform.node_addresses:
            return False
        policy = self._policies[site[0]]
        return any(
            isinstance(peer, NodePeer) and not self._survey.rules.is_unknown(policy, peer)
            for peer in policy.rules(self._direction)[site[1]].peers
        )

    def ties(self) -> list[Tie]:
        """The policies of one priority that disagree, in groups."""
        return self._ties.groups()

    def _lay_out(self) -> Iterator[_Ground]:
        """Group the classes by all that decides about them."""
        ours = self._applying(self._tier)
        above = self._applying(Tier.ADMIN) if self._tier is Tier.BASELINE else {}
        reached = every(1 << at for at in ours)
        if self._tier is Tier.BASELINE:
            reached &= ~self._survey.isolated(self._direction)
        grouped: dict[tuple[_Applying, _Applying, NamedPorts], list[int]] = {}
        for at in bits.indices(reached):
            named = self._survey.population.classes[at].named_ports if self._by_name else ()
            grouped.setdefault((ours[at], above.get(at, ()), named), []).append(at)
        for (applying, before, named), members in grouped.items():
            classes = bits.of(members, self._survey.population.width)
            yield _Ground(classes, applying, named, self._left_by(before, named, self._survey.alone(classes)))

    def _applying(self, tier: Tier) -> dict[int, _Applying]:
        found: dict[int, list[tuple[int, Reasons]]] = {}
        for number in self._numbers(tier):
            hits = self._survey.cluster_applied[number]
            for reasons, part in ((NO_REASONS, hits.sure), *hits.doubtful):
                for at in bits.indices(part):
                    found.setdefault(at, []).append((number, reasons))
        return {at: tuple(entries) for at, entries in found.items()}

    def _left_by(self, applying: _Applying, named: NamedPorts, exempt: int) -> Open:
        """What the Admin tier leaves to the next; everything where nothing of it applies."""
        population = self._survey.population
        pods: dict[PortSet, int] = {}
        outside: dict[PortSet, AddressSet] = {}
        rest, addresses = population.sources & ~exempt, EVERY_ADDRESS
        if applying:
            tiers = Tiers(self._survey.rules, self._survey.grants, population.sources, self._direction)
            row = tiers.row([Applied(self._policies[at], reasons) for at, reasons in applying], named)
            for outcome, region in row.pods.items():
                if outcome.leave and region & rest:
                    put(pods, outcome.leave, region & rest)
                rest &= ~region
            for outcome, part in row.outside.items():
                if outcome.leave:
                    put(outside, outcome.leave, part)
                addresses = addresses - part
        if rest:
            put(pods, ALL_PORTS, rest)
        if addresses:
            put(outside, ALL_PORTS, addresses)
        return Open(pods, outside)

    def _walk(self, ground: _Ground) -> None:
        left = ground.open
        for _, equal in groupby(ground.applying, key=lambda entry: self._policies[entry[0]].priority):
            group = list(equal)
            after = left
            tied: list[list[Told]] = []
            for number, doubt in group:
                tied.append(self._follow(number, ground, left))
                if not doubt:
                    for at, _ in enumerate(self._policies[number].rules(self._direction)):
                        after = after.less(self._match((number, at), ground)[1])
            self._ties.compare(tied, partial(self._witness, ground))
            left = after

    def _follow(self, number: int, ground: _Ground, left: Open) -> list[Told]:
        """What each rule of one policy may decide, and the note that it does."""
        decided: list[Told] = []
        for at, _ in enumerate(self._policies[number].rules(self._direction)):
            site = (number, at)
            action, match = self._match(site, ground)
            if site not in self._matching and (match.pods or match.outside):
                self._matching[site] = ground
            met = [Told(site, action, where, ports) for where, ports in left.met(match)]
            if met:
                self._live.add(site)
                decided.extend(met)
            left = left.less(match)
        return decided

    def _match(self, site: Site, ground: _Ground) -> tuple[Action, Match]:
        policy = self._policies[site[0]]
        rule = policy.rules(self._direction)[site[1]]
        return self._survey.rules.of_cluster_policy(policy, rule, self._direction, ground.named)

    def _witness(self, ground: _Ground, where: Where, ports: PortSet) -> str:
        subject = next(bits.indices(ground.members))
        return witness(self._survey.population, self._direction, subject, where, ports)

    def _before(self, site: Site, ground: _Ground) -> Iterator[Site]:
        """The earlier rules that decide what a rule matches, on one ground."""
        left = Remainder(self._match(site, ground)[1])
        own_priority = self._policies[site[0]].priority
        for number, doubt in ground.applying:
            if number != site[0] and (doubt or self._policies[number].priority >= own_priority):
                continue
            for at, _ in enumerate(self._policies[number].rules(self._direction)):
                earlier = number != site[0] or at < site[1]
                if earlier and left.take(self._match((number, at), ground)[1]):
                    yield number, at
