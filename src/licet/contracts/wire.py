"""Contract and NamespaceContract as written: the one model of which decoding, schemas and the reference are made.

What one field alone can say wrongly stands here, as constraints; what hangs on two fields is in `rules`. A field that
is left out is UNSET; none may be null. The Platform's model is `licet.manifest.platform`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from licet.contracts.contract import Application, From, Isolation, Mode, MutualTls, Need, PlatformPart, Sensitivity
from licet.contracts.terms import (
    Block,
    ClusterName,
    DnsName,
    EntryName,
    GroupName,
    GrpcMethod,
    GrpcService,
    HttpMethod,
    KindName,
    NamespaceName,
    ObjectName,
    Owner,
    PathText,
    PortName,
    PortNumber,
    SpiffeId,
    Time,
    Transport,
)

CONTRACT = "Contract"
NAMESPACE_CONTRACT = "NamespaceContract"
DEFAULT_NAME = "default"
"""The only name of a NamespaceContract and of a Platform."""

MOST_ENTRIES = 128
"""The most `serves`, `calls` and `peers` of one list; beyond it a namespace, `All` or another workload is meant."""


class _Wire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What every part has: no other fields than its own."""


class Metadata(_Wire):
    """metav1.ObjectMeta of an object that bears a name, whole, so that a misspelt field shows."""

    name: Annotated[ObjectName, msgspec.Meta(description="Its name.", examples=["checkout"])]
    namespace: Annotated[
        NamespaceName | UnsetType,
        msgspec.Meta(description="Its namespace; left out, the one that is being applied to."),
    ] = UNSET
    labels: Annotated[dict[str, str] | UnsetType, msgspec.Meta(description="Its labels.")] = UNSET
    annotations: Annotated[dict[str, str] | UnsetType, msgspec.Meta(description="Its annotations.")] = UNSET
    creationTimestamp: Any = None
    deletionGracePeriodSeconds: Any = None
    deletionTimestamp: Any = None
    finalizers: Any = None
    generation: Any = None
    managedFields: Any = None
    ownerReferences: Any = None
    resourceVersion: Any = None
    selfLink: Any = None
    uid: Any = None


class TargetRef(_Wire):
    """The workload that a contract is about, in the contract's namespace."""

    kind: Annotated[KindName, msgspec.Meta(description="Its kind.", examples=["Deployment"])]
    name: Annotated[ObjectName, msgspec.Meta(description="Its name.", examples=["checkout"])]
    group: Annotated[
        GroupName | UnsetType,
        msgspec.Meta(description="Its API group; may be left out for built-in kinds.", examples=["apps"]),
    ] = UNSET


class WorkloadRef(_Wire):
    """A workload by name."""

    name: Annotated[ObjectName, msgspec.Meta(description="Its name.", examples=["frontend"])]
    kind: Annotated[
        KindName | UnsetType,
        msgspec.Meta(description="Its kind; left out, any kind of that name.", examples=["Deployment"]),
    ] = UNSET
    group: Annotated[
        GroupName | UnsetType,
        msgspec.Meta(description="Its API group; may be left out for built-in kinds.", examples=["apps"]),
    ] = UNSET
    namespace: Annotated[
        NamespaceName | UnsetType,
        msgspec.Meta(description="Its namespace; left out, the contract's own.", examples=["bank"]),
    ] = UNSET
    cluster: Annotated[
        ClusterName | UnsetType,
        msgspec.Meta(
            description="Its cluster, as that cluster's Platform names it; left out, this one.", examples=["eu-west"]
        ),
    ] = UNSET


class NamespaceRef(_Wire):
    """Every contracted workload of a namespace."""

    name: Annotated[NamespaceName, msgspec.Meta(description="The namespace.", examples=["bank"])]


class ServiceRef(_Wire):
    """A Kubernetes Service, followed to its pods and their ports."""

    name: Annotated[ObjectName, msgspec.Meta(description="Its name.", examples=["redis"])]
    namespace: Annotated[
        NamespaceName | UnsetType,
        msgspec.Meta(description="Its namespace; left out, the contract's own.", examples=["data"]),
    ] = UNSET


