"""The naive evaluator: one packet in, one verdict out, by walking the rules as the Kubernetes documentation tells them.

Written to be read beside https://kubernetes.io/docs/concepts/services-networking/network-policies/ and the API types of
sigs.k8s.io/network-policy-api, and shared with nothing in `licet.analysis`. What is not known is carried as every world
that is still possible: a question has a set of possible answers, and a verdict is certain only where one is left.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from licet.model import intervals
from licet.model.addresses import EVERY_V4, NEVER_A_PODS, AddressSet
from licet.model.cluster import Cluster
from licet.model.policy import (
    Action,
    BlockPeer,
    ClusterPolicy,
    ClusterRule,
    Direction,
    DomainPeer,
    NetworkPolicy,
    NodePeer,
    Peer,
    PodPeer,
    Tier,
    UnknownPeer,
)
from licet.model.ports import FIRST_PORT, LAST_PORT, NamedPort, PortRule, Protocol
from licet.model.profile import Profile
from licet.model.ternary import Ternary
from licet.model.verdict import Verdict
from licet.model.workload import Workload
from tests.oracle_labels import NO, UNKNOWN, YES, namespace_matches, pod_matches

WORLDS = {NO: (False,), UNKNOWN: (False, True), YES: (True,)}
"""What a three-valued answer may turn out to be."""


class Controller(enum.Enum):
    """The ingress controller: a pod of the cluster about which nothing is known."""

    INGRESS = "ingress"


INGRESS = Controller.INGRESS
Side: TypeAlias = Workload | int | Controller
"""One end of a packet; a number is an address outside the cluster."""


class Packet(msgspec.Struct, frozen=True):
    """One packet and what it travels through; the port is the destination pod's."""

    cluster: Cluster
    profile: Profile
    src: Side
    dst: Side
    protocol: Protocol
    port: int


def decide(cluster: Cluster, profile: Profile, src: Side, dst: Side, protocol: Protocol, port: int) -> Verdict:
    """Whether the first packet of a connection from `src` arrives at `dst`."""
    # "a pod cannot block access to itself"
    if isinstance(src, Workload) and isinstance(dst, Workload) and src.key == dst.key and src.key.kind == "Pod":
        return Verdict.ALLOW
    packet = Packet(cluster, profile, src, dst, protocol, port)
    # "both the egress policy on the source pod and the ingress policy on the destination pod need to allow"
    possible = {
        leaves and enters
        for leaves in may_pass(packet, Direction.EGRESS, src, dst)
        for enters in may_pass(packet, Direction.INGRESS, dst, src)
    }
    # "traffic to and from the node where a Pod is running is always allowed": the one end may be that pod's node
    if any(is_node(cluster, a) and is_pod(b) for a, b in ((src, dst), (dst, src))):
        possible.add(True)
    if len(possible) > 1:
        return Verdict.UNDETERMINED
    return Verdict.ALLOW if True in possible else Verdict.DENY


def is_host(side: Side) -> bool:
    """Whether this is a hostNetwork pod, whose address is its node's."""
    return isinstance(side, Workload) and side.host_network


def is_pod(side: Side) -> bool:
    """Whether this is a pod with an address of its own."""
    return not isinstance(side, int) and not is_host(side)


def is_node(cluster: Cluster, side: Side) -> bool:
    """Whether this end has the address of a node."""
    return contains(cluster.platform.node_addresses, side) if isinstance(side, int) else is_host(side)


def may_pass(packet: Packet, direction: Direction, subject: Side, peer: Side) -> set[bool]:
    """What the policies around one end may answer, tier after tier. Only pods have policies."""
    if not isinstance(subject, Workload):
        return {True}
    answers: set[bool] = set()
    admin = tier_outcomes(packet, Tier.ADMIN, direction, subject, peer)
    answers |= {action is Action.ACCEPT for action in admin if action in (Action.ACCEPT, Action.DENY)}
    if admin & {Action.PASS, None}:
        for isolated, matched in isolation_worlds(packet, direction, subject, peer):
            if isolated:  # "v1.NetworkPolicy always makes a final decision for selected pods"
                answers.add(matched)
            else:
                baseline = tier_outcomes(packet, Tier.BASELINE, direction, subject, peer)
                answers |= {action is not Action.DENY for action in baseline}
    return answers


