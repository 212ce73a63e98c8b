"""What people say must hold of who reaches whom, as values."""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

from licet.diag.place import Place
from licet.model.addresses import AddressSet
from licet.model.key import Pattern
from licet.model.ports import PortRule
from licet.model.selector import Selector


class WorkloadNamed(msgspec.Struct, frozen=True):
    """Workloads by name; what the pattern leaves out may be anything."""

    pattern: Pattern


class NamespaceNamed(msgspec.Struct, frozen=True):
    """Every workload of a namespace."""

    name: str


class PodsLabelled(msgspec.Struct, frozen=True):
    """Workloads by the labels of their pods, hostNetwork ones included. `namespaces` is a selector, or one name."""

    namespaces: Selector | str
    pods: Selector


class AddressesWithin(msgspec.Struct, frozen=True):
    """Addresses outside the cluster; `text` is what the user wrote."""

    addresses: AddressSet
    text: str


class World(msgspec.Struct, frozen=True):
    """Every address outside the cluster, as far as the platform says which are inside."""


class IngressController(msgspec.Struct, frozen=True):
    """Whatever serves Ingresses and OpenShift Routes; a source only."""


class GatewayNamed(msgspec.Struct, frozen=True):
    """A Gateway; `namespace` None is any. A source only."""

    name: str
    namespace: str | None


class Anything(msgspec.Struct, frozen=True):
    """Every workload and every address outside; as a source that is denied also ingress controllers and gateways."""


Who: TypeAlias = (
    WorkloadNamed
    | NamespaceNamed
    | PodsLabelled
    | AddressesWithin
    | World
    | IngressController
    | GatewayNamed
    | Anything
)


class Party(msgspec.Struct, frozen=True):
    """One entry of `from` or `to`, and where it stands."""

    who: Who
    place: Place


class Expectation(enum.Enum):
    """What must hold of every connection from a source to a destination on the ports.

    DENY: none is possible. ALLOW: each is certain. ONLY: from everything else but the sources, none is possible.
    """

    DENY = "deny"
    ALLOW = "allow"
    ONLY = "only"


class Assertion(msgspec.Struct, frozen=True):
    """One thing that must hold. `ports` None is every port of every protocol."""

    name: str
    reason: str
    expectation: Expectation
    sources: tuple[Party, ...]
    destinations: tuple[Party, ...]
    ports: tuple[PortRule, ...] | None
    place: Place
