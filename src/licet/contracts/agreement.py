"""What is agreed: edges that both sides' contracts allow, and what follows for everything else."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from licet.contracts.contract import Application, Call, Contract, GrpcMatch, HttpMatch, Mode, MutualTls, Need
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.ports import PortSet
from licet.model.selector import Selector


class EdgeKind(enum.StrEnum):
    """What the ends of an edge are to each other: rows of the published fidelity table."""

    WORKLOAD = "workload"
    SERVICE = "Service"
    SELF = "self"
    NAMESPACE = "namespace"
    GATEWAY = "gateway"
    RESOLVER = "DNS resolver"
    METRICS = "metrics"
    CIDR = "CIDR"
    API_SERVER = "API server"
    NODES = "nodes"
    WORLD = "world"
    DOMAIN = "DNS name"
    IDENTITY = "SPIFFE ID"
    CLUSTER = "other cluster"


class Pods(msgspec.Struct, frozen=True):
    """Pods that the Platform speaks of and no manifest need hold; every pod of the namespace where `pods` is empty."""

    namespace: str
    pods: Selector
    text: str


class Addresses(msgspec.Struct, frozen=True):
    """Addresses that are no pods'; `text` is what people know them by."""

    addresses: AddressSet
    text: str


class Domain(msgspec.Struct, frozen=True):
    """A DNS name outside, or `*.` and a parent for exactly one label more."""

    name: str


class Identity(msgspec.Struct, frozen=True):
    """Somebody known by nothing but a SPIFFE ID or by a workload's name in another cluster."""

    text: str


End: TypeAlias = Key | Pods | Addresses | Domain | Identity
"""A Key is a workload's of this cluster."""


class Agreement(msgspec.Struct, frozen=True):
    """An edge that both sides allow, on ports of the destination's pods.

    `caller` is the line of the call, `callee` the line that admits it; None where that side needs no contract.
    `http` and `grpc` are what both sides allow of it, empty where that is everything.
    """

    kind: EdgeKind
    src: End
    dst: End
    ports: PortSet
    caller: Place | None
    callee: Place | None
    mode: Mode = Mode.ENFORCE
    need: Need = Need.REQUIRED
    http: tuple[HttpMatch, ...] = ()
    grpc: tuple[GrpcMatch, ...] = ()
    application: Application | None = None
    mtls: MutualTls | None = None


class Isolated(msgspec.Struct, frozen=True):
    """A workload that is default-deny, how far that is enforced, and the line that says so.

    `ingress` is False where the contract says nothing about callers, being an annotation.
    """

    key: Key
    mode: Mode
    place: Place
    ingress: bool = True


class Closed(msgspec.Struct, frozen=True):
    """A namespace whose pods are all default-deny, those too that no manifest holds yet, and the line that says so."""

    namespace: str
    mode: Mode
    place: Place


class Unmet(msgspec.Struct, frozen=True):
    """A call that led to no agreement: whoever serves it need not be admitted, and nobody may be reached by it."""

    caller: Key
    call: Call


class Agreements(msgspec.Struct, frozen=True):
    """Everything that is agreed at one time.

    What is not in `agreements` and touches a workload of `isolated` is not permitted. `assumptions` are sentences
    about the platform that nobody stated and the edges hang on. Two agreements may have the same ends. `contracts`
    are those that bind a workload, by its key; `closed` the namespaces that are isolated whole, by name.
    """

    agreements: tuple[Agreement, ...]
    isolated: Mapping[Key, Isolated]
    unmet: tuple[Unmet, ...]
    diagnostics: tuple[Diagnostic, ...]
    assumptions: tuple[str, ...] = ()
    contracts: Mapping[Key, Contract] = {}
    closed: Mapping[str, Closed] = {}


def end_text(end: End) -> str:
    """The end as findings name it."""
    match end:
        case Key():
            return str(end)
        case Domain(name=name):
            return name
        case Pods(text=text) | Addresses(text=text) | Identity(text=text):
            return text