def isolation_worlds(packet: Packet, direction: Direction, subject: Workload, peer: Side) -> set[tuple[bool, bool]]:
    """Every (is the pod isolated, does a rule of a selecting policy match) that is still possible."""
    worlds = {(False, False)}
    for policy in packet.cluster.network_policies:
        selects = WORLDS[network_policy_selects(packet, policy, direction, subject)]
        matches = WORLDS[network_policy_matches(packet, policy, direction, peer)]
        worlds = {
            (isolated or chosen, matched or (chosen and hit))
            for isolated, matched in worlds
            for chosen in selects
            for hit in matches
        }
    return worlds


def network_policy_selects(packet: Packet, policy: NetworkPolicy, direction: Direction, pod: Workload) -> Ternary:
    """A policy isolates the pods that it selects, in the directions of its policyTypes."""
    if policy.rules(direction) is None or policy.key.namespace != pod.key.namespace:
        return NO
    selected = pod_matches(policy.pods, pod)
    return min(selected, packet.profile.selects_host_network) if pod.host_network else selected


def network_policy_matches(packet: Packet, policy: NetworkPolicy, direction: Direction, peer: Side) -> Ternary:
    """Rules are ORed; a rule matches "both the from and ports sections"."""
    # a hostNetwork pod that is selected is a pod to the plugin; as a peer it may only be its node, without port names
    names = YES if direction is Direction.INGRESS else packet.profile.selects_host_network
    end_port = packet.profile.end_port
    return any_of(
        min(
            YES if rule.peers is None else network_peers(packet, policy, rule.peers, peer),
            YES if rule.ports is None else any_of(port_matches(packet, p, end_port, names) for p in rule.ports),
        )
        for rule in policy.rules(direction) or ()
    )


def network_peers(packet: Packet, policy: NetworkPolicy, peers: Iterable[Peer], side: Side) -> Ternary:
    """The entries of `from` or `to`, ORed. Whether ipBlock looks at pods and nodes, the API leaves to the plugin."""
    peers = list(peers)
    lies_inside = inside(packet, together(peers), side)
    if is_node(packet.cluster, side):
        lies_inside = min(lies_inside, packet.profile.block_matches_nodes)
    elif not isinstance(side, int):
        lies_inside = min(lies_inside, packet.profile.block_matches_pods)
    selected = (pod_peer(packet, p, side, policy.key.namespace) for p in peers if isinstance(p, PodPeer))
    return any_of([lies_inside, *selected])


def together(peers: Iterable[Peer]) -> AddressSet:
    """Every address that some block among the peers has: a pod with two addresses may need two blocks."""
    return AddressSet(intervals.normal(s for p in peers if isinstance(p, BlockPeer) for s in p.addresses.spans))


def tier_outcomes(
    packet: Packet, tier: Tier, direction: Direction, subject: Workload, peer: Side
) -> set[Action | None]:
    """What a tier may decide; None is "no rule matched".

    "If two policies in the same tier with the same priority could match a connection, then the implementation can apply
    any of the matching policies".
    """
    outcomes: set[Action | None] = set()
    policies = [p for p in packet.cluster.cluster_policies if p.tier is tier]
    for priority in sorted({p.priority for p in policies}):
        tied = [policy_outcomes(packet, p, direction, subject, peer) for p in policies if p.priority == priority]
        outcomes |= {action for one in tied for action in one if action}
        if not all(None in one for one in tied):
            return outcomes
    return outcomes | {None}


def policy_outcomes(
    packet: Packet, policy: ClusterPolicy, direction: Direction, subject: Workload, peer: Side
) -> set[Action | None]:
    """The action of the first rule that matches, in every possible world."""
    chosen = min(
        namespace_matches(packet.cluster, policy.namespaces, subject.key.namespace),
        pod_matches(policy.pods, subject),
    )
    if chosen is NO or subject.host_network:  # "host-networked pods are not included in subject selection"
        return {None}
    outcomes: set[Action | None] = set() if chosen is YES else {None}
    for rule in policy.rules(direction):
        action, matches = rule_effect(packet, policy, rule, peer)
        if matches is not NO:
            outcomes.add(action)
        if matches is YES:
            return outcomes
    return outcomes | {None}


