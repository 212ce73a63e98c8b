"""One side of one connection, told policy by policy: the same question as a row, asked for a single packet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from licet.analysis import assumption
from licet.analysis.grant import NO_REASONS, Grant, Grants, Reasons
from licet.analysis.population import Hits, NamedPorts, Population
from licet.analysis.rules import Match, Rules
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.policy import Action, ClusterPolicy, Direction, NetworkPolicy, NetworkRule, Tier
from licet.model.ports import PortRange, PortSet, Protocol
from licet.model.ternary import Ternary
from licet.model.verdict import Cause

LAYER = {Tier.ADMIN: "Admin", Tier.BASELINE: "Baseline"}
_EFFECT = {Action.ACCEPT: "allow", Action.DENY: "deny", Action.PASS: "pass"}


class Packet(msgspec.Struct, frozen=True):
    """What is asked. `subject` is the class whose policies are read; `peer` the class or address on the other side."""

    direction: Direction
    subject: int
    peer: int | AddressSet
    protocol: Protocol
    port: int
    subject_name: str
    peer_name: str


class Possible(msgspec.Struct, frozen=True):
    """Which ends are possible: at least one of the three is."""

    accept: bool
    deny: bool
    leave: bool


class Told(msgspec.Struct, frozen=True):
    """One side's answer: whether it may let the packet through, whether it may refuse it, why, and on what it hangs."""

    allows: bool
    denies: bool
    causes: tuple[Cause, ...]
    reasons: Reasons = NO_REASONS

    @property
    def hangs_on(self) -> Reasons:
        """What the answer hangs on: nothing where it is settled."""
        return self.reasons if self.allows and self.denies else NO_REASONS


