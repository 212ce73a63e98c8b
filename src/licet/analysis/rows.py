"""One side of every connection: what a direction's policies let through, pod class by pod class."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import msgspec

from licet.analysis import bits
from licet.analysis.grant import NO_REASONS, Grant, Grants, Reasons
from licet.analysis.partition import combine, spread
from licet.analysis.population import NamedPorts, Population
from licet.analysis.rules import Rules
from licet.analysis.tiers import Applied, TierRow, Tiers
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.cluster import Cluster
from licet.model.policy import ClusterPolicy, Direction, NetworkPolicy, Tier


class Row(msgspec.Struct, frozen=True, eq=False):
    """What one class lets through, by peer: grants over classes and over addresses outside.

    A peer in no part is denied. Rows are shared: classes to which the same policies apply have the same object.
    """

    pods: dict[Grant, int]
    outside: dict[Grant, AddressSet]


class Selection(msgspec.Struct, frozen=True, cache_hash=True):
    """The policies that apply to a class in one direction: surely, or with a doubt. Positions in the input's order."""

    sure: tuple[int, ...] = ()
    doubtful: tuple[tuple[int, Reasons], ...] = ()
    cluster: tuple[tuple[int, Reasons], ...] = ()


_UNGOVERNED = Selection()


class Rows:
    """The rows of one direction."""

    def __init__(
        self, cluster: Cluster, population: Population, grants: Grants, rules: Rules, direction: Direction
    ) -> None:
        self._population = population
        self._grants = grants
        self._rules = rules
        self._direction = direction
        self._tiers = Tiers(rules, grants, population.sources, direction)
        self._network = cluster.network_policies
        self._cluster = cluster.cluster_policies
        self.open = Row({grants.open: population.sources}, {grants.open: EVERY_ADDRESS})
        self._known: dict[tuple[Selection, NamedPorts], Row] = {}
        self._tier_rows: dict[tuple[Tier, tuple[tuple[int, Reasons], ...], NamedPorts], TierRow | None] = {}
        self.of = self._all(self._selections())

    def _selections(self) -> list[Selection]:
        width = self._population.width
        sure: dict[int, list[int]] = {}
        doubtful: dict[int, list[tuple[int, Reasons]]] = {}
        cluster: dict[int, list[tuple[int, Reasons]]] = {}
        for at, policy in enumerate(self._network):
            if policy.rules(self._direction) is None:
                continue
            hits = self._population.isolated_by(policy.key.namespace, policy.pods)
            for member in bits.indices(hits.sure):
                sure.setdefault(member, []).append(at)
            for reasons, part in hits.doubtful:
                for member in bits.indices(part):
                    doubtful.setdefault(member, []).append((at, reasons))
        for at, wide in enumerate(self._cluster):
            if not wide.rules(self._direction):
                continue
            hits = self._population.select(wide.namespaces, wide.pods)
            for reasons, part in ((NO_REASONS, hits.sure), *hits.doubtful):
                for member in bits.indices(part & self._population.pods):
                    cluster.setdefault(member, []).append((at, reasons))
        out = [_UNGOVERNED] * width
        for member in sure.keys() | doubtful.keys() | cluster.keys():
            out[member] = Selection(
                tuple(sure.get(member, ())), tuple(doubtful.get(member, ())), tuple(cluster.get(member, ()))
            )
        return out

    def _all(self, selections: list[Selection]) -> list[Row]:
        out: list[Row] = []
        for member, selection in enumerate(selections):
            if selection is _UNGOVERNED:
                out.append(self.open)
                continue
            subject = self._population.classes[member].named_ports if self._direction is Direction.INGRESS else ()
            key = (selection, subject)
            row = self._known.get(key)
            if row is None:
                row = self._known[key] = self._row(selection, subject)
            out.append(row)
        return out

    def _row(self, selection: Selection, subject: NamedPorts) -> Row:
        behind = self._network_layer(selection, subject)
        return self._after(self._tier(Tier.ADMIN, selection, subject), behind)

    def _network_layer(self, selection: Selection, subject: NamedPorts) -> Row:
        """NetworkPolicies, and where none selects, the Baseline tier (or everything)."""
        if selection.sure:
            return self._isolated(selection.sure, selection.doubtful, subject)
        row = self._after(self._tier(Tier.BASELINE, selection, subject), self.open)
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
        grants = self._grants
        pods: dict[Grant, int] = {}
        outside: dict[Grant, AddressSet] = {}
        for at, reasons in (*((at, NO_REASONS) for at in sure), *doubtful):
            policy: NetworkPolicy = self._network[at]
            for rule in policy.rules(self._direction) or ():
                match = self._rules.of_network_policy(policy, rule, self._direction, subject)
                for region, grant in match.pods:
                    granted = grants.perhaps(grant, reasons) if reasons else grant
                    pods = spread(pods, region, partial(grants.either, granted), grants.denied)
                for addresses, grant in match.outside:
                    granted = grants.perhaps(grant, reasons) if reasons else grant
                    outside = spread(outside, addresses, partial(grants.either, granted), grants.denied)
        return Row(pods, outside)

    def _tier(self, tier: Tier, selection: Selection, subject: NamedPorts) -> TierRow | None:
        applied = tuple(a for a in selection.cluster if self._cluster[a[0]].tier is tier)
        if not applied:
            return None
        key = (tier, applied, subject)
        if key not in self._tier_rows:
            policies: list[Applied] = [Applied(self._wide(at), reasons) for at, reasons in applied]
            self._tier_rows[key] = self._tiers.row(policies, subject)
        return self._tier_rows[key]

    def _wide(self, at: int) -> ClusterPolicy:
        return self._cluster[at]

    def _after(self, tier: TierRow | None, behind: Row) -> Row:
        if tier is None:
            return behind
        grants = self._grants
        defaults = (grants.left, grants.denied)
        return Row(
            combine(tier.pods, behind.pods, self._population.sources, defaults, grants.after, grants.denied),
            combine(tier.outside, behind.outside, EVERY_ADDRESS, defaults, grants.after, grants.denied),
        )