def rule_effect(packet: Packet, policy: ClusterPolicy, rule: ClusterRule, side: Side) -> tuple[Action, Ternary]:
    """A rule's action and whether the packet is its business.

    A peer without a known field fails closed: "For Accept rules: treat the rule as matching no traffic. For Deny and
    Pass rules: treat the rule as a 'Deny all' rule", that is every peer and every port.
    """
    if any(unreadable(packet.profile, policy, peer) for peer in rule.peers):
        return (Action.ACCEPT, NO) if rule.action is Action.ACCEPT else (Action.DENY, YES)
    blocks = inside(packet, together(rule.peers), side)  # "cluster-internal traffic will be checked as well"
    peers = any_of([blocks, *(cluster_peer(packet, peer, side) for peer in rule.peers)])
    ports = YES if rule.ports is None else any_of(port_matches(packet, p, YES, YES) for p in rule.ports)
    return rule.action, min(peers, ports)


def unreadable(profile: Profile, policy: ClusterPolicy, peer: Peer) -> bool:
    """Whether the enforcer sees none of the fields it knows. Who has AdminNetworkPolicy at all has all its fields."""
    experimental = policy.key.kind != "ClusterNetworkPolicy" or profile.experimental
    return isinstance(peer, UnknownPeer) or (isinstance(peer, NodePeer | DomainPeer) and not experimental)


def cluster_peer(packet: Packet, peer: Peer, side: Side) -> Ternary:
    """One entry of `from` or `to` that is no block. What nodes' labels are, and what a name means, no manifest says."""
    if isinstance(peer, PodPeer):
        return pod_peer(packet, peer, side, None)
    if isinstance(peer, NodePeer):
        return UNKNOWN if is_node(packet.cluster, side) else NO
    return UNKNOWN if isinstance(peer, DomainPeer) and isinstance(side, int) else NO


def any_of(answers: Iterable[Ternary]) -> Ternary:
    """OR."""
    return max(answers, default=NO)


def pod_peer(packet: Packet, peer: PodPeer, side: Side, own_namespace: str | None) -> Ternary:
    """Pods by labels, in namespaces by labels or in the policy's own. Never an address, never a hostNetwork pod."""
    if isinstance(side, int) or is_host(side):
        return NO
    if isinstance(side, Controller):
        around = peer.namespaces
        somewhere = UNKNOWN if around is None else namespace_matches(packet.cluster, around, None)
        return min(somewhere, UNKNOWN if peer.pods.requirements else YES)
    if peer.namespaces is None:
        namespace = YES if side.key.namespace == own_namespace else NO
    else:
        namespace = namespace_matches(packet.cluster, peer.namespaces, side.key.namespace)
    return min(namespace, pod_matches(peer.pods, side))


def contains(addresses: AddressSet, address: int) -> bool:
    """Whether an address is in the set."""
    return any(first <= address <= last for first, last in addresses.spans)


def inside(packet: Packet, block: AddressSet, side: Side) -> Ternary:
    """Whether the address that the packet has at this end is in the block, as far as that address is known."""
    if isinstance(side, int):
        return YES if contains(block, side) else NO
    platform = packet.cluster.platform
    known = platform.node_addresses if is_host(side) else platform.pod_addresses
    if isinstance(side, Workload) and side.addresses and not side.host_network:
        known = side.addresses
    if not block - NEVER_A_PODS:
        return NO
    if not known:
        return UNKNOWN if EVERY_V4 - NEVER_A_PODS - block else YES
    if not known - block:
        return YES
    return UNKNOWN if known & block else NO


def port_matches(packet: Packet, rule: PortRule, end_port: Ternary, host_names: Ternary) -> Ternary:
    """One entry of `ports`; a name is looked up on the destination pod, and an address has none."""
    if isinstance(rule, NamedPort):
        if not isinstance(packet.dst, Workload):
            return NO
        named = (packet.protocol, packet.port) in packet.dst.port_numbers(rule.name, rule.protocol)
        return min(host_names if is_host(packet.dst) else YES, YES if named else NO)
    if packet.protocol is not rule.protocol or not rule.first <= packet.port <= rule.last:
        return NO
    return YES if packet.port == rule.first or (rule.first, rule.last) == (FIRST_PORT, LAST_PORT) else end_port
