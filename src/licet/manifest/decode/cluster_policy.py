"""ClusterNetworkPolicy (v1alpha2), AdminNetworkPolicy and BaselineAdminNetworkPolicy (v1alpha1).

What is valid is what the resource definitions of sigs.k8s.io/network-policy-api v0.2.0 and v0.1.7 say. A peer
with no known field fails closed (API documentation of the peer types); one that has no field at all is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from licet.diag.place import Path
from licet.manifest.decode import findings
from licet.manifest.decode.blocks import block
from licet.manifest.decode.cluster_ports import AdminPort, ProtocolFields, admin_port, protocol_ports
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.selectors import LabelSelector, Selectors
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.policy import (
    Action,
    BlockPeer,
    ClusterPolicy,
    ClusterRule,
    DomainPeer,
    NodePeer,
    Peer,
    PodPeer,
    Tier,
    UnknownPeer,
)
from licet.model.ports import NamedPort, PortRule
from licet.model.selector import EVERYTHING, Selector

HIGHEST_PRIORITY = 1000
_LONGEST_NAME = 100
_MOST_NETWORKS = 25
_DOMAIN = re.compile(
    r"(?:\*\.)?(?:[a-z0-9](?:[-a-z0-9_]*[a-z0-9])?\.)+[a-z0-9](?:[-a-z0-9_]*[a-z0-9])?\.?", re.I | re.A
)
_TIERS = {"Admin": Tier.ADMIN, "Baseline": Tier.BASELINE}
_ACTIONS = {"Accept": Action.ACCEPT, "Deny": Action.DENY, "Pass": Action.PASS}
_ADMIN_ACTIONS = {"Allow": Action.ACCEPT, "Deny": Action.DENY, "Pass": Action.PASS}
_BASELINE_ACTIONS = {"Allow": Action.ACCEPT, "Deny": Action.DENY}


class _Fields(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Wire types of one resource definition: no field that it does not have, and null nowhere."""


class NamespacedPod(_Fields):
    """Pods by labels in namespaces by labels."""

    podSelector: LabelSelector | UnsetType = UNSET
    namespaceSelector: LabelSelector | UnsetType = UNSET


class Subject(_Fields):
    """Which pods a policy is about; exactly one field is set."""

    namespaces: LabelSelector | UnsetType = UNSET
    pods: NamespacedPod | UnsetType = UNSET


class EgressPeer(Subject):
    """A destination; exactly one field is set."""

    nodes: LabelSelector | UnsetType = UNSET
    networks: list[str] | UnsetType = UNSET
    domainNames: list[str] | UnsetType = UNSET


class BaselineEgressPeer(Subject):
    """A destination of a BaselineAdminNetworkPolicy."""

    nodes: LabelSelector | UnsetType = UNSET
    networks: list[str] | UnsetType = UNSET


class IngressRule(_Fields):
    """ClusterNetworkPolicyIngressRule."""

    action: str
    peers: list[Subject] = msgspec.field(name="from")
    name: str = ""
    ports: list[ProtocolFields] | UnsetType = msgspec.field(name="protocols", default=UNSET)


class EgressRule(_Fields):
    """ClusterNetworkPolicyEgressRule."""

    action: str
    peers: list[EgressPeer] = msgspec.field(name="to")
    name: str = ""
    ports: list[ProtocolFields] | UnsetType = msgspec.field(name="protocols", default=UNSET)


class AdminIngressRule(_Fields):
    """AdminNetworkPolicyIngressRule, and the baseline's, which is the same."""

    action: str
    peers: list[Subject] = msgspec.field(name="from")
    name: str = ""
    ports: list[AdminPort] | UnsetType = UNSET


class AdminEgressRule(_Fields):
    """AdminNetworkPolicyEgressRule."""

    action: str
    peers: list[EgressPeer] = msgspec.field(name="to")
    name: str = ""
    ports: list[AdminPort] | UnsetType = UNSET


class BaselineEgressRule(_Fields):
    """BaselineAdminNetworkPolicyEgressRule."""

    action: str
    peers: list[BaselineEgressPeer] = msgspec.field(name="to")
    name: str = ""
    ports: list[AdminPort] | UnsetType = UNSET


class Spec(_Fields):
    """ClusterNetworkPolicySpec."""

    tier: str
    priority: int
    subject: Subject
    ingress: list[IngressRule] = []
    egress: list[EgressRule] = []


class AdminSpec(_Fields):
    """AdminNetworkPolicySpec."""

    priority: int
    subject: Subject
    ingress: list[AdminIngressRule] = []
    egress: list[AdminEgressRule] = []


