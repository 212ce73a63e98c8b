"""Random clusters, small and dense in the cases where policies are easily read wrongly, and packets at their borders.

One generator serves two drivers: a seeded `random.Random` for long runs, and hypothesis (`clusters()`), which hands in
a Random that it controls and so can shrink what fails.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import TypeVar

import msgspec
from hypothesis import strategies as st

from licet.diag.place import Origin
from licet.model.addresses import EVERY_ADDRESS, V6_BASE, AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.platform import Platform
from licet.model.policy import (
    Action,
    BlockPeer,
    ClusterPolicy,
    ClusterRule,
    Direction,
    DomainPeer,
    NetworkPolicy,
    NetworkRule,
    NodePeer,
    Peer,
    PodPeer,
    Tier,
    UnknownPeer,
)
from licet.model.ports import FIRST_PORT, LAST_PORT, NamedPort, PortRange, PortRule, Protocol
from licet.model.profile import Profile
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from licet.model.ternary import Ternary
from licet.model.workload import ContainerPort, Namespace, Workload
from tests.oracle import INGRESS, Side

T = TypeVar("T")

NAME_LABEL = "kubernetes.io/metadata.name"
NAMESPACES = ("shop", "bank", "mail", "ops")
POD_LABELS = {"app": ("web", "db", "log"), "tier": ("front", "back")}
NAMESPACE_LABELS = {"team": ("red", "blue"), "env": ("prod", "test")}
RUNTIME_LABELS = ("pod-template-hash", "controller-uid")
CLUSTER_KINDS = ("ClusterNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy")
PORT_NAMES = ("http", "dns", "admin")
PORTS = (1, 53, 80, 81, 443, 8080, 8081, 65534, 65535)
BLOCKS: dict[str, tuple[str, ...]] = {
    "0.0.0.0/0": ("10.0.0.0/8", "172.16.0.0/12", "0.0.0.0/1", "128.0.0.0/1", "192.168.0.0/24"),
    "128.0.0.0/1": ("192.168.0.0/16",),
    "10.0.0.0/8": ("10.0.0.0/16", "10.0.1.0/24", "10.1.0.0/16"),
    "10.0.0.0/16": ("10.0.1.0/24", "10.0.0.0/30"),
    "10.0.0.0/24": ("10.0.0.0/25", "10.0.0.1/32"),
    "10.0.0.2/31": (),
    "192.168.0.0/24": ("192.168.0.0/25",),
    "169.254.0.0/16": ("169.254.169.254/32",),
    "172.16.0.0/12": ("172.16.0.0/16",),
    "203.0.113.7/32": (),
    "255.255.255.255/32": (),
    "::/0": ("fd00::/8", "2001:db8::/32", "8000::/1"),
    "fd00::/64": ("fd00::/126",),
    "2001:db8::/32": ("2001:db8:1::/48",),
}
"""Blocks, and exceptions that lie inside them."""
POD_RANGES = ((), (), ("10.0.0.0/16",), ("10.0.0.0/16", "fd00::/64"), ("fd00::/64",), ("10.0.0.0/8",))
NODE_RANGES = ((), ("192.168.0.0/24",), ("192.168.0.0/25", "2001:db8:1::/64"), ("172.16.0.9",))


class Features(msgspec.Struct, frozen=True):
    """What the clusters may hold. The defaults are everything; the judges know less."""

    unknowns: bool = True
    """Undeclared namespaces, labels set at run time, pods of no, two or any address, platforms, hostNetwork."""
    cluster_policies: bool = True
    ipv6: bool = True


EVERY_FEATURE = Features()


def chance(rng: Random, one_in: int) -> bool:
    """True once in `one_in` times; False is what hypothesis shrinks towards."""
    return rng.randrange(one_in) == one_in - 1


def some(rng: Random, items: Sequence[T], least: int, most: int) -> list[T]:
    """`least` to `most` of the items, none twice, in the items' order."""
    chosen = sorted(rng.sample(range(len(items)), min(len(items), rng.randint(least, most))))
    return [items[i] for i in chosen]