class Side:
    """Reads one cluster's policies for single packets."""

    def __init__(self, cluster: Cluster, population: Population) -> None:
        self._cluster = cluster
        self._population = population
        self._rules = Rules(population, Grants())

    def tell(self, packet: Packet) -> Told:
        """Walk Admin, NetworkPolicy and Baseline in their order."""
        admin, causes, reasons = self._tier(Tier.ADMIN, packet)
        if not admin.leave:
            return Told(admin.accept, admin.deny, causes, reasons)
        behind = self._network(packet)
        return Told(
            admin.accept or behind.allows,
            admin.deny or behind.denies,
            causes + behind.causes,
            reasons | behind.hangs_on,
        )

    def _network(self, packet: Packet) -> Told:
        direction = packet.direction
        applying = [
            (policy, doubt)
            for policy in self._cluster.network_policies
            if policy.rules(direction) is not None
            and (doubt := _doubt(self._population.isolated_by(policy.key.namespace, policy.pods), packet.subject))
            is not None
        ]
        sure = [policy for policy, doubt in applying if not doubt]
        told = [self._policy(policy, doubt, packet) for policy, doubt in applying]
        causes = tuple(cause for one in told for cause in one.causes)
        reasons = NO_REASONS.union(*(one.reasons for one in told), *(doubt for _, doubt in applying))
        allowing = [(one, doubt) for one, (_, doubt) in zip(told, applying, strict=True)]
        if sure:
            allows = any(one.allows for one, _ in allowing)
            denies = not any(not one.denies for one, doubt in allowing if not doubt)
            return Told(allows, denies, causes, reasons)
        base = self._baseline(packet)
        allows = base.allows or any(one.allows for one in told)
        denies = base.denies or any(one.denies for one in told)
        return Told(allows, denies, causes + base.causes, base.hangs_on | reasons)

    def _policy(self, policy: NetworkPolicy, doubt: Reasons, packet: Packet) -> Told:
        """What one NetworkPolicy says on its own to pods that it selects."""
        matched: list[Cause] = []
        surely = False
        reasons = NO_REASONS
        for rule in policy.rules(packet.direction) or ():
            match = self._rules.of_network_policy(policy, rule, packet.direction, self._named(packet))
            answer, why = _matches(match, packet)
            if answer is Ternary.NO:
                continue
            surely = surely or answer is Ternary.YES
            reasons |= why
            matched.append(self._rule_cause(policy, rule, packet, "undetermined" if why or doubt else "allow"))
        if matched:
            return Told(True, not surely, tuple(matched), reasons)
        return Told(False, True, (self._refusal(policy, packet, bool(doubt)),))

    def _rule_cause(self, policy: NetworkPolicy, rule: NetworkRule, packet: Packet, effect: str) -> Cause:
        verb = "allows" if effect == "allow" else "may allow"
        return Cause(
            "NetworkPolicy",
            packet.direction,
            policy.key,
            f"{packet.direction.value}[{rule.index}]",
            effect,
            f"`{policy.key}` selects `{packet.subject_name}` and its rule {verb} "
            f"{_way(packet.direction)} `{packet.peer_name}` on {_port(packet)}",
            policy.place(packet.direction, rule.index),
        )

    def _refusal(self, policy: NetworkPolicy, packet: Packet, doubtful: bool) -> Cause:
        verb = "may select" if doubtful else "selects"
        return Cause(
            "NetworkPolicy",
            packet.direction,
            policy.key,
            "",
            "undetermined" if doubtful else "deny",
            f"`{policy.key}` {verb} `{packet.subject_name}`, and {self._near_miss(policy, packet)}",
            policy.selection_place(),
        )

    def _near_miss(self, policy: NetworkPolicy, packet: Packet) -> str:
        """Why no rule matched; a rule that admits the peer on other ports is the one worth naming."""
        rules = policy.rules(packet.direction) or ()
        if not rules:
            return f"it allows no {packet.direction.value} at all"
        for rule in rules:
            match = self._rules.of_network_policy(policy, rule, packet.direction, self._named(packet))
            admitted = [grant.may for region, grant in _regions(match) if _inside(region, packet)]
            if admitted:
                return (
                    f"`{packet.direction.value}[{rule.index}]` admits `{packet.peer_name}` only on {admitted[0]}, "
                    f"not on {_port(packet)}"
                )
        return f"none of its {packet.direction.value} rules names `{packet.peer_name}` on {_port(packet)}"

    def _baseline(self, packet: Packet) -> Told:
        possible, causes, reasons = self._tier(Tier.BASELINE, packet)
        if possible.leave:
            causes += (
                Cause(
                    "Default",
                    packet.direction,
                    None,
                    "",
                    "allow",
                    f"no policy isolates `{packet.subject_name}` for {packet.direction.value}: what no policy "
                    "restricts is open",
                ),
            )
        return Told(possible.accept or possible.leave, possible.deny, causes, reasons)

    def _tier(self, tier: Tier, packet: Packet) -> tuple[Possible, tuple[Cause, ...], Reasons]:
        accept = deny = leave = False
        causes: list[Cause] = []
        reasons = NO_REASONS
        for _, group in groupby(self._applying(tier, packet), key=lambda a: a[0].priority):
            decided: list[tuple[ClusterPolicy, set[Action]]] = []
            open_end = True
            for policy, doubt in group:
                actions, surely, found, why = self._first_match(policy, doubt, packet)
                causes.extend(found)
                reasons |= why
                open_end = open_end and not surely
                if actions:
                    decided.append((policy, actions))
            ends = {action for _, actions in decided for action in actions}
            reasons |= _ties(decided)
            accept, deny, leave = (
                accept or Action.ACCEPT in ends,
                deny or Action.DENY in ends,
                leave or Action.PASS in ends,
            )
            if not open_end:
                return _settled(Possible(accept, deny, leave), causes, reasons)
        return _settled(Possible(accept, deny, True), causes, reasons)

    def _applying(self, tier: Tier, packet: Packet) -> Iterator[tuple[ClusterPolicy, Reasons]]:
        ordered = sorted(self._cluster.cluster_policies, key=lambda policy: (policy.priority, policy.key))
        for policy in ordered:
            if policy.tier is tier and policy.rules(packet.direction):
                doubt = _doubt(self._population.select(policy.namespaces, policy.pods), packet.subject)
                if doubt is not None:
                    yield policy, doubt

    def _first_match(
        self, policy: ClusterPolicy, doubt: Reasons, packet: Packet
    ) -> tuple[set[Action], bool, list[Cause], Reasons]:
        """(actions that may decide, whether one surely does, causes, what it hangs on)."""
        actions: set[Action] = set()
        causes: list[Cause] = []
        reasons = NO_REASONS
        for rule in policy.rules(packet.direction):
            action, match = self._rules.of_cluster_policy(policy, rule, packet.direction, self._named(packet))
            answer, why = _matches(match, packet)
            if answer is Ternary.NO:
                continue
            actions.add(action)
            reasons |= why | doubt
            sure = answer is Ternary.YES and not doubt
            name = f" (`{rule.name}`)" if rule.name else ""
            verb = _EFFECT[action] if sure else f"may {_EFFECT[action]}"
            causes.append(
                Cause(
                    LAYER[policy.tier],
                    packet.direction,
                    policy.key,
                    f"{packet.direction.value}[{rule.index}]",
                    _EFFECT[action] if sure else "undetermined",
                    f"`{policy.key}`, priority {policy.priority}, applies to `{packet.subject_name}`: its rule{name} "
                    f"says {verb} {_way(packet.direction)} `{packet.peer_name}` on {_port(packet)}",
                    policy.place(packet.direction, rule.index),
                )
            )
            if answer is Ternary.YES:
                return actions, not doubt, causes, reasons
        return actions, False, causes, reasons

    def _named(self, packet: Packet) -> NamedPorts:
        """The named ports that count for ingress: the subject's own."""
        return self._population.classes[packet.subject].named_ports


