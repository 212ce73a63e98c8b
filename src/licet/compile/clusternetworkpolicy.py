"""The target `clusternetworkpolicy`: policy.networking.k8s.io/v1alpha2, a ceiling that no NetworkPolicy lifts.

What is agreed is passed on to NetworkPolicies, everything else is denied. Pods stand before addresses, since
`networks` matches pods' addresses too: whoever gets past the first denial is no pod.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from licet.compile import objects
from licet.compile.blocks import cidrs
from licet.compile.compiled import Compiled, Remark, Unclosed, Written
from licet.compile.names import PREFIX, policy_names
from licet.compile.peers import PodsPeer, Surroundings
from licet.compile.plan import Plan, Planned, Whole, plan
from licet.compile.rules import Rule, rules
from licet.compile.selectors import Selections
from licet.compile.sides import Sides, judge, sides, without
from licet.compile.table import CLUSTER_NETWORK_POLICY, NO_INGRESS
from licet.contracts.agreement import Agreements
from licet.model.addresses import EVERY_ADDRESS
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import Action, Direction
from licet.model.ports import ALL_PORTS, PortSet
from licet.model.profile import Profile
from licet.model.profiles import DEFAULT, PROFILES
from licet.model.selector import EVERYTHING

PRIORITY = 999
"""Nearly the last of the tier, so that a Pass does not skip what administrators deny there."""
PRIORITY_OF_NAMESPACES = 1000
"""After the policies of its workloads, which have decided by then."""
MOST = 25
"""Rules in one direction, peers and protocols in one rule, blocks in one peer (the resource definition's maxItems)."""

_DENIALS = {Direction.INGRESS: 1, Direction.EGRESS: 2}
_EVERY_POD: dict[str, Any] = {"namespaces": {}}


def compile(
    agreements: Agreements, cluster: Cluster, widen: bool = False, profile: Profile = PROFILES[DEFAULT]
) -> Compiled:
    """Policies that pass on what is agreed. `widen` passes on more where the target cannot say it exactly."""
    selections = Selections(cluster)
    planned = plan(agreements, selections, CLUSTER_NETWORK_POLICY)
    around = Surroundings(CLUSTER_NETWORK_POLICY, selections, cluster.platform, profile, widen)
    found = _within_limits(agreements, planned, sides(agreements, planned, around))
    fidelity, unsupported = judge(agreements, found, CLUSTER_NETWORK_POLICY)
    isolated = [isolated for _, isolated in sorted(agreements.isolated.items()) if isolated.ingress]
    written_for = {each.isolated.key for each in planned.plans} | {
        one.key for whole in planned.wholes for one in isolated if one.key.namespace == whole.namespace
    }
    return Compiled(
        CLUSTER_NETWORK_POLICY,
        tuple(sorted(_Writer(agreements, found).all(planned), key=lambda written: written.file)),
        fidelity,
        tuple(
            Unclosed(key, Direction.INGRESS, NO_INGRESS)
            for key in (
                *(one.key for one in isolated if one.key in written_for),
                *(Key(cluster.platform.cluster, "", "Namespace", "", whole.namespace) for whole in planned.wholes),
            )
        ),
        (*planned.diagnostics, *unsupported),
    )


def _within_limits(agreements: Agreements, planned: Planned, found: Sides) -> Sides:
    """Without agreements for whose rules a policy has no room; the order of the rules decides which these are."""
    lost: dict[tuple[int, Direction], str] = {}
    reason = f"a policy of this kind has at most {MOST} rules a direction, and more are needed"
    everything = [(own, d) for each in planned.plans for d in Direction if (own := each.of(d)) is not None]
    for positions, direction in everything:
        room = MOST - _DENIALS[direction]
        written = [*_passes(rules(agreements, positions, direction, found), direction)]
        for rule, _ in written[room:]:
            lost.update(dict.fromkeys([(at, direction) for at in rule.agreements], reason))
    return _within_limits(agreements, planned, without(found, lost)) if lost else found


def _passes(found: Sequence[Rule], direction: Direction) -> Iterator[tuple[Rule, dict[str, Any]]]:
    """What is let through, pods before addresses, in pieces that the limits allow, with the rule that each is of."""
    for rule in found:
        yield from _pass(rule, [_pods(peer) for peer in rule.pods], direction)
    for rule in found:
        blocks = cidrs(rule.addresses)
        yield from _pass(rule, [{"networks": list(some)} for some in _batches(blocks)], direction)


def _pass(rule: Rule, peers: list[dict[str, Any]], direction: Direction) -> Iterator[tuple[Rule, dict[str, Any]]]:
    protocols = [None] if rule.ports == ALL_PORTS else [list(some) for some in _batches(_protocols(rule.ports))]
    for some, asked in itertools.product(_batches(peers), protocols):
        written: dict[str, Any] = {"action": Action.PASS.value, objects.PEERS[direction]: list(some)}
        yield rule, written if asked is None else written | {"protocols": asked}


def _batches(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[at : at + MOST] for at in range(0, len(items), MOST)]


def _protocols(ports: PortSet) -> list[dict[str, Any]]:
    return [
        {
            run.protocol.name.lower(): {
                "destinationPort": {"number": run.first}
                if run.first == run.last
                else {"range": {"start": run.first, "end": run.last}}
            }
        }
        for run in ports.ranges()
    ]


def _pods(peer: PodsPeer) -> dict[str, Any]:
    return _in(peer.namespace, {} if peer.pods == EVERYTHING else objects.selector(peer.pods))


def _in(namespace: str, pods: dict[str, Any]) -> dict[str, Any]:
    """Pods of one namespace, as a peer or as a subject."""
    if not pods:
        return {"namespaces": objects.namespace(namespace)}
    return {"pods": {"namespaceSelector": objects.namespace(namespace), "podSelector": pods}}


class _Writer:
    """Writes the policies of one compilation."""

    def __init__(self, agreements: Agreements, sides: Sides) -> None:
        self._agreements = agreements
        self._sides = sides

    def all(self, planned: Planned) -> Iterator[Written]:
        names = policy_names([each.isolated.key for each in planned.plans], cluster_scoped=True)
        for whole in planned.wholes:
            yield self._whole(whole)
        for each in planned.plans:
            yield self._workload(each, names[each.isolated.key])

    def _whole(self, whole: Whole) -> Written:
        metadata = objects.metadata(f"{PREFIX}-{whole.namespace}", CLUSTER_NETWORK_POLICY, "")
        sides: dict[Direction, tuple[int, ...] | None] = dict.fromkeys(Direction, ())
        return self._policy(
            metadata, _in(whole.namespace, {}), PRIORITY_OF_NAMESPACES, sides, objects.head_of_namespace(whole)
        )

    def _workload(self, each: Plan, name: str) -> Written:
        key = each.isolated.key
        sides = {direction: each.of(direction) for direction in Direction}
        metadata = objects.metadata(name, CLUSTER_NETWORK_POLICY, objects.owner(self._agreements, key))
        return self._policy(
            metadata,
            _in(key.namespace, objects.match_labels(each.labels)),
            PRIORITY,
            sides,
            objects.head_of_workload(each),
        )

    def _policy(
        self,
        metadata: dict[str, Any],
        subject: dict[str, Any],
        priority: int,
        sides: dict[Direction, tuple[int, ...] | None],
        head: tuple[Remark, ...],
    ) -> Written:
        spec: dict[str, Any] = {"tier": "Admin", "priority": priority, "subject": subject}
        remarks = list(head)
        for direction, positions in sides.items():
            if positions is None:
                continue
            found = rules(self._agreements, positions, direction, self._sides)
            spec[direction.value] = _closed((written for _, written in _passes(found, direction)), direction)
            remarks += objects.remarks(self._agreements, direction, found)
        value = {
            "apiVersion": "policy.networking.k8s.io/v1alpha2",
            "kind": "ClusterNetworkPolicy",
            "metadata": metadata,
            "spec": spec,
        }
        return Written(f"{metadata['name']}.{CLUSTER_NETWORK_POLICY}.yaml", value, tuple(remarks))


def _closed(passes: Iterable[dict[str, Any]], direction: Direction) -> list[dict[str, Any]]:
    """What is passed on, and the denials: of every other pod, and for egress of every address after that."""
    deny = Action.DENY.value
    own = list(passes)
    to_pods = [written for written in own if not _names_networks(written, direction)]
    closed = [*to_pods, {"name": "no-other-pod", "action": deny, objects.PEERS[direction]: [_EVERY_POD]}]
    if direction is Direction.EGRESS:
        every = [{"networks": cidrs(EVERY_ADDRESS)}]
        closed += own[len(to_pods) :]
        closed.append({"name": "nothing-else", "action": deny, objects.PEERS[direction]: every})
    return closed


def _names_networks(written: dict[str, Any], direction: Direction) -> bool:
    return any("networks" in peer for peer in written[objects.PEERS[direction]])