def random_cluster(rng: Random, features: Features = EVERY_FEATURE) -> Cluster:
    """A cluster of 1 to 4 namespaces, 2 to 8 workloads, and policies of every kind around them."""
    names = NAMESPACES[: rng.randint(1, 4)]
    namespaces = {
        name: Namespace(
            name,
            {NAME_LABEL: name} | ({} if undeclared else _labels(rng, NAMESPACE_LABELS)),
            declared=not undeclared,
        )
        for name in names
        for undeclared in (features.unknowns and chance(rng, 4),)
    }
    policies = itertools.count()
    # at most one baseline of the old form: the API wants it named `default`
    kinds = itertools.chain(some(rng, CLUSTER_KINDS, 0, 3), itertools.repeat(CLUSTER_KINDS[0]))
    platform = Platform(
        pod_addresses=AddressSet.of(rng.choice(POD_RANGES)), node_addresses=AddressSet.of(rng.choice(NODE_RANGES))
    )
    return Cluster(
        namespaces=namespaces,
        workloads=tuple(_workload(rng, features, i, rng.choice(names)) for i in range(rng.randint(2, 8))),
        network_policies=tuple(
            _network_policy(rng, features, next(policies), rng.choice(names)) for _ in range(rng.randint(0, 5))
        ),
        cluster_policies=tuple(
            _cluster_policy(rng, features, next(policies), next(kinds))
            for _ in range(rng.randint(0, 4) if features.cluster_policies else 0)
        ),
        platform=platform if features.unknowns else Platform(),
    )


def random_profile(rng: Random) -> Profile:
    """An enforcer that no one has built yet, so that no answer is taken for granted."""
    return Profile(
        name="random",
        block_matches_pods=rng.choice(list(Ternary)),
        block_matches_nodes=rng.choice(list(Ternary)),
        selects_host_network=rng.choice(list(Ternary)),
        end_port=rng.choice([Ternary.YES, *Ternary]),
        other_protocols_denied=Ternary.UNKNOWN,
        experimental=chance(rng, 2),
    )


# --- Pods --------------------------------------------------------------------------------------------------------


