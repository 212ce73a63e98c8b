"""What services declare: whom they serve and whom they call, as values.

The form is `licet.dev/v1alpha1`. A place is kept wherever a finding may have to point at it.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import TypeAlias

import msgspec

from licet.diag.place import Origin, Place
from licet.model.addresses import AddressSet
from licet.model.key import Key, Pattern
from licet.model.ports import NamedPort, PortRange


class Sensitivity(enum.StrEnum):
    """How much harm a stranger could do; weighs alerts and evidence."""

    PUBLIC = "Public"
    INTERNAL = "Internal"
    CONFIDENTIAL = "Confidential"
    RESTRICTED = "Restricted"


class Mode(enum.StrEnum):
    """How far a contract is enforced."""

    OBSERVE = "Observe"
    SHADOW = "Shadow"
    CANARY = "Canary"
    ENFORCE = "Enforce"


class Application(enum.StrEnum):
    """What is spoken on a port."""

    HTTP = "HTTP"
    HTTP2 = "HTTP2"
    GRPC = "gRPC"
    TLS = "TLS"


class MutualTls(enum.StrEnum):
    """Whether callers must prove who they are."""

    STRICT = "Strict"
    PERMISSIVE = "Permissive"
    DISABLED = "Disabled"


class Need(enum.StrEnum):
    """How much a caller depends on a call; weighs findings. Startup may be cut once the caller is ready."""

    REQUIRED = "Required"
    OPTIONAL = "Optional"
    STARTUP = "Startup"


class From(enum.StrEnum):
    """Whom a `callers` admits."""

    NONE = "None"
    SAME_NAMESPACE = "SameNamespace"
    ALL = "All"
    SELECTED = "Selected"


class PlatformPart(enum.StrEnum):
    """What only the Platform can define."""

    INGRESS = "Ingress"
    METRICS = "Metrics"
    API_SERVER = "APIServer"
    NODES = "Nodes"
    WORLD = "World"


class HttpMatch(msgspec.Struct, frozen=True):
    """Requests of some methods (empty: any) on a path; `exact` tells Exact from Prefix."""

    methods: tuple[str, ...]
    path: str = "/"
    exact: bool = False


class GrpcMatch(msgspec.Struct, frozen=True):
    """Methods (empty: any) of a gRPC service."""

    service: str
    methods: tuple[str, ...] = ()


class WorkloadPeer(msgspec.Struct, frozen=True):
    """A workload; namespace and cluster are filled in from the contract where they were left out.

    What the pattern leaves out still (kind, group) may be anything.
    """

    pattern: Pattern


class NamespacePeer(msgspec.Struct, frozen=True):
    """Every contracted workload of a namespace; a caller only."""

    name: str


class ServicePeer(msgspec.Struct, frozen=True):
    """A Kubernetes Service, followed to its pods; a callee only."""

    namespace: str
    name: str


class GatewayPeer(msgspec.Struct, frozen=True):
    """A Gateway or a gateway of the Platform; a caller only."""

    namespace: str
    name: str


class SpiffePeer(msgspec.Struct, frozen=True):
    """Whoever proves this SPIFFE ID; a caller only."""

    id: str


class CidrPeer(msgspec.Struct, frozen=True):
    """Addresses outside; `text` is what the user wrote."""

    addresses: AddressSet
    text: str


class DnsPeer(msgspec.Struct, frozen=True):
    """A DNS name outside; a leading `*.` stands for exactly one label. A callee only."""

    name: str

    def covers(self, name: str) -> bool:
        """Whether this means a DNS name; letter case and a closing dot tell no names apart."""
        declared, name = self.name.lower().rstrip("."), name.lower().rstrip(".")
        if declared.startswith("*."):
            return name.partition(".")[2] == declared[2:]
        return name == declared


class SelfPeer(msgspec.Struct, frozen=True):
    """The contract's own workload, replica to replica."""


class PlatformPeer(msgspec.Struct, frozen=True):
    """What the Platform defines."""

    part: PlatformPart


Peer: TypeAlias = (
    WorkloadPeer | NamespacePeer | ServicePeer | GatewayPeer | SpiffePeer | CidrPeer | DnsPeer | SelfPeer | PlatformPeer
)

Port: TypeAlias = PortRange | NamedPort
"""A NamedPort's name is a container port's (of a Service's where the peer is a Service)."""


class Caller(msgspec.Struct, frozen=True):
    """One entry of `callers.peers`; `http` and `grpc` are empty where everything is admitted."""

    name: str
    peer: Peer
    place: Place
    http: tuple[HttpMatch, ...] = ()
    grpc: tuple[GrpcMatch, ...] = ()


class Serve(msgspec.Struct, frozen=True):
    """One entry of `serves`. `mtls` None is what the Platform says; `callers` is empty unless `admits` is Selected."""

    name: str
    ports: tuple[Port, ...]
    admits: From
    callers: tuple[Caller, ...]
    place: Place
    application: Application | None = None
    mtls: MutualTls | None = None


class Call(msgspec.Struct, frozen=True):
    """One entry of `calls`.

    `serves` names the callee's entry, empty where it was left out; `ports` is empty where the callee's contract says
    them. From `not_after` on the call is no longer agreed; it carries a timezone. `mode` None inherits.
    """

    name: str
    peer: Peer
    place: Place
    serves: str = ""
    ports: tuple[Port, ...] = ()
    http: tuple[HttpMatch, ...] = ()
    grpc: tuple[GrpcMatch, ...] = ()
    need: Need = Need.REQUIRED
    reason: str = ""
    not_after: datetime | None = None
    mode: Mode | None = None


class Contract(msgspec.Struct, frozen=True):
    """One workload's declaration.

    `target` has namespace and cluster filled in. `annotated` is True where it was written as an annotation of the
    workload, which can hold calls only: then `serves` is empty and says nothing about callers, who are not restricted.
    """

    key: Key
    target: Pattern
    serves: tuple[Serve, ...]
    calls: tuple[Call, ...]
    origin: Origin
    owner: str = ""
    sensitivity: Sensitivity = Sensitivity.INTERNAL
    mode: Mode | None = None
    annotated: bool = False


class Isolation(enum.StrEnum):
    """Which workloads of a namespace are default-deny."""

    CONTRACTED = "ContractedWorkloads"
    ALL = "AllWorkloads"


class NamespaceContract(msgspec.Struct, frozen=True):
    """What holds for a whole namespace; one a namespace, named `default`."""

    namespace: str
    origin: Origin
    isolate: Isolation = Isolation.CONTRACTED
    mode: Mode | None = None


class Contracts(msgspec.Struct, frozen=True):
    """Everything declared, each contract's key and each namespace once. `mode` is what the Platform says, or None."""

    contracts: tuple[Contract, ...] = ()
    namespaces: tuple[NamespaceContract, ...] = ()
    mode: Mode | None = None


def peer_text(peer: Peer) -> str:
    """A peer as findings name it."""
    match peer:
        case WorkloadPeer(pattern=pattern):
            name = f"{pattern.namespace}/{pattern.name}" if pattern.namespace else pattern.name
            return f"{pattern.cluster}:{name}" if pattern.cluster else name
        case NamespacePeer(name=name):
            return f"namespace {name}"
        case ServicePeer(namespace=namespace, name=name) | GatewayPeer(namespace=namespace, name=name):
            return f"{namespace}/{name}"
        case SpiffePeer(id=identity):
            return identity
        case CidrPeer(text=text):
            return text
        case DnsPeer(name=name):
            return name
        case SelfPeer():
            return "itself"
        case PlatformPeer(part=part):
            return part.value
