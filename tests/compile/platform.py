"""A small platform by hand: workloads, agreements between them, and what isolates them."""

from __future__ import annotations

from licet.contracts.agreement import Addresses, Agreement, Agreements, Closed, EdgeKind, End, Isolated, Pods
from licet.contracts.contract import Mode, Need
from licet.diag.place import Origin, Place
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.platform import Platform
from licet.model.ports import PortRange, PortSet, Protocol
from licet.model.selector import Operator, Requirement, Selector
from licet.model.workload import Workload

FILE = Origin("contracts.yaml")
CALL = Place(FILE, ("spec", "calls", 0))
TCP_80 = PortSet.of(PortRange(Protocol.TCP, 80, 80))
DNS = PortSet.of(PortRange(Protocol.TCP, 53, 53), PortRange(Protocol.UDP, 53, 53))
RESOLVER = Pods("kube-system", Selector.of([Requirement("k8s-app", Operator.IN, ("kube-dns",))]), "cluster DNS")


def key(name: str, namespace: str = "shop") -> Key:
    return Key("", "apps", "Deployment", namespace, name)


def workload(name: str, namespace: str = "shop", *, host: bool = False, **labels: str) -> Workload:
    own = labels or {"app": name}
    return Workload(key(name, namespace), own, frozenset(), (), host, AddressSet(), "default", Origin(f"{name}.yaml"))


def cluster(*workloads: Workload, platform: Platform | None = None) -> Cluster:
    return Cluster({}, workloads, platform=platform or Platform())


def by_contract(name: str, *, mode: Mode = Mode.ENFORCE, ingress: bool = True) -> Isolated:
    return Isolated(key(name), mode, Place(FILE, ("spec", "targetRef")), ingress)


def by_namespace(name: str) -> Isolated:
    return Isolated(key(name), Mode.ENFORCE, Place(FILE, ("spec", "isolate")))


def edge(kind: EdgeKind, src: End, dst: End, ports: PortSet = TCP_80, *, need: Need = Need.REQUIRED) -> Agreement:
    return Agreement(kind, src, dst, ports, CALL, None, need=need)


def asks_resolver(name: str) -> Agreement:
    return edge(EdgeKind.RESOLVER, key(name), RESOLVER, DNS)


def outside(*blocks: str) -> Addresses:
    return Addresses(AddressSet.of(blocks), ", ".join(blocks))


def closed(namespace: str = "shop", mode: Mode = Mode.ENFORCE) -> Closed:
    return Closed(namespace, mode, Place(FILE, ("spec", "isolate")))


def agreements(*found: Agreement | Isolated | Closed) -> Agreements:
    return Agreements(
        tuple(one for one in found if isinstance(one, Agreement)),
        {one.key: one for one in found if isinstance(one, Isolated)},
        (),
        (),
        closed={one.namespace: one for one in found if isinstance(one, Closed)},
    )