def _labels(rng: Random, alphabet: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {key: rng.choice(values) for key, values in alphabet.items() if rng.randrange(4)}


def _workload(rng: Random, features: Features, index: int, namespace: str) -> Workload:
    bare = not features.unknowns or chance(rng, 2)
    kind, group = ("Pod", "") if bare else rng.choice([("Deployment", "apps"), ("StatefulSet", "apps")])
    labels = _labels(rng, POD_LABELS)
    runtime = frozenset(some(rng, RUNTIME_LABELS, 0, 2)) if features.unknowns and not bare else frozenset[str]()
    if features.unknowns and chance(rng, 6):
        labels["pod-template-hash"] = "5d4f"
    runtime = runtime.difference(labels)
    replicas = range(1 if bare else rng.randint(1, 2))
    own = [f"10.0.{rng.randrange(2)}.{2 * index + i}" for i in replicas]
    if features.ipv6 and chance(rng, 3):
        six = [f"fd00::{2 * index + i:x}" for i in replicas]
        # a pod of both families is reached over either, so what a block says of it may stay open
        own = own + six if features.unknowns and rng.randrange(3) else six
    known = not features.unknowns or chance(rng, 3)
    return Workload(
        key=Key("", group, kind, namespace, f"w{index}"),
        labels=labels,
        runtime_labels=runtime,
        ports=tuple(_container_port(rng) for _ in range(rng.randint(0, 4))),
        host_network=features.unknowns and chance(rng, 5),
        addresses=AddressSet.of(own if known else ()),
        service_account="default",
        origin=Origin(f"w{index}.yaml"),
        certain_labels=runtime if index % 2 else frozenset(),
    )


def _container_port(rng: Random) -> ContainerPort:
    name = rng.choice(PORT_NAMES) if rng.randrange(4) else ""
    return ContainerPort(name, rng.choice(list(Protocol)), rng.choice(PORTS))


# --- Policies ----------------------------------------------------------------------------------------------------


def _selector(rng: Random, alphabet: Mapping[str, tuple[str, ...]], extra: Sequence[str], most: int = 2) -> Selector:
    requirements = []
    for _ in range(rng.randint(0, most)):
        key = rng.choice([*alphabet, *extra])
        operator = rng.choice(list(Operator))
        values: list[str] = []
        if operator in (Operator.IN, Operator.NOT_IN):
            values = some(rng, (*alphabet.get(key, NAMESPACES if key == NAME_LABEL else ("5d4f", "77aa")),), 1, 2)
        requirements.append(Requirement(key, operator, tuple(sorted(values))))
    return Selector.of(requirements)


def _pods(rng: Random, features: Features) -> Selector:
    runtime = RUNTIME_LABELS if features.unknowns and chance(rng, 3) else ()
    return _selector(rng, POD_LABELS, runtime)


def _namespaces(rng: Random, features: Features) -> Selector:
    known = _selector(rng, {}, (NAME_LABEL,), 1)
    return known if features.unknowns and chance(rng, 2) else _selector(rng, NAMESPACE_LABELS, (NAME_LABEL,))


def _block(rng: Random, features: Features, exceptions: bool) -> BlockPeer:
    text = rng.choice(["0.0.0.0/0", *(block for block in BLOCKS if features.ipv6 or ":" not in block)])
    excepted = some(rng, BLOCKS[text], 0, 2) if exceptions else []
    written = f"{text} except {', '.join(excepted)}" if excepted else text
    return BlockPeer(AddressSet.of([text]) - AddressSet.of(excepted), written)


def _range(rng: Random, one_protocol: bool = False) -> PortRange:
    protocol = rng.choice(list(Protocol)) if chance(rng, 2) and not one_protocol else Protocol.TCP
    match rng.randrange(5):
        case 0:
            return PortRange(protocol)
        case 1:
            first, last = sorted(rng.sample(PORTS, 2))
            return PortRange(protocol, first, last)
        case _:
            port = rng.choice(PORTS)
            return PortRange(protocol, port, port)


def _network_policy(rng: Random, features: Features, index: int, namespace: str) -> NetworkPolicy:
    governs = rng.choice([(True, False), (False, True), (True, True)])
    ingress, egress = (
        tuple(_network_rule(rng, features, i) for i in range(rng.randint(0, 3))) if governed else None
        for governed in governs
    )
    return NetworkPolicy(
        key=Key("", "networking.k8s.io", "NetworkPolicy", namespace, f"p{index}"),
        pods=_pods(rng, features),
        ingress=ingress,
        egress=egress,
        origin=Origin(f"p{index}.yaml"),
    )


def _network_rule(rng: Random, features: Features, index: int) -> NetworkRule:
    peers = None if chance(rng, 6) else tuple(_network_peer(rng, features) for _ in range(rng.randint(1, 3)))
    ports: tuple[PortRule, ...] | None = None
    if rng.randrange(3):
        ports = tuple(
            NamedPort(rng.choice(PORT_NAMES), rng.choice(list(Protocol))) if chance(rng, 3) else _range(rng)
            for _ in range(rng.randint(1, 3))
        )
    return NetworkRule(index, peers, ports)


def _network_peer(rng: Random, features: Features) -> Peer:
    match rng.randrange(4):
        case 0:
            return PodPeer(None, _pods(rng, features))
        case 1:
            return PodPeer(_namespaces(rng, features), EVERYTHING)
        case 2:
            return PodPeer(_namespaces(rng, features), _pods(rng, features))
        case _:
            return _block(rng, features, exceptions=True)


def _cluster_policy(rng: Random, features: Features, index: int, kind: str) -> ClusterPolicy:
    tier = {"AdminNetworkPolicy": Tier.ADMIN, "BaselineAdminNetworkPolicy": Tier.BASELINE}.get(kind)
    baseline = kind == "BaselineAdminNetworkPolicy"
    subject = PodPeer(_namespaces(rng, features), EVERYTHING if chance(rng, 2) else _pods(rng, features))
    assert subject.namespaces is not None
    sides = [
        tuple(_cluster_rule(rng, features, i, direction, baseline) for i in range(rng.randint(0, 3)))
        for direction in Direction
    ]
    return ClusterPolicy(
        key=Key("", "policy.networking.k8s.io", kind, "", "default" if baseline else f"c{index}"),
        tier=rng.choice(list(Tier)) if tier is None else tier,
        priority=0 if baseline else rng.choice([0, 1, 2, 1000]),
        namespaces=subject.namespaces,
        pods=subject.pods,
        ingress=sides[0],
        egress=sides[1],
        origin=Origin(f"c{index}.yaml"),
    )


def _cluster_rule(rng: Random, features: Features, index: int, direction: Direction, baseline: bool) -> ClusterRule:
    action = rng.choice([Action.ACCEPT, Action.DENY] if baseline else list(Action))
    peers = tuple(_cluster_peer(rng, features, direction, action, baseline) for _ in range(rng.randint(1, 3)))
    ports: tuple[PortRule, ...] | None = None
    if rng.randrange(3):
        # the API refuses named ports beside peers that are not pods
        nameable = all(isinstance(peer, PodPeer) for peer in peers)
        ports = tuple(
            NamedPort(rng.choice(PORT_NAMES), None) if nameable and chance(rng, 3) else _range(rng)
            for _ in range(rng.randint(1, 3))
        )
    return ClusterRule(index, f"r{index}" if chance(rng, 2) else "", action, peers, ports)


def _cluster_peer(rng: Random, features: Features, direction: Direction, action: Action, baseline: bool) -> Peer:
    if features.unknowns and chance(rng, 12):
        return UnknownPeer()
    if direction is Direction.EGRESS:
        match rng.randrange(8):
            case 0 | 1:
                return _block(rng, features, exceptions=False)
            case 2 if features.unknowns:
                return NodePeer(_selector(rng, {"zone": ("a", "b")}, ()))
            case 3 if features.unknowns and action is Action.ACCEPT and not baseline:
                return DomainPeer(("example.com",))
    return PodPeer(_namespaces(rng, features), EVERYTHING if chance(rng, 2) else _pods(rng, features))


# --- Packets -----------------------------------------------------------------------------------------------------


class Question(msgspec.Struct, frozen=True):
    """One packet to judge."""

    src: Side
    dst: Side
    protocol: Protocol
    port: int


def questions(rng: Random, cluster: Cluster, count: int) -> Iterator[Question]:
    """`count` packets, at least one end a pod, most of them where some rule begins or ends."""
    ports, addresses = border_ports(cluster), border_addresses(cluster)
    for _ in range(count):
        pod = rng.choice(cluster.workloads)
        src: Side = pod
        dst: Side = pod
        match rng.randrange(8):
            case 0:
                src = INGRESS
            case 1:
                src = rng.choice(addresses)
            case 2:
                dst = rng.choice(addresses)
            case _:
                dst = rng.choice(cluster.workloads)
        protocol = rng.choice(list(Protocol)) if chance(rng, 2) else Protocol.TCP
        port = rng.choice(ports) if rng.randrange(8) else rng.randint(FIRST_PORT, LAST_PORT)
        if isinstance(dst, Workload) and dst.ports and chance(rng, 4):
            declared = rng.choice(dst.ports)
            protocol, port = declared.protocol, declared.number
        yield Question(src, dst, protocol, port)


def _rules(cluster: Cluster) -> Iterator[NetworkRule | ClusterRule]:
    for one in cluster.network_policies:
        yield from (*(one.ingress or ()), *(one.egress or ()))
    for other in cluster.cluster_policies:
        yield from (*other.ingress, *other.egress)


def border_ports(cluster: Cluster) -> list[int]:
    """Both sides of every port at which a rule begins or ends, and the ports that containers declare."""
    found = {FIRST_PORT, LAST_PORT} | {port.number for pod in cluster.workloads for port in pod.ports}
    for rule in _rules(cluster):
        for port in rule.ports or ():
            if isinstance(port, PortRange):
                found |= {port.first - 1, port.first, port.last, port.last + 1}
    return sorted(port for port in found if FIRST_PORT <= port <= LAST_PORT)


def border_addresses(cluster: Cluster) -> list[int]:
    """Both sides of every address at which a block begins or ends, and of the platform's ranges."""
    sets = [EVERY_ADDRESS, cluster.platform.pod_addresses, cluster.platform.node_addresses]
    for rule in _rules(cluster):
        sets += [peer.addresses for peer in rule.peers or () if isinstance(peer, BlockPeer)]
    edges = {V6_BASE - 1, V6_BASE, *(edge for one in sets for first, last in one.ranges() for edge in (first, last))}
    last_of_all = EVERY_ADDRESS.spans[-1][1]
    near = {edge + step for edge in edges for step in (-1, 0, 1)}
    return sorted(address for address in near if 0 <= address <= last_of_all)


def clusters(features: Features = EVERY_FEATURE) -> st.SearchStrategy[Cluster]:
    """The same clusters, drawn by hypothesis."""
    return st.randoms(use_true_random=False).map(lambda rng: random_cluster(rng, features))


def profiles() -> st.SearchStrategy[Profile]:
    """The same profiles, drawn by hypothesis."""
    return st.randoms(use_true_random=False).map(random_profile)
