"""The target `networkpolicy`: networking.k8s.io/v1, one policy a workload, closed in both directions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from licet.compile import objects
from licet.compile.blocks import blocks
from licet.compile.compiled import Compiled, Remark, Written
from licet.compile.names import PREFIX, policy_names
from licet.compile.peers import PodsPeer, Surroundings
from licet.compile.plan import Plan, Planned, Whole, plan
from licet.compile.rules import Rule, rules
from licet.compile.selectors import Selections
from licet.compile.sides import Sides, judge, sides, without
from licet.compile.table import NETWORK_POLICY
from licet.contracts.agreement import Agreements
from licet.model.cluster import Cluster
from licet.model.policy import Direction
from licet.model.ports import ALL_PORTS, FIRST_PORT, LAST_PORT, PortRange, PortSet
from licet.model.profile import Profile
from licet.model.profiles import DEFAULT, PROFILES
from licet.model.selector import EVERYTHING
from licet.model.ternary import Ternary

_MOST_SINGLE_PORTS = 100
"""How long a run of ports is still written one by one, where the enforcer does not read endPort."""


def compile(
    agreements: Agreements, cluster: Cluster, widen: bool = False, profile: Profile = PROFILES[DEFAULT]
) -> Compiled:
    """Policies that let through what is agreed. `widen` lets through more where the target cannot say it exactly."""
    selections = Selections(cluster)
    planned = plan(agreements, selections, NETWORK_POLICY)
    around = Surroundings(NETWORK_POLICY, selections, cluster.platform, profile, widen)
    found = _with_writable_ports(agreements, sides(agreements, planned, around), profile)
    fidelity, unsupported = judge(agreements, found, NETWORK_POLICY)
    return Compiled(
        NETWORK_POLICY,
        tuple(sorted(_Writer(agreements, found, profile).all(planned), key=lambda written: written.file)),
        fidelity,
        (),
        (*planned.diagnostics, *unsupported),
    )


def _with_writable_ports(agreements: Agreements, found: Sides, profile: Profile) -> Sides:
    lost = {}
    for at, direction in found.carried:
        ports = agreements.agreements[at].ports
        if profile.end_port is not Ternary.YES and sum(map(_entries, ports.ranges())) > _MOST_SINGLE_PORTS:
            lost[at, direction] = f"`{profile.name}` does not read endPort, and {ports} are too many to list"
    return without(found, lost) if lost else found


def _entries(run: PortRange) -> int:
    return 1 if _is_every(run) else run.last - run.first + 1


def _is_every(run: PortRange) -> bool:
    return (run.first, run.last) == (FIRST_PORT, LAST_PORT)


class _Writer:
    """Writes the policies of one compilation."""

    def __init__(self, agreements: Agreements, sides: Sides, profile: Profile) -> None:
        self._agreements = agreements
        self._sides = sides
        self._end_port = profile.end_port is Ternary.YES

    def all(self, planned: Planned) -> Iterator[Written]:
        names = policy_names([plan.isolated.key for plan in planned.plans], cluster_scoped=False)
        for whole in planned.wholes:
            yield self._whole(whole)
        for each in planned.plans:
            yield self._workload(each, names[each.isolated.key])

    def _whole(self, whole: Whole) -> Written:
        sides: dict[Direction, tuple[int, ...] | None] = dict.fromkeys(Direction, ())
        metadata = objects.metadata(PREFIX, NETWORK_POLICY, "", whole.namespace)
        return self._policy(metadata, {}, sides, objects.head_of_namespace(whole))

    def _workload(self, each: Plan, name: str) -> Written:
        key = each.isolated.key
        sides = {direction: each.of(direction) for direction in Direction}
        owner = objects.owner(self._agreements, key)
        metadata = objects.metadata(name, NETWORK_POLICY, owner, key.namespace)
        return self._policy(metadata, objects.match_labels(each.labels), sides, objects.head_of_workload(each))

    def _policy(
        self,
        metadata: dict[str, Any],
        pods: dict[str, Any],
        sides: dict[Direction, tuple[int, ...] | None],
        head: tuple[Remark, ...],
    ) -> Written:
        namespace = metadata["namespace"]
        spec: dict[str, Any] = {"podSelector": pods, "policyTypes": []}
        remarks = list(head)
        for direction, positions in sides.items():
            if positions is None:
                continue
            spec["policyTypes"].append(direction.value.capitalize())
            found = rules(self._agreements, positions, direction, self._sides)
            if found:
                spec[direction.value] = [self._rule(rule, direction, namespace) for rule in found]
            remarks += objects.remarks(self._agreements, direction, found)
        value = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata,
            "spec": spec,
        }
        return Written(f"{namespace}/{metadata['name']}.{NETWORK_POLICY}.yaml", value, tuple(remarks))

    def _rule(self, rule: Rule, direction: Direction, namespace: str) -> dict[str, Any]:
        peers = [_peer(peer, namespace) for peer in rule.pods]
        for block in blocks(rule.addresses):
            excepted = {"except": list(block.excepted)} if block.excepted else {}
            peers.append({"ipBlock": {"cidr": block.cidr} | excepted})
        written: dict[str, Any] = {objects.PEERS[direction]: peers}
        return written if rule.ports == ALL_PORTS else written | {"ports": self._ports(rule.ports)}

    def _ports(self, ports: PortSet) -> list[dict[str, Any]]:
        written: list[dict[str, Any]] = []
        for run in ports.ranges():
            protocol = {"protocol": run.protocol.name}
            if _is_every(run):
                written.append(protocol)
            elif self._end_port and run.last > run.first:
                written.append(protocol | {"port": run.first, "endPort": run.last})
            else:
                written += [protocol | {"port": port} for port in range(run.first, run.last + 1)]
        return written


def _peer(peer: PodsPeer, namespace: str) -> dict[str, Any]:
    if peer.namespace == namespace:
        return {"podSelector": objects.selector(peer.pods)}
    written = {"namespaceSelector": objects.namespace(peer.namespace)}
    return written if peer.pods == EVERYTHING else written | {"podSelector": objects.selector(peer.pods)}
