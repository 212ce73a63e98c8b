"""Small clusters by hand: the parts that a test names, everything else as plain as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from licet.diag.place import Origin, Place
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.platform import UNKNOWN_PLATFORM, Platform
from licet.model.policy import (
    Action,
    BlockPeer,
    ClusterPolicy,
    ClusterRule,
    NetworkPolicy,
    NetworkRule,
    Peer,
    PodPeer,
    Tier,
)
from licet.model.ports import PortRange, PortRule, Protocol
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from licet.model.service import (
    Backend,
    EndpointSlice,
    Gateway,
    GatewayRef,
    Listener,
    ReferenceGrant,
    Route,
    Service,
    ServicePort,
    SlicePort,
)
from licet.model.workload import METADATA_NAME, ContainerPort, Namespace, Workload

GATEWAY_API = "gateway.networking.k8s.io"
GROUPS = {"Deployment": "apps", "ReplicaSet": "apps", "Pod": "", "Ingress": "networking.k8s.io"}


def key(kind: str, name: str, namespace: str = "shop", group: str | None = None) -> Key:
    """A key of one of the usual kinds."""
    return Key("", GROUPS.get(kind, GATEWAY_API) if group is None else group, kind, namespace, name)


def origin(name: str) -> Origin:
    """A file of its own for every object."""
    return Origin(f"{name}.yaml")


def labelled(**labels: str) -> Selector:
    """A selector such as matchLabels makes."""
    return Selector.of([Requirement(key, Operator.IN, (value,)) for key, value in labels.items()])


def tcp(port: int, last: int | None = None) -> PortRange:
    """A port, or a range of them."""
    return PortRange(Protocol.TCP, port, last or port)


def http(number: int, protocol: Protocol = Protocol.TCP) -> ContainerPort:
    """A container port named `http`."""
    return ContainerPort("http", protocol, number)


def workload(
    name: str,
    namespace: str = "shop",
    kind: str = "Deployment",
    *,
    ports: Sequence[ContainerPort] = (),
    host: bool = False,
    addresses: Sequence[str] = (),
    runtime: Sequence[str] = (),
    owner: Key | None = None,
    bears: Mapping[str, str] = MappingProxyType({}),
    **labels: str,
) -> Workload:
    """Pods that bear `app: NAME` beside the labels given; `bears` are those that are no Python names."""
    borne = {"app": name, **labels, **bears}
    return Workload(
        key=key(kind, name, namespace),
        labels=borne,
        runtime_labels=frozenset(runtime),
        ports=tuple(ports),
        host_network=host,
        addresses=AddressSet.of(addresses),
        service_account="default",
        origin=origin(name),
        owner=owner,
    )


def rule(index: int = 0, peers: Sequence[Peer] | None = None, ports: Sequence[PortRule] | None = None) -> NetworkRule:
    """A rule of a NetworkPolicy."""
    return NetworkRule(index, None if peers is None else tuple(peers), None if ports is None else tuple(ports))


def network_policy(
    name: str,
    namespace: str = "shop",
    *,
    pods: Selector = EVERYTHING,
    ingress: Sequence[NetworkRule] | None = None,
    egress: Sequence[NetworkRule] | None = None,
) -> NetworkPolicy:
    """A direction that is left out is not governed."""
    return NetworkPolicy(
        key=key("NetworkPolicy", name, namespace, "networking.k8s.io"),
        pods=pods,
        ingress=None if ingress is None else tuple(ingress),
        egress=None if egress is None else tuple(egress),
        origin=origin(name),
    )


def wide_rule(
    index: int, action: Action, peers: Sequence[Peer], ports: Sequence[PortRule] | None = None, name: str = ""
) -> ClusterRule:
    """A rule of a ClusterNetworkPolicy."""
    return ClusterRule(index, name, action, tuple(peers), None if ports is None else tuple(ports))


def wide_policy(
    name: str,
    *,
    tier: Tier = Tier.ADMIN,
    priority: int = 0,
    namespaces: Selector = EVERYTHING,
    pods: Selector = EVERYTHING,
    ingress: Sequence[ClusterRule] = (),
    egress: Sequence[ClusterRule] = (),
) -> ClusterPolicy:
    """A ClusterNetworkPolicy, for every pod unless it is told otherwise."""
    return ClusterPolicy(
        key=Key("", "policy.networking.k8s.io", "ClusterNetworkPolicy", "", name),
        tier=tier,
        priority=priority,
        namespaces=namespaces,
        pods=pods,
        ingress=tuple(ingress),
        egress=tuple(egress),
        origin=origin(name),
    )


def anyone() -> PodPeer:
    """Every pod of the cluster."""
    return PodPeer(EVERYTHING, EVERYTHING)


def pods(**labels: str) -> PodPeer:
    """Pods of the policy's own namespace by their labels."""
    return PodPeer(None, labelled(**labels))


def block(text: str) -> BlockPeer:
    """An ipBlock."""
    return BlockPeer(AddressSet.of([text]), text)