class GatewayRef(_Wire):
    """A Gateway of the cluster, or a gateway that the Platform names."""

    name: Annotated[ObjectName, msgspec.Meta(description="Its name.", examples=["public"])]
    namespace: Annotated[
        NamespaceName | UnsetType,
        msgspec.Meta(description="Its namespace; left out, the contract's own.", examples=["infra"]),
    ] = UNSET


class CidrRef(_Wire):
    """Addresses outside the cluster."""

    block: Annotated[
        Block, msgspec.Meta(description="The block, as address and prefix length.", examples=["10.20.0.0/16"])
    ]
    excluded: Annotated[
        list[Block],
        msgspec.Meta(
            description="Smaller blocks inside it that are not meant.", max_length=64, examples=[["10.20.9.0/24"]]
        ),
    ] = msgspec.field(name="except", default_factory=list)


class DnsRef(_Wire):
    """A DNS name outside the cluster."""

    name: Annotated[
        DnsName,
        msgspec.Meta(
            description="The name, in lower case; a leading `*.` stands for exactly one label.",
            examples=["api.stripe.com"],
        ),
    ]


class SelfRef(_Wire):
    """The contract's own workload, replica to replica; written `{}`."""


class Port(_Wire):
    """One port, or a range of them."""

    port: Annotated[
        PortNumber | PortName,
        msgspec.Meta(
            description="The pod's port, or a container port's name; of a Service, the Service's port.", examples=[5050]
        ),
    ]
    endPort: Annotated[
        PortNumber | UnsetType,
        msgspec.Meta(description="The last port of a range that begins with `port`, a number.", examples=[5060]),
    ] = UNSET
    transport: Annotated[Transport, msgspec.Meta(description="The transport protocol.")] = "TCP"


class HttpPath(_Wire):
    """A path of HTTP requests."""

    value: Annotated[
        PathText,
        msgspec.Meta(description="The path; it begins with `/` and holds no query.", examples=["/v1/items"]),
    ]
    type: Annotated[
        Literal["Exact", "Prefix"],
        msgspec.Meta(description="`Exact`: this path only. `Prefix`: it and every path below it, by whole segments."),
    ] = "Prefix"


class Http(_Wire):
    """HTTP requests; one that fits any entry is meant."""

    methods: Annotated[
        Annotated[list[HttpMethod], msgspec.Meta(min_length=1, max_length=9)] | UnsetType,
        msgspec.Meta(description="Their methods; left out, every one.", examples=[["GET"]]),
    ] = UNSET
    path: Annotated[HttpPath | UnsetType, msgspec.Meta(description="Their path; left out, every one.")] = UNSET


class Grpc(_Wire):
    """gRPC requests; one that fits any entry is meant."""

    service: Annotated[
        GrpcService, msgspec.Meta(description="The service's full name, with its package.", examples=["shop.Payment"])
    ]
    methods: Annotated[
        Annotated[list[GrpcMethod], msgspec.Meta(min_length=1, max_length=64)] | UnsetType,
        msgspec.Meta(description="Its methods; left out, every one.", examples=[["Charge"]]),
    ] = UNSET


Ports: TypeAlias = Annotated[list[Port], msgspec.Meta(min_length=1, max_length=32)]
Https: TypeAlias = Annotated[list[Http], msgspec.Meta(min_length=1, max_length=16)]
Grpcs: TypeAlias = Annotated[list[Grpc], msgspec.Meta(min_length=1, max_length=16)]


