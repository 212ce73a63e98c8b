"""One side of every connection: what a direction's policies let through, pod class by pod class."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

import msgspec

from licet.analysis import assumption, bits
from licet.analysis.grant import NO_REASONS, Grant, Grants, Reasons
from licet.analysis.pages import Pages
from licet.analysis.partition import combine, layered, mapped, spread, swept
from licet.analysis.population import NamedPorts, Population, every
from licet.analysis.rules import Rules
from licet.analysis.shelf import Shelf, Swap
from licet.analysis.tiers import Applied, TierRow, Tiers
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.policy import Direction, NetworkPolicy, NetworkRule, Tier
from licet.model.ports import NamedPort


class Row:
    """What one class lets through, by peer: grants over classes and over addresses outside.

    A peer in no part is denied; `admitted` are the classes that are not wholly denied. Rows are shared, and compared by
    identity: classes to which the same policies apply have the same object.
    """

    __slots__ = ("admitted", "outside", "pods")

    def __init__(self, pods: dict[Grant, int], outside: dict[Grant, AddressSet]) -> None:
        self.pods = pods
        self.outside = outside
        self.admitted = every(pods.values())

    def is_like(self, other: Row) -> bool:
        """Whether two rows of one answer, or of answers that came from one another, let the same through."""
        return self is other or (self.pods == other.pods and self.outside == other.outside)


_NOTHING = Row({}, {})


class Selection(msgspec.Struct, frozen=True, cache_hash=True):
    """The policies that apply to a class in one direction, by their numbers: surely, or with a doubt."""

    sure: tuple[int, ...] = ()
    doubtful: tuple[tuple[int, Reasons], ...] = ()
    cluster: tuple[tuple[int, Reasons], ...] = ()

    def without(self, gone: frozenset[int]) -> Selection:
        """The selection with some policies taken away."""
        return Selection(
            tuple(number for number in self.sure if number not in gone),
            tuple(entry for entry in self.doubtful if entry[0] not in gone),
            tuple(entry for entry in self.cluster if entry[0] not in gone),
        )

    def joined(self, number: int, reasons: Reasons, is_network: bool) -> Selection:
        """The selection with one more policy."""
        if not is_network:
            return Selection(self.sure, self.doubtful, (*self.cluster, (number, reasons)))
        if reasons:
            return Selection(self.sure, (*self.doubtful, (number, reasons)), self.cluster)
        return Selection((*self.sure, number), self.doubtful, self.cluster)


_UNGOVERNED = Selection()


class Rows:
    """The rows of one direction."""

    def __init__(
        self, shelf: Shelf, population: Population, grants: Grants, rules: Rules, direction: Direction
    ) -> None:
        self._population = population
        self._grants = grants
        self._rules = rules
        self._direction = direction
        self._tiers = Tiers(rules, grants, population.sources, direction)
        self._shelf = shelf
        self._known: dict[tuple[Selection, NamedPorts, bool], Row] = {}
        self._allowing: dict[int, Row] = {}
        """What policies allow on their own, by number. Shared by the answers that came from one another, since a
        number is given once."""
        self._allowing_by_name: dict[int, dict[NamedPorts, Row]] = {}
        """The same of policies that ask for ports by name, by the named ports of those that they apply to."""
        self._tier_rows: dict[tuple[Tier, tuple[tuple[int, Reasons], ...], NamedPorts], TierRow | None] = {}
        self._open = Row({grants.open: population.sources}, {grants.open: EVERY_ADDRESS})
        selections = self._select_all()
        self._selections = Pages.filled(selections)
        self.of = Pages.filled([self._of(member, selection) for member, selection in enumerate(selections)])

    def swapped(self, shelf: Shelf, swap: Swap) -> tuple[Rows, set[int], dict[int, Row]]:
        """(the rows under another shelf, the classes to which other policies apply, the rows that say something else).

        Policies may be others though the row is like before: they may still mean another thing to a stranger.
        """
        gone = frozenset(swap.gone)
        found = copy(self)
        found._shelf = shelf
        found._known = {}  # or rows of policies long gone would stay for ever
        selections: dict[int, Selection] = {}
        for number in swap.gone:
            for member, _ in self._members(self._shelf, number):
                if member not in selections:
                    selections[member] = self._selections[member].without(gone)
        for number in swap.come:
            is_network = number in shelf.network
            for member, reasons in self._members(shelf, number):
                selection = selections.get(member) or self._selections[member]
                selections[member] = selection.joined(number, reasons, is_network)
        for number in swap.gone:
            self._allowing.pop(number, None)
            self._allowing_by_name.pop(number, None)
        rows = {member: found._of(member, selections[member]) for member in sorted(selections)}
        changed = {member: row for member, row in rows.items() if not row.is_like(self.of[member])}
        found._selections = self._selections.changed(selections)
        found.of = self.of.changed(changed)
        return found, set(selections), changed

    def applying(self, members: Iterable[int]) -> tuple[NetworkPolicy, ...]:
        """The NetworkPolicies that apply, or may apply, to any of these classes."""
        numbers: set[int] = set()
        for member in members:
            selection = self._selections[member]
            numbers.update(selection.sure, [number for number, _ in selection.doubtful])
        return tuple(self._shelf.network[number] for number in sorted(numbers))

    def _members(self, shelf: Shelf, number: int) -> list[tuple[int, Reasons]]:
        """The classes that a policy applies to in this direction, each with why it may not."""
        if (policy := shelf.network.get(number)) is not None:
            if policy.rules(self._direction) is None:
                return []
            hits = self._population.isolated_by(policy.key.namespace, policy.pods)
        else:
            wide = shelf.cluster[number]
            if not wide.rules(self._direction):
                return []
            hits = self._population.select(wide.namespaces, wide.pods)
        found = [(member, NO_REASONS) for member in bits.indices(hits.sure & self._population.pods)]
        for reasons, part in hits.doubtful:
            found.extend((member, reasons) for member in bits.indices(part & self._population.pods))
        return found

    def _select_all(self) -> list[Selection]:
        sure: dict[int, list[int]] = {}
        doubtful: dict[int, list[tuple[int, Reasons]]] = {}
        cluster: dict[int, list[tuple[int, Reasons]]] = {}
        for number in self._shelf.network.numbers():
            for member, reasons in self._members(self._shelf, number):
                if reasons:
                    doubtful.setdefault(member, []).append((number, reasons))
                else:
                    sure.setdefault(member, []).append(number)
        for number in self._shelf.cluster.numbers():
            for entry in self._members(self._shelf, number):
                cluster.setdefault(entry[0], []).append((number, entry[1]))
        out = [_UNGOVERNED] * self._population.width
        for member in sure.keys() | doubtful.keys() | cluster.keys():
            out[member] = Selection(
                tuple(sure.get(member, ())), tuple(doubtful.get(member, ())), tuple(cluster.get(member, ()))
            )
        return out

    def _of(self, member: int, selection: Selection) -> Row:
        if not (selection.sure or selection.doubtful or selection.cluster):
            return self._open
        subject = self._population.classes[member].named_ports if self._direction is Direction.INGRESS else ()
        host = bool(self._population.host >> member & 1)
        key = (selection, subject, host)
        row = self._known.get(key)
        if row is None:
            row = self._row(selection, subject)
            self._known[key] = row = row if host else self._near_nodes(row)
        return row

    def _row(self, selection: Selection, subject: NamedPorts) -> Row:
        behind = self._network_layer(selection, subject)
        return self._after(self._tier(Tier.ADMIN, selection, subject), behind)

    def _near_nodes(self, row: Row) -> Row:
        """No address of a node is surely denied: the pod may run on that very node."""
        nodes = self._population.platform.node_addresses
        if not nodes:
            return row
        grants = self._grants

        def soften(held: Grant) -> Grant:
            return grants.softened(held, assumption.OWN_NODE)

        return Row(row.pods, spread(row.outside, nodes, soften, grants.denied))

    def _network_layer(self, selection: Selection, subject: NamedPorts) -> Row:
        """NetworkPolicies, and where none selects, the Baseline tier (or everything)."""
        if selection.sure:
            return self._isolated(selection.sure, selection.doubtful, subject)
        row = self._after(self._tier(Tier.BASELINE, selection, subject), self._open)
        if selection.doubtful:
            denied = self._grants.denied
            for at, reasons in selection.doubtful:
                alone = self._isolated((at,), (), subject)

                def either_world(a: Grant, b: Grant, reasons: Reasons = reasons) -> Grant:
                    return self._grants.unsettled(a, b, reasons)

                row = Row(
                    combine(row.pods, alone.pods, self._population.sources, (denied, denied), either_world, denied),
                    combine(row.outside, alone.outside, EVERY_ADDRESS, (denied, denied), either_world, denied),
                )
        return row

    def _isolated(self, sure: Iterable[int], doubtful: Iterable[tuple[int, Reasons]], subject: NamedPorts) -> Row:
        """The union of what policies allow; a policy that may not select at all allows only perhaps."""
        row = _NOTHING
        for at in sure:
            row = self._either(row, self._allowed_by(at, subject))
        for at, reasons in doubtful:
            row = self._either(row, self._perhaps(self._allowed_by(at, subject), reasons))
        return row

    def _either(self, a: Row, b: Row) -> Row:
        if not (a.pods or a.outside):
            return b
        if not (b.pods or b.outside):
            return a
        either, denied = self._grants.either, self._grants.denied
        pods, outside = a.pods or b.pods, a.outside or b.outside
        if a.pods and b.pods:
            pods = combine(a.pods, b.pods, self._population.sources, (denied, denied), either, denied)
        if a.outside and b.outside:
            outside = combine(a.outside, b.outside, EVERY_ADDRESS, (denied, denied), either, denied)
        return Row(pods, outside)

    def _perhaps(self, row: Row, reasons: Reasons) -> Row:
        grants = self._grants

        def perhaps(grant: Grant) -> Grant:
            return grants.perhaps(grant, reasons)

        return Row(
            mapped(row.pods, self._population.sources, grants.denied, perhaps, grants.denied),
            mapped(row.outside, EVERY_ADDRESS, grants.denied, perhaps, grants.denied),
        )

    def _allowed_by(self, number: int, subject: NamedPorts) -> Row:
        """What one policy allows, whatever else applies."""
        found = self._allowing.get(number)
        if found is not None:
            return found
        policy = self._shelf.network[number]
        rules = policy.rules(self._direction) or ()
        if self._direction is Direction.EGRESS or not _asks_by_name(rules):
            found = self._allowing[number] = self._allow(policy, rules, ())
            return found
        known = self._allowing_by_name.setdefault(number, {})
        found = known.get(subject)
        if found is None:
            found = known[subject] = self._allow(policy, rules, subject)
        return found

    def _allow(self, policy: NetworkPolicy, rules: Iterable[NetworkRule], subject: NamedPorts) -> Row:
        pods: dict[Grant, int] = {}
        outside: list[tuple[AddressSet, Grant]] = []
        for rule in rules:
            match = self._rules.of_network_policy(policy, rule, self._direction, subject)
            for region, grant in match.pods:
                pods[grant] = pods.get(grant, 0) | region
            outside.extend(match.outside)
        if not pods and not outside:
            return _NOTHING
        either = self._grants.either
        if len(pods) > 1:
            pods = layered([(region, grant) for grant, region in pods.items()], either)
        return Row(pods, swept(outside, either) if len(outside) > 1 else {grant: part for part, grant in outside})

    def _tier(self, tier: Tier, selection: Selection, subject: NamedPorts) -> TierRow | None:
        applied = tuple(a for a in selection.cluster if self._shelf.cluster[a[0]].tier is tier)
        if not applied:
            return None
        key = (tier, applied, subject)
        if key not in self._tier_rows:
            policies = [Applied(self._shelf.cluster[at], reasons) for at, reasons in applied]
            self._tier_rows[key] = self._tiers.row(policies, subject)
        return self._tier_rows[key]

    def _after(self, tier: TierRow | None, behind: Row) -> Row:
        if tier is None:
            return behind
        grants = self._grants
        defaults = (grants.left, grants.denied)
        return Row(
            combine(tier.pods, behind.pods, self._population.sources, defaults, grants.after, grants.denied),
            combine(tier.outside, behind.outside, EVERY_ADDRESS, defaults, grants.after, grants.denied),
        )


def _asks_by_name(rules: Iterable[NetworkRule]) -> bool:
    for rule in rules:
        for port in rule.ports or ():
            if isinstance(port, NamedPort):
                return True
    return False