class BaselineSpec(_Fields):
    """BaselineAdminNetworkPolicySpec."""

    subject: Subject
    ingress: list[AdminIngressRule] = []
    egress: list[BaselineEgressRule] = []


class ClusterPolicyFields(_Fields):
    """ClusterNetworkPolicy."""

    apiVersion: str
    kind: str
    spec: Spec
    metadata: Meta | None = None
    status: Any = None


class AdminPolicyFields(_Fields):
    """AdminNetworkPolicy."""

    apiVersion: str
    kind: str
    spec: AdminSpec
    metadata: Meta | None = None
    status: Any = None


class BaselinePolicyFields(_Fields):
    """BaselineAdminNetworkPolicy."""

    apiVersion: str
    kind: str
    spec: BaselineSpec
    metadata: Meta | None = None
    status: Any = None


_Rules: TypeAlias = Sequence[IngressRule | EgressRule | AdminIngressRule | AdminEgressRule | BaselineEgressRule]


def cluster_policy(wire: ClusterPolicyFields, key: Key, reader: Reader, selectors: Selectors) -> ClusterPolicy:
    """A ClusterNetworkPolicy."""
    spec = wire.spec
    tier = _TIERS.get(spec.tier)
    if tier is None:
        reader.refuse(("spec", "tier"), f"is `{spec.tier}`", "use Admin or Baseline")
        tier = Tier.ADMIN
    _check_priority(spec.priority, reader)
    return _policy(wire.spec, key, tier, spec.priority, _Limits(_ACTIONS, 25, False), reader, selectors)


def admin_policy(wire: AdminPolicyFields, key: Key, reader: Reader, selectors: Selectors) -> ClusterPolicy:
    """An AdminNetworkPolicy."""
    _check_priority(wire.spec.priority, reader)
    limits = _Limits(_ADMIN_ACTIONS, 100, True)
    return _policy(wire.spec, key, Tier.ADMIN, wire.spec.priority, limits, reader, selectors)


def baseline_policy(wire: BaselinePolicyFields, key: Key, reader: Reader, selectors: Selectors) -> ClusterPolicy:
    """The BaselineAdminNetworkPolicy; a cluster has one, named `default`."""
    if key.name != "default":
        reader.refuse(("metadata", "name"), f"is `{key.name}`", "a cluster has one baseline policy, named `default`")
    return _policy(wire.spec, key, Tier.BASELINE, 0, _Limits(_BASELINE_ACTIONS, 100, True), reader, selectors)


class _Limits(msgspec.Struct, frozen=True):
    """What differs between the resource definitions."""

    actions: Mapping[str, Action]
    most: int
    both_selectors: bool


def _check_priority(priority: int, reader: Reader) -> None:
    if not 0 <= priority <= HIGHEST_PRIORITY:
        reader.refuse(("spec", "priority"), f"is {priority}", f"use a number from 0 to {HIGHEST_PRIORITY}")


def _policy(
    spec: Spec | AdminSpec | BaselineSpec,
    key: Key,
    tier: Tier,
    priority: int,
    limits: _Limits,
    reader: Reader,
    selectors: Selectors,
) -> ClusterPolicy:
    subject = _pods(spec.subject, ("spec", "subject"), limits, reader, selectors)
    if subject is None:
        reader.refuse(("spec", "subject"), "is not exactly one of `namespaces` and `pods`", "set one of them")
    namespaces, pods = subject or (EVERYTHING, EVERYTHING)
    ingress = _rules(spec.ingress, ("spec", "ingress"), "from", limits, reader, selectors)
    egress = _rules(spec.egress, ("spec", "egress"), "to", limits, reader, selectors)
    return ClusterPolicy(key, tier, priority, namespaces, pods, ingress, egress, reader.origin)


def _pods(
    wire: Subject, path: Path, limits: _Limits, reader: Reader, selectors: Selectors
) -> tuple[Selector, Selector] | None:
    """Selectors of namespaces and of pods; None unless exactly one of the two fields is set."""
    if wire.pods is UNSET:
        if wire.namespaces is UNSET:
            return None
        return selectors.selector(wire.namespaces, (*path, "namespaces")), EVERYTHING
    if wire.namespaces is not UNSET:
        return None
    namespaced: list[Selector] = []
    for name, required in (("namespaceSelector", limits.both_selectors), ("podSelector", True)):
        at = (*path, "pods", name)
        chosen: LabelSelector | UnsetType = getattr(wire.pods, name)
        if chosen is UNSET and required:
            reader.tolerate(at, "is missing", f"write `{name}: {{}}` for all", "it is read as selecting all")
        namespaced.append(EVERYTHING if chosen is UNSET else selectors.selector(chosen, at))
    return namespaced[0], namespaced[1]