def _doubt(hits: Hits, subject: int) -> Reasons | None:
    """Why a policy may not apply: nothing where it surely does, None where it surely does not."""
    if hits.sure >> subject & 1:
        return NO_REASONS
    return next((reasons for reasons, part in hits.doubtful if part >> subject & 1), None)


def _settled(possible: Possible, causes: list[Cause], reasons: Reasons) -> tuple[Possible, tuple[Cause, ...], Reasons]:
    """A tier's answer, which hangs on nothing where only one end is possible."""
    ends = possible.accept + possible.deny + possible.leave
    return possible, tuple(causes), reasons if ends > 1 else NO_REASONS


def _inside(region: int | AddressSet, packet: Packet) -> bool:
    if isinstance(packet.peer, AddressSet):
        return isinstance(region, AddressSet) and bool(region & packet.peer)
    return isinstance(region, int) and bool(region >> packet.peer & 1)


def _regions(match: Match) -> Iterator[tuple[int | AddressSet, Grant]]:
    yield from match.pods
    yield from match.outside


def _matches(match: Match, packet: Packet) -> tuple[Ternary, Reasons]:
    point = (packet.protocol, packet.port)
    answer = Ternary.NO
    reasons = NO_REASONS
    for region, grant in _regions(match):
        if point in grant.may and _inside(region, packet):
            if point in grant.must:
                return Ternary.YES, NO_REASONS
            answer = Ternary.UNKNOWN
            reasons |= grant.reasons
    return answer, reasons


def _ties(decided: Iterable[tuple[ClusterPolicy, set[Action]]]) -> Reasons:
    found = list(decided)
    return frozenset(
        assumption.tie(str(a.key), str(b.key))
        for i, (a, first) in enumerate(found)
        for b, second in found[i + 1 :]
        if first != second or len(first) > 1
    )


def _way(direction: Direction) -> str:
    return "traffic from" if direction is Direction.INGRESS else "traffic to"


def _port(packet: Packet) -> str:
    return str(PortSet.of(PortRange(packet.protocol, packet.port, packet.port)))
