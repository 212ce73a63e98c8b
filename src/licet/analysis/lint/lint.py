"""Everything that can be said of policies, topic by topic, in the order of the input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from licet.analysis import findings
from licet.analysis.lint.backends import dangling
from licet.analysis.lint.equality import equal_policies, equal_rules
from licet.analysis.lint.order import Order
from licet.analysis.lint.peers import Absence, Nameless, Peers, Unused, denies_names, near
from licet.analysis.lint.shadow import Shadows, Site
from licet.analysis.lint.survey import Survey
from licet.analysis.lint.use import Use
from licet.analysis.lint.words import (
    counted,
    policy_name,
    port_name,
    rule_name,
    selector_text,
    some,
    workload_names,
)
from licet.analysis.reach import Reach
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.model.policy import (
    BlockPeer,
    ClusterPolicy,
    ClusterRule,
    Direction,
    NetworkPolicy,
    NetworkRule,
    PodPeer,
    Tier,
)
from licet.model.selector import EVERYTHING, Selector
from licet.model.ternary import Ternary


def lint(reach: Reach, unread: bool = False) -> list[Diagnostic]:
    """Findings on the policies of an answer, in the order of the input: NetworkPolicies, cluster policies, routes.

    `unread` says that the manifests hold objects of unknown kinds: findings on what is not there then say so.

    Rules that are told of as shadowed, empty or equal to others can be taken out, all together, without changing who
    reaches whom among the pods of the cluster.
    """
    return _Linter(reach, unread).lint()


class _Linter:
    def __init__(self, reach: Reach, unread: bool) -> None:
        self._unread = (findings.UNREAD,) if unread else ()
        self._survey = Survey(reach)
        self._peers = Peers(self._survey)
        self._told: list[tuple[tuple[int, int, int, int], Diagnostic]] = []
        self._elsewhere: dict[tuple[Selector, Selector], list[Place]] = {}
        self._explained: set[tuple[int, Direction, int]] = set()
        self._abroad: set[tuple[int, Direction, int]] = set()

    def lint(self) -> list[Diagnostic]:
        cluster = self._survey.cluster
        self._selections()
        self._cluster_selections()
        for number, policy in enumerate(cluster.network_policies):
            self._rules(number, policy, self._survey.applied[number].possible)
        offset = len(cluster.network_policies)
        for number, wide in enumerate(cluster.cluster_policies):
            self._rules(offset + number, wide, self._survey.cluster_applied[number].possible)
        self._shadows()
        self._halves()
        for direction in Direction:
            for tier in Tier:
                abroad = self._sites_abroad(direction, offset)
                self._order(Order(self._survey, tier, direction, abroad), direction)
        ordered = [finding for _, finding in sorted(self._told, key=lambda told: told[0])]
        return [*ordered, *self._backends(), *self._peers_elsewhere()]

    def _tell(self, number: int, finding: Diagnostic, direction: Direction | None = None, rule: int = 0) -> None:
        side = 0 if direction is None else 1 + list(Direction).index(direction)
        self._told.append(((number, side, rule, len(self._told)), finding))

    # --- whom policies select ---

    def _selections(self) -> None:
        population = self._survey.population
        empty: dict[str, list[int]] = {}
        for number, policy in enumerate(self._survey.cluster.network_policies):
            possible = self._survey.applied[number].possible
            on_hosts = bool(population.host) and self._on_hosts(number, policy, possible)
            if possible or on_hosts:
                continue
            around = population.in_namespace(policy.key.namespace)
            if not around:
                empty.setdefault(policy.key.namespace, []).append(number)
                continue
            meant = near(population, around, policy.pods)
            notes = self._perhaps(meant)
            finding = findings.selects_nothing(policy.selection_place(), policy_name(policy.key), meant, notes)
            self._tell(number, finding)
        for namespace, numbers in empty.items():
            place = self._survey.cluster.network_policies[numbers[0]].selection_place()
            said = f"{counted(len(numbers), 'policy')} {'is' if len(numbers) == 1 else 'are'}"
            self._tell(numbers[0], findings.selects_nobody_here(place, said, f"namespace `{namespace}`"))

    def _on_hosts(self, number: int, policy: NetworkPolicy, applied: int) -> bool:
        """Whether hostNetwork pods have the labels that a policy selects, and the finding that they do."""
        population = self._survey.population
        answer = population.profile.selects_host_network
        host = population.behind(policy.key.namespace, policy.pods).sure & population.host
        if not host or answer is Ternary.YES:
            return False
        names = some([f"`{name}`" for name in workload_names(population, host)])
        verb = "does not" if answer is Ternary.NO else "may not"
        said = f"`{policy_name(policy.key)}` {verb} apply to {names}"
        self._tell(number, findings.host_network(policy.selection_place(), said, not applied & ~population.host))
        return True

    def _cluster_selections(self) -> None:
        population = self._survey.population
        offset = len(self._survey.cluster.network_policies)
        for number, policy in enumerate(self._survey.cluster.cluster_policies):
            if self._survey.cluster_applied[number].possible:
                continue
            place = Place(policy.origin, ("spec", "subject"))
            around = population.select(policy.namespaces, EVERYTHING).possible
            if around:
                meant = near(population, around, policy.pods)
                finding = findings.selects_nothing(place, policy_name(policy.key), meant, self._perhaps(meant))
            else:
                chosen = f"namespaces `{selector_text(policy.namespaces)}`"
                finding = findings.selects_nobody_here(place, f"`{policy_name(policy.key)}` is", chosen)
            self._tell(offset + number, finding)

    # --- what rules match ---

    def _rules(self, number: int, policy: NetworkPolicy | ClusterPolicy, subjects: int) -> None:
        if not subjects:
            return
        for direction in Direction:
            rules: Sequence[NetworkRule | ClusterRule] = policy.rules(direction) or ()
            for at, rule in enumerate(rules):
                name = rule_name(policy, direction, rule.index)
                if isinstance(rule, ClusterRule) and denies_names(rule):
                    where = policy.place(direction, rule.index)
                    self._tell(number, findings.names_to_deny(where, name, rule.action), direction, at)
                unused = self._peers.unused(policy, rule, direction, subjects)
                for one in unused:
                    self._unused(number, name, direction, at, one)
                if unused and unused[0].whole:
                    self._explained.add((number, direction, at))
                    continue
                for nameless in self._peers.nameless(policy, rule, direction, subjects):
                    self._tell(number, _nameless(name, direction, nameless), direction, at)
                    if nameless.whole:
                        self._explained.add((number, direction, at))

    def _unused(self, number: int, name: str, direction: Direction, at: int, unused: Unused) -> None:
        peer = unused.peer
        if isinstance(peer, BlockPeer):
            self._tell(number, findings.empty_block(unused.place, name, peer.text, unused.whole), direction, at)
        elif isinstance(peer, PodPeer) and unused.absence is Absence.NAMESPACES:
            self._elsewhere.setdefault((peer.namespaces or EVERYTHING, peer.pods), []).append(unused.place)
            self._abroad.add((number, direction, at))
        elif unused.absence is Absence.HOSTS:
            self._tell(number, findings.hosts_only(unused.place, name, unused.whole), direction, at)
        else:
            notes = self._perhaps(unused.meant)
            finding = findings.unused_peer(unused.place, name, unused.meant, unused.whole, notes)
            self._tell(number, finding, direction, at)

    def _perhaps(self, meant: str) -> tuple[str, ...]:
        """The doubt about something that is not there, unless something close to it is."""
        return () if meant else self._unread

    def _peers_elsewhere(self) -> Iterator[Diagnostic]:
        """One finding for all peers that are the same: DNS, say, is meant by every other policy."""
        for (namespaces, pods), places in self._elsewhere.items():
            rules = f"{counted(len(places), 'rule')} {'names' if len(places) == 1 else 'name'} pods"
            chosen = "" if pods == EVERYTHING else f" `{selector_text(pods)}`"
            yield findings.elsewhere(places[0], selector_text(namespaces), f"{rules}{chosen} of namespaces")

    def _backends(self) -> Iterator[Diagnostic]:
        for one in dangling(self._survey.cluster):
            name = f"{one.backend.namespace}/{one.backend.name}"
            if one.service is None:
                said = f"the Service `{name}`, which the manifests do not hold"
            else:
                said = f"port `{one.backend.port}` of the Service `{name}`, which has no such port"
            notes = self._perhaps(one.meant) if one.service is None else ()
            yield findings.no_backend(one.backend.place, str(one.route.key), said, one.meant, one.around, notes)

    # --- rules that others make idle ---

    def _shadows(self) -> None:
        policies = self._survey.cluster.network_policies
        twins = dict(equal_policies(policies))
        for number, first in twins.items():
            where = Place(policies[number].origin, ("metadata", "name"))
            names = policy_name(policies[number].key), policy_name(policies[first].key)
            self._tell(number, findings.equal_policies(where, *names))
        for direction in Direction:
            spared: set[Site] = {
                (number, at) for number in twins for at, _ in enumerate(policies[number].rules(direction) or ())
            }
            for number, policy in enumerate(policies):
                if number in twins:
                    continue
                for at, first in equal_rules(policy, direction):
                    spared.add((number, at))
                    self._tell(number, self._equal_rules(policy, direction, at, first), direction, at)
            self._explained.update((number, direction, at) for number, at in spared)
            for shadow in Shadows(self._survey, direction, frozenset(spared), self._sites_abroad(direction, 0)).find():
                self._shadow(shadow.site, direction, shadow.by, shadow.by_meaning)

    def _equal_rules(self, policy: NetworkPolicy, direction: Direction, at: int, first: int) -> Diagnostic:
        rules = policy.rules(direction) or ()
        names = [rule_name(policy, direction, rules[position].index) for position in (at, first)]
        return findings.equal_rules(policy.place(direction, rules[at].index), *names)

    def _shadow(self, site: Site, direction: Direction, by: tuple[Site, ...], sure: bool) -> None:
        number, at = site
        told = (number, direction, at) in self._explained
        self._explained.add((number, direction, at))
        policy = self._survey.cluster.network_policies[number]
        index = (policy.rules(direction) or ())[at].index
        where, name = policy.place(direction, index), rule_name(policy, direction, index)
        if by:
            finding = findings.shadowed(where, name, self._network_rules(by, direction), sure)
            self._tell(number, finding, direction, at)
        elif not told:
            self._tell(number, findings.empty_rule(where, name), direction, at)

    def _network_rules(self, sites: tuple[Site, ...], direction: Direction) -> str:
        policies = self._survey.cluster.network_policies
        return some(
            [
                rule_name(policies[number], direction, (policies[number].rules(direction) or ())[at].index)
                for number, at in sites
            ]
        )

    def _sites_abroad(self, direction: Direction, offset: int) -> frozenset[Site]:
        """The rules about pods that are elsewhere, by the positions of policies from `offset` on."""
        return frozenset((number - offset, at) for number, way, at in self._abroad if way is direction)

    def _halves(self) -> None:
        """Rules of which nothing else has been said."""
        use = Use(self._survey)
        passed_over = self._explained | self._abroad
        for number, policy in enumerate(self._survey.cluster.network_policies):
            if not self._survey.applied[number].possible:
                continue
            for direction in Direction:
                side = "source's" if direction is Direction.INGRESS else "destination's"
                for at, rule in enumerate(policy.rules(direction) or ()):
                    if (number, direction, at) in passed_over:
                        continue
                    if not use.is_used(number, at, direction):
                        name, where = rule_name(policy, direction, rule.index), policy.place(direction, rule.index)
                        self._tell(number, findings.half_an_edge(where, name, side), direction, at)

    def _order(self, order: Order, direction: Direction) -> None:
        policies = self._survey.cluster.cluster_policies
        offset = len(self._survey.cluster.network_policies)

        def name(site: Site) -> str:
            policy = policies[site[0]]
            return rule_name(policy, direction, policy.rules(direction)[site[1]].index)

        def place(site: Site) -> Place:
            policy = policies[site[0]]
            return policy.place(direction, policy.rules(direction)[site[1]].index)

        for number in order.unreached():
            policy = policies[number]
            pods = some(
                [f"`{w}`" for w in workload_names(self._survey.population, self._survey.cluster_applied[number].sure)]
            )
            where = Place(policy.origin, ("spec", direction.value))
            finding = findings.behind_network_policies(where, policy_name(policy.key), direction.value, pods)
            self._tell(offset + number, finding, direction)
        for dead in order.dead():
            number, at = dead.site
            if dead.matches:
                by = some([name(earlier) for earlier in dead.by]) or "NetworkPolicies and the tier before it"
                self._tell(
                    offset + number, findings.never_decides(place(dead.site), name(dead.site), by), direction, at
                )
            elif (offset + number, direction, at) not in self._explained:
                self._tell(offset + number, findings.empty_rule(place(dead.site), name(dead.site)), direction, at)
        for tie in order.ties():
            tied = findings.Tied(
                name(tie.second),
                name(tie.first),
                len(tie.policies),
                some([f"`{policy_name(policies[number].key)}`" for number in tie.policies]),
                policies[tie.second[0]].priority,
            )
            finding = findings.tie(place(tie.second), tied, tie.witness)
            self._tell(offset + tie.second[0], finding, direction, tie.second[1])


def _nameless(name: str, direction: Direction, nameless: Nameless) -> Diagnostic:
    if nameless.outside:
        whose = "means nothing outside the cluster"
    elif direction is Direction.INGRESS:
        whose = "no pod has that the policy selects"
    else:
        whose = "no pod has that the rule leads to"
    return findings.nameless_port(nameless.place, name, port_name(nameless.port), whose, nameless.meant, nameless.whole)