def _rules(
    wires: _Rules, path: Path, side: str, limits: _Limits, reader: Reader, selectors: Selectors
) -> tuple[ClusterRule, ...]:
    _check_count(wires, path, 0, limits.most, reader)
    rules: list[ClusterRule] = []
    for i, wire in enumerate(wires):
        at = (*path, i)
        action = limits.actions.get(wire.action)
        if action is None:
            reader.refuse((*at, "action"), f"is `{wire.action}`", f"use {', '.join(limits.actions)}")
            action = Action.DENY
        if len(wire.name) > _LONGEST_NAME:
            reader.refuse((*at, "name"), f"has more than {_LONGEST_NAME} characters", "shorten it")
        _check_count(wire.peers, (*at, side), 1, limits.most, reader)
        peers: list[Peer] = []
        for j, peer in enumerate(wire.peers):
            peers.extend(_peer(peer, (*at, side, j), limits, reader, selectors))
        ports = _ports(wire, at, limits, reader)
        if ports and any(isinstance(port, NamedPort) for port in ports):
            _check_named(peers, at, reader)
        rules.append(ClusterRule(i, wire.name, action, tuple(peers), ports))
    return tuple(rules)


def _ports(
    wire: IngressRule | EgressRule | AdminIngressRule | AdminEgressRule | BaselineEgressRule,
    path: Path,
    limits: _Limits,
    reader: Reader,
) -> tuple[PortRule, ...] | None:
    if wire.ports is UNSET:
        return None
    name = "protocols" if isinstance(wire, IngressRule | EgressRule) else "ports"
    _check_count(wire.ports, (*path, name), 1, limits.most, reader)
    return tuple(
        [
            protocol_ports(port, (*path, name, j), reader)
            if isinstance(port, ProtocolFields)
            else admin_port(port, (*path, name, j), reader)
            for j, port in enumerate[ProtocolFields | AdminPort](wire.ports)
        ]
    )


def _check_named(peers: list[Peer], path: Path, reader: Reader) -> None:
    if any(isinstance(peer, BlockPeer | NodePeer | DomainPeer) for peer in peers):
        reader.refuse(path, "names a port by its name for peers that are no pods", "give the port's number")


def _check_count(found: Sequence[object], path: Path, least: int, most: int, reader: Reader) -> None:
    if not least <= len(found) <= most:
        reader.refuse(path, f"has {len(found)} entries", f"at least {least} and at most {most} are allowed")


def _peer(
    wire: Subject | EgressPeer | BaselineEgressPeer, path: Path, limits: _Limits, reader: Reader, selectors: Selectors
) -> list[Peer]:
    """The peers that one entry names: one, or one for every block of `networks`."""
    fields = [name for name in wire.__struct_fields__ if getattr(wire, name) is not UNSET]
    if len(fields) > 1:
        reader.refuse(path, f"has {' and '.join(f'`{name}`' for name in fields)}", "make one peer of each")
        return []
    if not fields:
        if path in reader.dropped:
            reader.report(findings.fails_closed(reader.origin, reader.kind, path))
        else:
            reader.refuse(path, "names no peer", f"set one of {', '.join(wire.__struct_fields__)}")
        return [UnknownPeer()]
    selected = _pods(wire, path, limits, reader, selectors)
    if selected is None and isinstance(wire, EgressPeer | BaselineEgressPeer):
        return _outside(wire, path, reader, selectors)
    return [PodPeer(*selected)] if selected is not None else []


def _outside(wire: EgressPeer | BaselineEgressPeer, path: Path, reader: Reader, selectors: Selectors) -> list[Peer]:
    if wire.nodes is not UNSET:
        return [NodePeer(selectors.selector(wire.nodes, (*path, "nodes")))]
    if wire.networks is not UNSET:
        at = (*path, "networks")
        _check_count(wire.networks, at, 1, _MOST_NETWORKS, reader)
        return [_network(text, (*at, i), reader) for i, text in enumerate(wire.networks)]
    names = wire.domainNames if isinstance(wire, EgressPeer) and wire.domainNames is not UNSET else []
    at = (*path, "domainNames")
    _check_count(names, at, 1, _MOST_NETWORKS, reader)
    for i, name in enumerate(names):
        if not _DOMAIN.fullmatch(name):
            reader.refuse((*at, i), f"is not a domain name: `{name}`", "write `example.com` or `*.example.com`")
    return [DomainPeer(tuple(names))]


def _network(text: str, path: Path, reader: Reader) -> BlockPeer:
    found = block(text, path, reader, lenient=False)
    return BlockPeer(AddressSet(((found.first, found.last),)) if found else AddressSet(), text)