class Caller(_Wire):
    """Somebody who is admitted: a name for the entry, exactly one kind of peer, and perhaps requests."""

    name: Annotated[
        EntryName, msgspec.Meta(description="What the entry is called; once in `peers`.", examples=["frontend"])
    ]
    workload: Annotated[WorkloadRef | UnsetType, msgspec.Meta(description="A workload.")] = UNSET
    namespace: Annotated[
        NamespaceRef | UnsetType, msgspec.Meta(description="Every contracted workload of a namespace.")
    ] = UNSET
    gateway: Annotated[GatewayRef | UnsetType, msgspec.Meta(description="A gateway.")] = UNSET
    spiffeID: Annotated[
        SpiffeId | UnsetType,
        msgspec.Meta(description="Whoever proves this SPIFFE ID.", examples=["spiffe://corp/vm/ledger"]),
    ] = UNSET
    cidr: Annotated[CidrRef | UnsetType, msgspec.Meta(description="Addresses outside the cluster.")] = UNSET
    platform: Annotated[PlatformPart | UnsetType, msgspec.Meta(description="What the Platform defines.")] = UNSET
    http: Annotated[Https | UnsetType, msgspec.Meta(description="The HTTP requests admitted; left out, all.")] = UNSET
    grpc: Annotated[Grpcs | UnsetType, msgspec.Meta(description="The gRPC requests admitted; left out, all.")] = UNSET


class Callers(_Wire):
    """Who may call."""

    admits: Annotated[
        From,
        msgspec.Meta(
            description="`None`: nobody. `SameNamespace`: every contracted workload of the namespace. "
            "`All`: every contract that declares the call. `Selected`: who is in `peers`."
        ),
    ] = msgspec.field(name="from")
    peers: Annotated[
        Annotated[list[Caller], msgspec.Meta(min_length=1, max_length=MOST_ENTRIES)] | UnsetType,
        msgspec.Meta(description="Who is admitted, with `from: Selected` only."),
    ] = UNSET


class Serve(_Wire):
    """Ports that a workload serves, and to whom."""

    name: Annotated[
        EntryName, msgspec.Meta(description="What callers name the entry by; once in `serves`.", examples=["grpc"])
    ]
    ports: Annotated[Ports, msgspec.Meta(description="The ports of the workload's pods.")]
    application: Annotated[
        Application | UnsetType, msgspec.Meta(description="What is spoken on them.", examples=["gRPC"])
    ] = UNSET
    mtls: Annotated[
        MutualTls | UnsetType,
        msgspec.Meta(description="Whether callers must prove who they are; left out, what the Platform says."),
    ] = UNSET
    callers: Annotated[Callers | UnsetType, msgspec.Meta(description="Who may call; left out, nobody.")] = UNSET


class To(_Wire):
    """Whom a call goes to: exactly one kind of peer."""

    workload: Annotated[WorkloadRef | UnsetType, msgspec.Meta(description="A workload.")] = UNSET
    service: Annotated[
        ServiceRef | UnsetType, msgspec.Meta(description="A Kubernetes Service, followed to its pods and their ports.")
    ] = UNSET
    dns: Annotated[DnsRef | UnsetType, msgspec.Meta(description="A DNS name outside the cluster.")] = UNSET
    cidr: Annotated[CidrRef | UnsetType, msgspec.Meta(description="Addresses outside the cluster.")] = UNSET
    own: Annotated[SelfRef | UnsetType, msgspec.Meta(description="The workload's own replicas: `self: {}`.")] = (
        msgspec.field(name="self", default=UNSET)
    )
    platform: Annotated[
        Literal["APIServer", "Nodes", "World"] | UnsetType,
        msgspec.Meta(description="What the Platform defines. Cluster DNS is implied and never named."),
    ] = UNSET


