"""Policies of the network: NetworkPolicy, and the cluster-scoped policies in tiers around it."""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

from licet.diag.place import Origin, Place
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.ports import PortRule
from licet.model.selector import Selector


class Direction(enum.StrEnum):
    """From which side of a connection a rule looks."""

    INGRESS = "ingress"
    EGRESS = "egress"


class PodPeer(msgspec.Struct, frozen=True, cache_hash=True):
    """Pods by labels. `namespaces` None means the policy's own namespace."""

    namespaces: Selector | None
    pods: Selector


class BlockPeer(msgspec.Struct, frozen=True, cache_hash=True):
    """Addresses: an ipBlock with its exceptions already taken out, or one entry of `networks`.

    `text` is what the user wrote, for messages.
    """

    addresses: AddressSet
    text: str


class NodePeer(msgspec.Struct, frozen=True):
    """Nodes by labels (experimental channel of ClusterNetworkPolicy; AdminNetworkPolicy egress)."""

    nodes: Selector


class DomainPeer(msgspec.Struct, frozen=True):
    """DNS names outside (experimental channel; Accept rules only)."""

    names: tuple[str, ...]


class UnknownPeer(msgspec.Struct, frozen=True):
    """A peer of a ClusterNetworkPolicy in which no known field is set; it fails closed."""


Peer: TypeAlias = PodPeer | BlockPeer | NodePeer | DomainPeer | UnknownPeer


class NetworkRule(msgspec.Struct, frozen=True):
    """One entry of `ingress` or `egress` of a NetworkPolicy.

    `peers` None is any peer, outside included; `ports` None is every port of every protocol. `index` is the
    rule's position in the manifest's list.
    """

    index: int
    peers: tuple[Peer, ...] | None
    ports: tuple[PortRule, ...] | None


class NetworkPolicy(msgspec.Struct, frozen=True):
    """networking.k8s.io/v1 NetworkPolicy. A direction that the policy does not govern (`policyTypes`) is None."""

    key: Key
    pods: Selector
    ingress: tuple[NetworkRule, ...] | None
    egress: tuple[NetworkRule, ...] | None
    origin: Origin

    def rules(self, direction: Direction) -> tuple[NetworkRule, ...] | None:
        """The rules of one direction; None where the policy does not govern it."""
        return self.ingress if direction is Direction.INGRESS else self.egress

    def place(self, direction: Direction, index: int) -> Place:
        """Where a rule stands."""
        return Place(self.origin, ("spec", direction.value, index))

    def selection_place(self) -> Place:
        """Where it is written which pods the policy isolates."""
        return Place(self.origin, ("spec", "podSelector"))


class Tier(enum.IntEnum):
    """Where cluster policies stand: Admin before every NetworkPolicy, Baseline after them."""

    ADMIN = 0
    BASELINE = 1


class Action(enum.StrEnum):
    """What a matching rule of a cluster policy does (AdminNetworkPolicy's `Allow` is Accept)."""

    ACCEPT = "Accept"
    DENY = "Deny"
    PASS = "Pass"


class ClusterRule(msgspec.Struct, frozen=True):
    """One rule of a cluster policy; `ports` None is every port of every protocol. Peers are never empty."""

    index: int
    name: str
    action: Action
    peers: tuple[Peer, ...]
    ports: tuple[PortRule, ...] | None


class ClusterPolicy(msgspec.Struct, frozen=True):
    """ClusterNetworkPolicy, AdminNetworkPolicy and BaselineAdminNetworkPolicy in one form.

    The subject is the pods that `pods` selects in the namespaces that `namespaces` selects. Lower
    `priority` decides first; a BaselineAdminNetworkPolicy has priority 0 in Tier.BASELINE.
    """

    key: Key
    tier: Tier
    priority: int
    namespaces: Selector
    pods: Selector
    ingress: tuple[ClusterRule, ...]
    egress: tuple[ClusterRule, ...]
    origin: Origin

    def rules(self, direction: Direction) -> tuple[ClusterRule, ...]:
        """The rules of one direction, in the order in which they decide."""
        return self.ingress if direction is Direction.INGRESS else self.egress

    def place(self, direction: Direction, index: int) -> Place:
        """Where a rule stands."""
        return Place(self.origin, ("spec", direction.value, index))
