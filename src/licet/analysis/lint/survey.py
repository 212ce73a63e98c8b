"""What every question about policies needs: whom each applies to, and which pods are governed alike."""

from __future__ import annotations

from functools import cached_property

import msgspec

from licet.analysis import bits
from licet.analysis.population import Hits, NamedPorts, every
from licet.analysis.reach import Reach
from licet.analysis.rules import Match, Rules
from licet.model.policy import ClusterPolicy, Direction, NetworkPolicy
from licet.model.ports import NamedPort


class Stand(msgspec.Struct, frozen=True, eq=False):
    """Classes to which the same NetworkPolicies surely apply in one direction, and on which port names mean the same.

    `policies` are positions in `Cluster.network_policies`.
    """

    members: int
    policies: tuple[int, ...]
    named: NamedPorts


class Stands(msgspec.Struct, frozen=True, eq=False):
    """The stands of one direction, and for every class the position of its own.

    `matches` remembers what rules match, by (policy, rule, stand).
    """

    stands: list[Stand]
    of_class: list[int]
    matches: dict[tuple[int, int, int], Match]


class Survey:
    """One answer, looked at policy by policy. `applied` and `cluster_applied` are by position in the cluster."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self.cluster = reach.cluster
        self.population = reach.population
        self.grants = reach.grants
        self.rules = Rules(self.population, self.grants)
        self.applied = [self.population.isolated_by(p.key.namespace, p.pods) for p in self.cluster.network_policies]
        self.cluster_applied = [self._subjects(policy) for policy in self.cluster.cluster_policies]
        self._stands: dict[Direction, Stands] = {}

    def _subjects(self, policy: ClusterPolicy) -> Hits:
        hits = self.population.select(policy.namespaces, policy.pods)
        pods = self.population.pods
        return Hits(hits.sure & pods, tuple((r, kept) for r, part in hits.doubtful if (kept := part & pods)))

    def match(self, number: int, at: int, direction: Direction, position: int) -> Match:
        """What a rule of a NetworkPolicy matches for the pods of a stand."""
        stands = self.stands(direction)
        key = (number, at, position)
        found = stands.matches.get(key)
        if found is None:
            policy = self.cluster.network_policies[number]
            rules = policy.rules(direction) or ()
            named = stands.stands[position].named
            found = stands.matches[key] = self.rules.of_network_policy(policy, rules[at], direction, named)
        return found

    def stands(self, direction: Direction) -> Stands:
        """How the pods stand in one direction."""
        found = self._stands.get(direction)
        if found is None:
            found = self._stands[direction] = self._group(direction)
        return found

    def _group(self, direction: Direction) -> Stands:
        width = self.population.width
        policies: list[list[int]] = [[] for _ in range(width)]
        for number, policy in enumerate(self.cluster.network_policies):
            if policy.rules(direction) is not None:
                for member in bits.indices(self.applied[number].sure):
                    policies[member].append(number)
        by_name = direction is Direction.INGRESS and names_ports(self.cluster.network_policies, direction)
        positions: dict[tuple[tuple[int, ...], NamedPorts], int] = {}
        members: list[list[int]] = []
        of_class = [0] * width
        for at in range(width):
            key = (tuple(policies[at]), self.population.classes[at].named_ports if by_name else ())
            position = positions.get(key)
            if position is None:
                position = positions[key] = len(members)
                members.append([])
            members[position].append(at)
            of_class[at] = position
        stands = [
            Stand(bits.of(classes, width) & self.population.pods, numbers, named)
            for (numbers, named), classes in zip(positions, members, strict=True)
        ]
        return Stands(stands, of_class, {})

    def isolated(self, direction: Direction) -> int:
        """The classes to which some NetworkPolicy surely applies in a direction."""
        return every(stand.members for stand in self.stands(direction).stands if stand.policies)

    @cached_property
    def routed(self) -> int:
        """The classes that an ingress controller or a gateway is led to."""
        return every(1 << at for grants in self.reach.routed.values() for at in grants)

    def alone(self, classes: int) -> int:
        """The class itself where `classes` is nothing but one bare pod: of its traffic to itself no policy decides."""
        if classes.bit_count() != 1:
            return 0
        members = self.population.classes[classes.bit_length() - 1].members
        single = len(members) == 1 and self.population.workloads[members[0]].key.kind == "Pod"
        return classes if single else 0


def names_ports(policies: tuple[NetworkPolicy, ...] | tuple[ClusterPolicy, ...], direction: Direction) -> bool:
    """Whether some rule of a direction asks for a port by its name."""
    return any(
        isinstance(port, NamedPort)
        for policy in policies
        for rule in policy.rules(direction) or ()
        for port in rule.ports or ()
    )
