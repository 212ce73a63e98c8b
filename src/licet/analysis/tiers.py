"""Cluster policies in their order: what a tier may do with a connection, peer by peer."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import combinations, groupby
from typing import TypeAlias, TypeVar

import msgspec

from licet.analysis import assumption
from licet.analysis.grant import NO_REASONS, Grant, Grants, Outcome, Reasons
from licet.analysis.partition import Region, combine, mapped, spread
from licet.analysis.population import NamedPorts
from licet.analysis.rules import Rules
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.policy import Action, ClusterPolicy, Direction
from licet.model.ports import ALL_PORTS, NO_PORTS

R = TypeVar("R", bound=Region)

Decided: TypeAlias = tuple[tuple[str, Outcome], ...]
"""Policies by name that decide something, each with its outcome on its own."""

_NOBODY: Decided = ()


class Applied(msgspec.Struct, frozen=True):
    """A cluster policy as it applies to some pods; `doubt` holds why it may not apply to them at all."""

    policy: ClusterPolicy
    doubt: Reasons


class TierRow(msgspec.Struct, frozen=True):
    """What one tier may do, by peer; a peer in no part is left to the next layer."""

    pods: dict[Outcome, int]
    outside: dict[Outcome, AddressSet]


class Tiers:
    """Evaluates a tier for one direction."""

    def __init__(self, rules: Rules, grants: Grants, sources: int, direction: Direction) -> None:
        self._rules = rules
        self._grants = grants
        self._sources = sources
        self._direction = direction

    def row(self, applied: Iterable[Applied], subject: NamedPorts) -> TierRow:
        """The outcome of the policies, which are all of one tier and apply to pods with these named ports."""
        start = self._grants.start
        pods: dict[Outcome, int] = {}
        outside: dict[Outcome, AddressSet] = {}
        ordered = sorted(
            (a for a in applied if a.policy.rules(self._direction)), key=lambda a: (a.policy.priority, a.policy.key)
        )
        for _, tied in groupby(ordered, key=lambda a: a.policy.priority):
            group = list(tied)
            if len(group) == 1 and not group[0].doubt:
                pods, outside = self._follow(group[0].policy, subject, pods, outside)
                continue
            alone = [(str(one.policy.key), *self._alone(one, subject)) for one in group]
            tied_pods = self._tie([(name, own) for name, own, _ in alone], self._sources)
            tied_outside = self._tie([(name, own) for name, _, own in alone], EVERY_ADDRESS)
            pods = combine(pods, tied_pods, self._sources, (start, start), self._then, start)
            outside = combine(outside, tied_outside, EVERY_ADDRESS, (start, start), self._then, start)
        left = self._grants.left
        return TierRow(
            mapped(pods, self._sources, start, self._finish, left),
            mapped(outside, EVERY_ADDRESS, start, self._finish, left),
        )

    def _alone(self, applied: Applied, subject: NamedPorts) -> tuple[dict[Outcome, int], dict[Outcome, AddressSet]]:
        """One policy's outcome on its own. Where it may not apply, all its rules stand aside together."""
        pods, outside = self._follow(applied.policy, subject, {}, {})
        if not applied.doubt:
            return pods, outside
        start = self._grants.start
        doubted = partial(self._doubted, applied.doubt)
        return mapped(pods, self._sources, start, doubted, start), mapped(outside, EVERY_ADDRESS, start, doubted, start)

    def _doubted(self, doubt: Reasons, outcome: Outcome) -> Outcome:
        if outcome is self._grants.start:
            return outcome
        return self._grants.outcome(outcome.accept, outcome.deny, outcome.leave, ALL_PORTS, outcome.reasons | doubt)

    def _follow(
        self, policy: ClusterPolicy, subject: NamedPorts, pods: dict[Outcome, int], outside: dict[Outcome, AddressSet]
    ) -> tuple[dict[Outcome, int], dict[Outcome, AddressSet]]:
        for rule in policy.rules(self._direction):
            action, match = self._rules.of_cluster_policy(policy, rule, self._direction, subject)
            pods = self._step(pods, match.pods, action)
            outside = self._step(outside, match.outside, action)
        return pods, outside

    def _step(self, parts: dict[Outcome, R], matches: Iterable[tuple[R, Grant]], action: Action) -> dict[Outcome, R]:
        for region, grant in matches:
            parts = spread(parts, region, partial(self._decided, action, grant), self._grants.start)
        return parts

    def _decided(self, action: Action, grant: Grant, before: Outcome) -> Outcome:
        return self._grants.move(("decide", before, action, grant), lambda: self._decide(before, action, grant))

    def _decide(self, before: Outcome, action: Action, grant: Grant) -> Outcome:
        hit = before.undecided & grant.may
        if not hit:
            return before
        return self._grants.outcome(
            before.accept | hit if action is Action.ACCEPT else before.accept,
            before.deny | hit if action is Action.DENY else before.deny,
            before.leave | hit if action is Action.PASS else before.leave,
            before.undecided - grant.must,
            before.reasons | grant.reasons if hit - grant.must else before.reasons,
        )

    def _tie(self, alone: Iterable[tuple[str, dict[Outcome, R]]], universe: R) -> dict[Outcome, R]:
        """Policies of one priority: any may come first, so where several decide, all their outcomes are possible."""
        start = self._grants.start
        decided: dict[Decided, R] = {}
        for name, parts in alone:

            def beside(before: Decided, own: Outcome, name: str = name) -> Decided:
                return before if own is start else (*before, (name, own))

            decided = combine(decided, parts, universe, (_NOBODY, start), beside, _NOBODY)
        return mapped(decided, universe, _NOBODY, self._joined, start)

    def _joined(self, decided: Decided) -> Outcome:
        return self._grants.move(("tie", decided), lambda: self._join(decided)) if decided else self._grants.start

    def _join(self, decided: Decided) -> Outcome:
        accept = deny = leave = NO_PORTS
        undecided = ALL_PORTS
        reasons = NO_REASONS
        for _, own in decided:
            accept, deny, leave = accept | own.accept, deny | own.deny, leave | own.leave
            undecided &= own.undecided
            reasons |= own.reasons
        ties = {assumption.tie(a, b) for (a, first), (b, second) in combinations(decided, 2) if _differ(first, second)}
        return self._grants.outcome(accept, deny, leave, undecided, reasons | ties)

    def _then(self, before: Outcome, group: Outcome) -> Outcome:
        return self._grants.move(("then", before, group), lambda: self._follow_on(before, group))

    def _follow_on(self, before: Outcome, group: Outcome) -> Outcome:
        still = before.undecided
        return self._grants.outcome(
            before.accept | (still & group.accept),
            before.deny | (still & group.deny),
            before.leave | (still & group.leave),
            still & group.undecided,
            before.reasons | group.reasons if still else before.reasons,
        )

    def _finish(self, outcome: Outcome) -> Outcome:
        accept, deny, leave = outcome.accept, outcome.deny, outcome.leave | outcome.undecided
        settled = not (accept & deny or accept & leave or deny & leave)
        return self._grants.outcome(accept, deny, leave, NO_PORTS, NO_REASONS if settled else outcome.reasons)


def _differ(a: Outcome, b: Outcome) -> bool:
    """Whether it matters on some port which of the two decides."""
    return bool((a.accept & (b.deny | b.leave)) or (a.deny & (b.accept | b.leave)) or (a.leave & (b.accept | b.deny)))
