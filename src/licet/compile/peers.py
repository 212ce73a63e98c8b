"""Whom a policy has to name for the other end of an agreement, and how faithful that is."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from licet.compile.compiled import Level
from licet.compile.selectors import Confused, Labels, Missing, OnHosts, Selected, Selections
from licet.compile.table import CLUSTER_NETWORK_POLICY, NO_INGRESS, TABLE
from licet.contracts.agreement import Addresses, Agreement, EdgeKind, Pods, end_text
from licet.model.addresses import EVERY_ADDRESS, EVERY_V4, EVERY_V6, NEVER_A_PODS, AddressSet
from licet.model.key import Key
from licet.model.platform import Platform
from licet.model.policy import Direction
from licet.model.profile import Profile
from licet.model.selector import Operator, Requirement, Selector
from licet.model.ternary import Ternary

_OUTSIDE = frozenset({EdgeKind.CIDR, EdgeKind.WORLD, EdgeKind.DOMAIN})
"""Kinds whose addresses are outside the cluster, whatever the block that names them holds besides."""
_REQUESTS = "requests are not told apart: every method and path of these ports is let through"
_BY_LABEL = "give its pod template a label that only it has"
_WAYS_OUT = {
    EdgeKind.DOMAIN: "name its addresses with `cidr`, or let any address outside through with `--widen`",
    EdgeKind.IDENTITY: "name its addresses with `cidr`, or compile for a mesh, which knows identities",
    EdgeKind.CLUSTER: "name the addresses of that cluster with `cidr`, or compile for a mesh, which knows identities",
}
_TOGETHER = "compile `networkpolicy` too: the two targets together close what is left open"


class PodsPeer(msgspec.Struct, frozen=True):
    """Pods by labels in one namespace."""

    namespace: str
    pods: Selector


class AddressPeer(msgspec.Struct, frozen=True):
    """Addresses; never empty."""

    addresses: AddressSet


Peer: TypeAlias = PodsPeer | AddressPeer


class Carried(msgspec.Struct, frozen=True):
    """What one side's policy makes of an agreement; `peer` is None where it says nothing about it.

    `way_out` is empty where the finding about a workload says already what is wrong. `left_open` is True where the
    edge works all the same, since the target refuses nothing of its kind.
    """

    level: Level
    peer: Peer | None = None
    reason: str = ""
    way_out: str = ""
    left_open: bool = False


class Surroundings(msgspec.Struct, frozen=True):
    """What decides how an end is named."""

    target: str
    selections: Selections
    platform: Platform
    profile: Profile
    widen: bool


def carry(agreement: Agreement, direction: Direction, around: Surroundings) -> Carried:
    """How the policy of one side names the other one."""
    carried = _carry(agreement, direction, around)
    if carried.level is Level.EXACT and (agreement.http or agreement.grpc):
        return Carried(Level.WIDENED, carried.peer, _REQUESTS)
    return carried


def selector_of(labels: Labels) -> Selector:
    """Exactly these labels."""
    return Selector.of([Requirement(key, Operator.IN, (value,)) for key, value in labels.items()])


def _carry(agreement: Agreement, direction: Direction, around: Surroundings) -> Carried:
    expressed = TABLE[around.target][agreement.kind]
    end = agreement.src if direction is Direction.INGRESS else agreement.dst
    if expressed.level(direction) is not Level.UNSUPPORTED:
        match end:
            case Key():
                return _workload(end, direction, around)
            case Pods():
                return _pods(end, direction, around)
            case Addresses(addresses=addresses):
                return _addresses(agreement.kind, addresses, direction, around)
    if around.widen and expressed.on_request and direction is Direction.EGRESS:
        anywhere = _addresses(agreement.kind, EVERY_ADDRESS, direction, around)
        return Carried(Level.WIDENED, anywhere.peer, f"any address outside for `{end_text(end)}`")
    if isinstance(end, Addresses):
        return _open()
    way_out = _WAYS_OUT.get(agreement.kind, "name its workload or its addresses")
    return Carried(Level.UNSUPPORTED, None, expressed.reason, way_out)


def _workload(key: Key, direction: Direction, around: Surroundings) -> Carried:
    match around.selections.of(key):
        case Selected(labels=labels):
            return Carried(Level.EXACT, PodsPeer(key.namespace, selector_of(labels)))
        case Confused(others=others):
            return Carried(Level.UNSUPPORTED, None, _confused(key, others), f"{_BY_LABEL}: `{key}`")
        case OnHosts():
            return _hosts(str(key), direction, around)
        case Missing():
            reason = f"the manifests hold no `{key}`, so that its labels are not known"
            return Carried(Level.UNSUPPORTED, None, reason, "add its manifests to the paths")


def _confused(key: Key, others: tuple[Key, ...]) -> str:
    if not others:
        return f"the pods of `{key}` have no label that stays from version to version"
    return f"a selector for `{key}` would match `{others[0]}` too"


def _pods(end: Pods, direction: Direction, around: Surroundings) -> Carried:
    """Pods of the Platform, of which manifests may know some to be on the network of their nodes."""
    peer = PodsPeer(end.namespace, end.pods)
    among = around.selections.hosts_among(end.namespace, end.pods)
    if True not in among:
        return Carried(Level.EXACT, peer)
    found = _hosts(end.text, direction, around)
    if among == {True} or found.peer is None:
        return found
    reason = f"some of {end.text} have the network of their nodes, and some have not"
    return Carried(Level.UNSUPPORTED, None, reason, "let all of them have a network of their own")


def _hosts(who: str, direction: Direction, around: Surroundings) -> Carried:
    if around.target == CLUSTER_NETWORK_POLICY and direction is Direction.INGRESS:
        return _open()
    reason = f"`{who}` has the network of its nodes, and no selector matches it"
    nodes = around.platform.node_addresses
    if not nodes:
        way_out = "say the nodes' addresses in the Platform's `nodeCIDRs`, and let them all through with `--widen`"
    elif not around.widen:
        way_out = "let every node through with `--widen`, or take `hostNetwork` from the pods"
    elif _blind_to_nodes(around):
        return Carried(Level.UNSUPPORTED, None, _blind(around), "take `hostNetwork` from the pods")
    else:
        return Carried(Level.WIDENED, AddressPeer(nodes), f"every node, since {reason}")
    return Carried(Level.UNSUPPORTED, None, reason, way_out)


def _addresses(kind: EdgeKind, addresses: AddressSet, direction: Direction, around: Surroundings) -> Carried:
    """Without pods' addresses, unless the target has denied pods before it looks at addresses."""
    if around.target == CLUSTER_NETWORK_POLICY and direction is Direction.INGRESS:
        return _open()
    platform = around.platform
    named = addresses - platform.node_addresses if kind in _OUTSIDE else addresses
    left = named - platform.pod_addresses
    if not left:
        reason = "all of these addresses are pods' or nodes', as the Platform says"
        return Carried(Level.UNSUPPORTED, None, reason, "name the workload instead of its addresses")
    if left & platform.node_addresses and _blind_to_nodes(around):
        way_out = f"use a target of `{around.profile.name}`'s own, or another enforcer"
        return Carried(Level.UNSUPPORTED, None, _blind(around), way_out)
    if around.target == CLUSTER_NETWORK_POLICY:
        return Carried(Level.EXACT, AddressPeer(named))
    if _covers_unknown_pods(left, around):
        reason = f"`{around.profile.name}` matches pods by their addresses too, and their range is not known"
        if around.widen:
            return Carried(Level.WIDENED, AddressPeer(left), reason)
        return Carried(Level.UNSUPPORTED, None, reason, "say the pods' range in the Platform's `podCIDRs`")
    return Carried(Level.EXACT, AddressPeer(left))


def _covers_unknown_pods(addresses: AddressSet, around: Surroundings) -> bool:
    """Whether pods, wherever they are in a family, would be let through with the addresses."""
    if around.platform.pod_addresses or around.profile.block_matches_pods is not Ternary.YES:
        return False
    return any(not family - NEVER_A_PODS - addresses for family in (EVERY_V4, EVERY_V6))


def _open() -> Carried:
    return Carried(Level.UNSUPPORTED, None, NO_INGRESS, _TOGETHER, left_open=True)


def _blind_to_nodes(around: Surroundings) -> bool:
    return around.target != CLUSTER_NETWORK_POLICY and around.profile.block_matches_nodes is Ternary.NO


def _blind(around: Surroundings) -> str:
    return f"`{around.profile.name}` matches no node by its address"
