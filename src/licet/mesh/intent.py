"""What one workload's sidecar is for: whom it lets in, by what proof, and where it may go."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from licet.contracts.contract import GrpcMatch, HttpMatch, Mode
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.ports import PortSet

DEFAULT_DENY = "default-deny"
"""The name of what refuses where no rule matches; it stands in access logs like any rule's."""
REVOKED = "revoked"
"""The name of what refuses an identity that is denied, whatever was agreed."""
FOREIGN_ADDRESS = "foreign-address"
"""The name of what refuses an identity that comes from where its workload does not run."""


class Speaks(enum.Enum):
    """What a proxy makes of a port's bytes: requests, or just bytes."""

    HTTP = "http"
    TCP = "tcp"


class Proof(msgspec.Struct, frozen=True):
    """Callers that show one of these SPIFFE IDs in a certificate."""

    identities: frozenset[str]


class From(msgspec.Struct, frozen=True):
    """Callers without an identity, by address: the weaker proof, and only on ports that are not strict."""

    addresses: AddressSet


Who: TypeAlias = Proof | From


class Rule(msgspec.Struct, frozen=True):
    """One agreement on the callee's side. `name` stands in access logs and is unique on its workload.

    `http` and `grpc` are what is let through of it, empty where that is everything. A rule in mode Shadow would be
    counted among those that let through where it is enforced; `place` is the line that admits.
    """

    name: str
    who: Who
    http: tuple[HttpMatch, ...]
    grpc: tuple[GrpcMatch, ...]
    place: Place | None


class Served(msgspec.Struct, frozen=True):
    """A port of the workload, whose rules are all there is: what matches none is refused.

    Where `strict`, who shows no certificate is not even heard.
    """

    port: int
    speaks: Speaks
    strict: bool
    rules: tuple[Rule, ...]


class Callee(msgspec.Struct, frozen=True):
    """A workload of the mesh, known by these identities."""

    key: Key
    identities: frozenset[str]


class Outside(msgspec.Struct, frozen=True):
    """Addresses without an identity."""

    addresses: AddressSet
    text: str


class Named(msgspec.Struct, frozen=True):
    """A DNS name outside; `*.` and a parent stand for exactly one label more."""

    name: str


Destination: TypeAlias = Callee | Outside | Named


class Call(msgspec.Struct, frozen=True):
    """One agreement on the caller's side: where it leads, on ports of the destination's pods."""

    name: str
    to: Destination
    ports: PortSet
    speaks: Speaks
    http: tuple[HttpMatch, ...]
    grpc: tuple[GrpcMatch, ...]
    place: Place | None


class Intent(msgspec.Struct, frozen=True):
    """Everything for one workload. Whoever runs it is `identity`, which other workloads may share."""

    key: Key
    identity: str
    mode: Mode
    serves: tuple[Served, ...]
    calls: tuple[Call, ...]
    place: Place


class Intents(msgspec.Struct, frozen=True):
    """Those of every contracted workload, and what a proxy cannot enforce as it was agreed."""

    by_workload: Mapping[Key, Intent]
    diagnostics: tuple[Diagnostic, ...]
