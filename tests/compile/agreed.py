"""Random agreements on random clusters, what they permit said naively, and a target's objects read back."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec

from licet.compile.compiled import Compiled, Fidelity, Level
from licet.contracts.agreement import (
    Addresses,
    Agreement,
    Agreements,
    Closed,
    Domain,
    EdgeKind,
    End,
    Identity,
    Isolated,
    Pods,
)
from licet.contracts.contract import GrpcMatch, HttpMatch, Mode, Need
from licet.diag.diagnostic import Severity
from licet.diag.place import Origin, Place
from licet.diag.text import Text
from licet.manifest.decode import decode
from licet.manifest.documents import read
from licet.manifest.write import yaml
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.platform import Platform
from licet.model.ports import ALL_PORTS, PortRange, PortSet, Protocol
from licet.model.selector import Operator, Requirement, Selector
from licet.model.ternary import Ternary
from licet.model.workload import Workload
from tests.clusters import PORTS, Features, Question, border_addresses, chance, questions, random_cluster, some
from tests.oracle import Controller, Side, contains, is_node

PLATFORM = Platform(
    pod_addresses=AddressSet.of(["10.0.0.0/16", "fd00::/64"]), node_addresses=AddressSet.of(["192.168.0.0/24"])
)
OUTSIDE = (EdgeKind.CIDR, EdgeKind.WORLD, EdgeKind.DOMAIN)
BLOCKS = (
    ("10.0.0.0/8",),
    ("203.0.113.7/32",),
    ("192.168.0.0/16", "10.0.4.0/22"),
    ("2001:db8::/32",),
    ("172.16.0.0/12", "203.0.113.0/25"),
    ("fd00::/8",),
)
FILE = Origin("contracts.yaml")
NAME = "app.kubernetes.io/name"


class Case(msgspec.Struct, frozen=True):
    """A cluster without policies, and what is agreed in it."""

    cluster: Cluster
    agreements: Agreements


def random_case(rng: Random, *, hosts: bool = True, whole: bool = False) -> Case:
    """Up to 8 workloads, most of them named by a label of their own, and up to 12 agreements of every kind.

    With `whole` every workload that no contract isolates is isolated by its namespace, and all have such a label.
    """
    cluster = msgspec.structs.replace(
        random_cluster(rng, Features(unknowns=hosts)),
        network_policies=(),
        cluster_policies=(),
        platform=PLATFORM,
    )
    cluster = msgspec.structs.replace(
        cluster, workloads=tuple(_named(rng, at, one, whole) for at, one in enumerate(cluster.workloads))
    )
    keys = [workload.key for workload in cluster.workloads]
    isolated = {key: _isolated(rng, key) for key in keys if rng.randrange(3)}
    if whole:
        line = Place(FILE, ("spec", "isolate"))
        isolated = {key: isolated.get(key, Isolated(key, Mode.ENFORCE, line)) for key in keys}
    found: dict[tuple[EdgeKind, End, End], Agreement] = {}
    for _ in range(rng.randint(1, 12)):
        agreement = _agreement(rng, keys)
        found[agreement.kind, agreement.src, agreement.dst] = agreement
    closed = {name: Closed(name, Mode.ENFORCE, Place(FILE, ("spec", "isolate"))) for name in cluster.namespaces}
    return Case(cluster, Agreements(tuple(found.values()), isolated, (), (), closed=closed if whole else {}))


def _named(rng: Random, at: int, workload: Workload, told_apart: bool) -> Workload:
    labels = {**workload.labels, "app.kubernetes.io/version": f"1.{rng.randrange(3)}"}
    if told_apart or rng.randrange(5):
        labels[NAME] = f"n{at // 2 if chance(rng, 3) and not told_apart else at}"
    return msgspec.structs.replace(workload, labels=labels)


def _isolated(rng: Random, key: Key) -> Isolated:
    mode = rng.choice([Mode.ENFORCE, Mode.ENFORCE, Mode.ENFORCE, Mode.OBSERVE])
    return Isolated(key, mode, Place(FILE, ("spec",)), ingress=not chance(rng, 5))


def _agreement(rng: Random, keys: list[Key]) -> Agreement:
    kind = rng.choice(list(EdgeKind))
    key = rng.choice(keys)
    other = _other(rng, kind, key, keys)
    calls = kind in (EdgeKind.RESOLVER, EdgeKind.DOMAIN) or (
        kind not in (EdgeKind.GATEWAY, EdgeKind.METRICS, EdgeKind.IDENTITY) and chance(rng, 2)
    )
    l7 = chance(rng, 6)
    return Agreement(
        kind=kind,
        src=key if calls else other,
        dst=other if calls else key,
        ports=_ports(rng),
        caller=Place(FILE, ("spec", "calls", 0)),
        callee=None,
        need=rng.choice(list(Need)),
        http=(HttpMatch(("GET",)),) if l7 else (),
        grpc=(GrpcMatch("shop.Checkout"),) if l7 and chance(rng, 2) else (),
    )


def _other(rng: Random, kind: EdgeKind, key: Key, keys: list[Key]) -> End:
    match kind:
        case EdgeKind.SELF:
            return key
        case EdgeKind.GATEWAY | EdgeKind.METRICS | EdgeKind.RESOLVER:
            wanted = [Requirement(name, Operator.IN, ("web",)) for name in some(rng, ["app"], 0, 1)]
            if chance(rng, 3):
                wanted.append(Requirement("tier", rng.choice([Operator.EXISTS, Operator.DOES_NOT_EXIST])))
            return Pods(rng.choice(keys).namespace, Selector.of(wanted), "pods of the platform")
        case EdgeKind.CIDR | EdgeKind.API_SERVER:
            blocks = rng.choice(BLOCKS)
            return Addresses(AddressSet.of(blocks), ", ".join(blocks))
        case EdgeKind.NODES:
            return Addresses(PLATFORM.node_addresses, "nodes")
        case EdgeKind.WORLD:
            return Addresses(EVERY_ADDRESS, "world")
        case EdgeKind.DOMAIN:
            return Domain("api.stripe.com")
        case EdgeKind.IDENTITY | EdgeKind.CLUSTER:
            return Identity("spiffe://corp/vm/ledger")
        case EdgeKind.WORKLOAD | EdgeKind.SERVICE | EdgeKind.NAMESPACE:
            return rng.choice(keys)


def _ports(rng: Random) -> PortSet:
    ranges = []
    for _ in range(rng.randint(1, 3)):
        protocol = rng.choice(list(Protocol)) if chance(rng, 2) else Protocol.TCP
        first, last = sorted(rng.sample(PORTS, 2))
        ranges.append(PortRange(protocol, first, last if chance(rng, 3) else first))
    return ALL_PORTS if chance(rng, 12) else PortSet.of(*ranges)


# --- Packets -----------------------------------------------------------------------------------------------------


def packets(rng: Random, case: Case, enforced: Cluster, count: int) -> Iterator[Question]:
    """Packets between any two ends, and as many along agreements and close to them."""
    everywhere = list(questions(rng, enforced, count))
    yield from (q for q in everywhere if not isinstance(q.src, Controller) and q.src is not q.dst)
    addresses = [a for a in border_addresses(enforced) if not contains(case.cluster.platform.pod_addresses, a)]
    sides: list[Side] = [*case.cluster.workloads, *rng.sample(addresses, min(len(addresses), 12))]
    for _ in range(count):
        agreement = rng.choice(case.agreements.agreements)
        src = rng.choice([side for side in sides if is_end(case, agreement, agreement.src, side)] or sides)
        dst = rng.choice([side for side in sides if is_end(case, agreement, agreement.dst, side)] or sides)
        if chance(rng, 4):
            src, dst = rng.choice([(src, rng.choice(sides)), (rng.choice(sides), dst), (dst, src)])
        run = rng.choice(list(agreement.ports.ranges()))
        port = rng.choice([run.first, run.last, min(run.last + 1, 65535), max(run.first - 1, 1)])
        if src is not dst and (isinstance(src, Workload) or isinstance(dst, Workload)):
            yield Question(src, dst, run.protocol, port)


# --- What is read back -------------------------------------------------------------------------------------------


def read_back(cluster: Cluster, compiled: Compiled) -> Cluster:
    """The cluster with the policies as they are written and read again, which must not be complained about."""
    texts = [Text(one.file, yaml(one.value).encode()) for one in compiled.written]
    documents, broken = read(texts)
    decoded = decode(documents)
    wrong = [d for d in (*broken, *decoded.diagnostics) if d.severity > Severity.INFO]
    assert wrong == [], wrong
    assert len(documents) == len(compiled.written)
    return msgspec.structs.replace(
        cluster,
        network_policies=decoded.cluster.network_policies,
        cluster_policies=decoded.cluster.cluster_policies,
    )


# --- What is agreed, said naively --------------------------------------------------------------------------------


def isolated_by(compiled: Compiled, case: Case) -> set[Key]:
    """Workloads in mode Enforce, without those that a finding says are not compiled."""
    refused = {
        str(key)
        for key in case.agreements.isolated
        for finding in compiled.diagnostics
        if finding.code in ("L0400", "L0401", "L0402") and f"`{key}`" in finding.message.split(" from ")[0]
    }
    return {
        key for key, one in case.agreements.isolated.items() if one.mode is Mode.ENFORCE and str(key) not in refused
    }


def agreed(
    case: Case,
    fidelity: tuple[Fidelity, ...],
    isolated: set[Key],
    src: Side,
    dst: Side,
    protocol: Protocol,
    port: int,
) -> bool:
    """Whether an agreement that the target did not give up covers the packet."""
    lost = {id(one.agreement) for one in fidelity if one.level is Level.UNSUPPORTED}
    return any(
        id(one) not in lost
        and (protocol, port) in one.ports
        and is_end(case, one, one.src, src)
        and is_end(case, one, one.dst, dst)
        and not (isinstance(one.src, Pods) and isinstance(src, Workload) and src.key in isolated)
        for one in case.agreements.agreements
    )


def is_end(case: Case, agreement: Agreement, end: End, side: Side) -> bool:
    match end:
        case Key():
            return isinstance(side, Workload) and end in (side.key, side.owner)
        case Pods(namespace=namespace, pods=pods):
            return (
                isinstance(side, Workload)
                and not side.host_network
                and side.key.namespace == namespace
                and pods.matches(side.labels) is Ternary.YES
            )
        case Addresses(addresses=addresses):
            if isinstance(side, Workload):
                nodes = addresses & case.cluster.platform.node_addresses
                return side.host_network and bool(nodes) and agreement.kind not in OUTSIDE
            if not isinstance(side, int) or not contains(addresses, side):
                return False
            return agreement.kind not in OUTSIDE or not is_node(case.cluster, side)
        case Domain():
            return isinstance(side, int) and not is_node(case.cluster, side)
        case Identity():
            return False