def service(
    name: str,
    namespace: str = "shop",
    *ports: ServicePort,
    selector: Selector | None = EVERYTHING,
    kind: str = "ClusterIP",
) -> Service:
    """A Service over every pod of its namespace, unless it is told otherwise."""
    return Service(
        key=key("Service", name, namespace, ""),
        type=kind,
        selector=selector,
        ports=ports,
        headless=False,
        external_name="",
        origin=origin(name),
    )


def to(port: int, target: int | str, name: str = "", protocol: Protocol = Protocol.TCP) -> ServicePort:
    """A Service's port and the pods' port that it leads to."""
    return ServicePort(name, protocol, port, target)


def endpoint_slice(
    of: str, namespace: str = "shop", *ports: SlicePort, pods: Sequence[str] = (), addresses: Sequence[str] = ()
) -> EndpointSlice:
    """An EndpointSlice of a Service."""
    return EndpointSlice(
        key=key("EndpointSlice", f"{of}-1", namespace, "discovery.k8s.io"),
        service=of,
        addresses=AddressSet.of(addresses),
        pods=tuple(pods),
        ports=ports,
        origin=origin(of),
    )


def backend(
    name: str = "web",
    namespace: str = "shop",
    port: int | str | None = 80,
    *,
    group: str = "",
    kind: str = "Service",
    target: int | None = None,
) -> Backend:
    """Where a route sends traffic."""
    return Backend(namespace, name, port, Place(origin(name)), group, kind, target)


def ingress(
    name: str = "front", namespace: str = "shop", *backends: Backend, class_name: str = "", kind: str = "Ingress"
) -> Route:
    """An Ingress."""
    return Route(key(kind, name, namespace), backends or (backend(),), None, (), class_name, origin(name))


def parent(
    name: str = "edge", namespace: str = "shop", section: str | None = None, port: int | None = None
) -> GatewayRef:
    """A route's reference to a Gateway."""
    return GatewayRef(namespace, name, section, port, Place(origin(name)))


def route(
    *parents: GatewayRef,
    kind: str = "HTTPRoute",
    namespace: str = "shop",
    backends: Sequence[Backend] = (),
    hostnames: Sequence[str] = (),
) -> Route:
    """A route of the Gateway API."""
    return Route(key(kind, "r", namespace), tuple(backends) or (backend(),), parents, tuple(hostnames), "", origin("r"))


def listener(
    name: str = "http",
    port: int = 80,
    protocol: str = "HTTP",
    hostname: str = "",
    allow: str = "All",
    namespaces: Selector | None = None,
    kinds: Sequence[tuple[str, str]] = (),
) -> Listener:
    """A listener that takes routes of all namespaces unless it is told otherwise."""
    return Listener(name, port, protocol, hostname, allow, namespaces, tuple(kinds))


def gateway(*listeners: Listener, name: str = "edge", namespace: str = "shop") -> Gateway:
    """A Gateway."""
    return Gateway(key("Gateway", name, namespace), "any", listeners, origin(name))


def reference_grant(
    namespace: str, sources: Sequence[tuple[str, str, str]], targets: Sequence[tuple[str, str, str]]
) -> ReferenceGrant:
    """Leave for routes elsewhere to name what is here."""
    return ReferenceGrant(key("ReferenceGrant", "leave", namespace), tuple(sources), tuple(targets), origin("leave"))


Thing = (
    Workload | NetworkPolicy | ClusterPolicy | Service | EndpointSlice | Route | Gateway | ReferenceGrant | Namespace
)


def cluster(*things: Thing, platform: Platform = UNKNOWN_PLATFORM) -> Cluster:
    """All of it as one value. Namespaces that are not given are declared, without labels but their name."""
    namespaces = {name: Namespace(name, {METADATA_NAME: name}, declared=True) for name in _named(things)}
    namespaces |= {thing.name: thing for thing in things if isinstance(thing, Namespace)}
    return Cluster(
        namespaces=namespaces,
        workloads=tuple(thing for thing in things if isinstance(thing, Workload)),
        network_policies=tuple(thing for thing in things if isinstance(thing, NetworkPolicy)),
        cluster_policies=tuple(thing for thing in things if isinstance(thing, ClusterPolicy)),
        services=tuple(thing for thing in things if isinstance(thing, Service)),
        slices=tuple(thing for thing in things if isinstance(thing, EndpointSlice)),
        routes=tuple(thing for thing in things if isinstance(thing, Route)),
        gateways=tuple(thing for thing in things if isinstance(thing, Gateway)),
        grants=tuple(thing for thing in things if isinstance(thing, ReferenceGrant)),
        platform=platform,
    )


def _named(things: Sequence[Thing]) -> list[str]:
    held = [thing.key.namespace for thing in things if not isinstance(thing, Namespace | ClusterPolicy)]
    return list(dict.fromkeys(held))


def namespace(name: str, *, declared: bool = True, **labels: str) -> Namespace:
    """A namespace and its labels beside its name."""
    return Namespace(name, {METADATA_NAME: name, **labels}, declared=declared)