class Call(_Wire):
    """A connection that a workload opens."""

    name: Annotated[
        EntryName, msgspec.Meta(description="What the call is named by; once in `calls`.", examples=["charge"])
    ]
    to: Annotated[To, msgspec.Meta(description="Whom it goes to.")]
    serves: Annotated[
        EntryName | UnsetType,
        msgspec.Meta(
            description="The callee's entry of `serves`; may be left out where the callee has one entry only.",
            examples=["grpc"],
        ),
    ] = UNSET
    ports: Annotated[
        Ports | UnsetType,
        msgspec.Meta(description="The ports, where no contract of the callee says them; not beside `serves`."),
    ] = UNSET
    http: Annotated[Https | UnsetType, msgspec.Meta(description="The HTTP requests made; left out, any.")] = UNSET
    grpc: Annotated[Grpcs | UnsetType, msgspec.Meta(description="The gRPC requests made; left out, any.")] = UNSET
    need: Annotated[
        Need,
        msgspec.Meta(
            description="How much the caller depends on it, which weighs findings. "
            "`Startup`: it may be cut once the caller is ready."
        ),
    ] = Need.REQUIRED
    reason: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=1024)] | UnsetType,
        msgspec.Meta(description="What it is for.", examples=["charges the card"]),
    ] = UNSET
    notAfter: Annotated[
        Time | UnsetType,
        msgspec.Meta(
            description="From then on the call is not agreed; warned of 30 days before. RFC 3339, with a time zone.",
            examples=["2027-03-31T00:00:00Z"],
            extra_json_schema={"format": "date-time"},
        ),
    ] = UNSET
    mode: Annotated[
        Mode | UnsetType, msgspec.Meta(description="How far the call is enforced; left out, inherited.")
    ] = UNSET


class ContractSpec(_Wire):
    """One workload's declaration: what it serves, to whom, and what it calls."""

    targetRef: Annotated[TargetRef, msgspec.Meta(description="The workload.")]
    owner: Annotated[
        Owner | UnsetType,
        msgspec.Meta(
            description="Who answers for the contract, and who may change `callers`.", examples=["team-payments"]
        ),
    ] = UNSET
    sensitivity: Annotated[
        Sensitivity, msgspec.Meta(description="How much harm a stranger could do; weighs alerts and evidence.")
    ] = Sensitivity.INTERNAL
    mode: Annotated[
        Mode | UnsetType, msgspec.Meta(description="How far the contract is enforced; left out, inherited.")
    ] = UNSET
    serves: Annotated[
        list[Serve],
        msgspec.Meta(description="What it serves; left out, nothing: nobody may call it.", max_length=MOST_ENTRIES),
    ] = msgspec.field(default_factory=list)
    calls: Annotated[
        list[Call],
        msgspec.Meta(description="What it calls; left out, nothing but cluster DNS.", max_length=MOST_ENTRIES),
    ] = msgspec.field(default_factory=list)


class Contract(_Wire):
    """What a workload serves, to whom, and what it calls; an edge exists only where both sides declare it."""

    apiVersion: Annotated[Literal["licet.dev/v1alpha1"], msgspec.Meta(description="The version of this form.")]
    kind: Annotated[Literal["Contract"], msgspec.Meta(description="The kind.")]
    metadata: Annotated[Metadata, msgspec.Meta(description="Name, namespace and the rest, as of every object.")]
    spec: Annotated[ContractSpec, msgspec.Meta(description="The declaration.")]
    status: Annotated[Any, msgspec.Meta(description="Written by Licet in a cluster; never read from a file.")] = UNSET


class NamespaceContractSpec(_Wire):
    """What holds for every workload of a namespace."""

    isolate: Annotated[
        Isolation,
        msgspec.Meta(description="Which workloads are default-deny: those with a contract, or all of the namespace."),
    ] = Isolation.CONTRACTED
    mode: Annotated[
        Mode | UnsetType,
        msgspec.Meta(description="How far contracts of the namespace are enforced; left out, inherited."),
    ] = UNSET


class NamespaceContract(_Wire):
    """What holds for a whole namespace; one a namespace, named `default`."""

    apiVersion: Annotated[Literal["licet.dev/v1alpha1"], msgspec.Meta(description="The version of this form.")]
    kind: Annotated[Literal["NamespaceContract"], msgspec.Meta(description="The kind.")]
    metadata: Annotated[Metadata, msgspec.Meta(description="Its name is `default`.")]
    spec: Annotated[NamespaceContractSpec, msgspec.Meta(description="What holds.")] = msgspec.field(
        default_factory=NamespaceContractSpec
    )
    status: Annotated[Any, msgspec.Meta(description="Written by Licet in a cluster; never read from a file.")] = UNSET
