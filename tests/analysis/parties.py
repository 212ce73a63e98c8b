"""Parties of assertions: random ones, and who is meant by each as a reader would say."""

from __future__ import annotations

from random import Random

import msgspec

from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.diag.place import Origin, Place
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.assertion import (
    AddressesWithin,
    Anything,
    Assertion,
    Expectation,
    GatewayNamed,
    IngressController,
    NamespaceNamed,
    Party,
    PodsLabelled,
    Who,
    WorkloadNamed,
    World,
)
from licet.model.cluster import Cluster
from licet.model.key import Key, Pattern
from licet.model.ports import NamedPort, PortRange, PortRule, Protocol
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from licet.model.ternary import Ternary
from licet.model.workload import Workload
from tests.analysis.small import key
from tests.clusters import NAMESPACES, POD_LABELS, PORT_NAMES, PORTS, chance

PLACE = Place(Origin("asks.yaml"))
BLOCKS = ["0.0.0.0/0", "10.0.0.0/16", "192.168.0.0/24", "203.0.113.0/24", "::/0"]


def with_twins(rng: Random, cluster: Cluster) -> Cluster:
    """Some workloads once more, under other names: no policy tells them apart. Of some an owner is known."""
    twins = tuple(
        msgspec.structs.replace(
            one,
            key=msgspec.structs.replace(one.key, name=f"{one.key.name}-{at}"),
            owner=key("Rollout", f"r{rng.randrange(3)}", one.key.namespace, "argoproj.io") if chance(rng, 3) else None,
        )
        for one in cluster.workloads
        if chance(rng, 3)
        for at in range(rng.randint(1, 3))
    )
    workloads = [*cluster.workloads, *twins]
    rng.shuffle(workloads)
    return msgspec.structs.replace(cluster, workloads=tuple(workloads))


def some_party(rng: Random, cluster: Cluster) -> Who:
    """Somebody, now and then nobody."""
    match rng.randrange(9):
        case 0 | 1 | 2:
            one = rng.choice(cluster.workloads)
            named = one.owner if one.owner is not None and chance(rng, 2) else one.key
            return WorkloadNamed(Pattern(named.name, *(() if chance(rng, 2) else (named.namespace, named.kind))))
        case 3:
            return NamespaceNamed(rng.choice(NAMESPACES))
        case 4 | 5:
            key_, values = rng.choice(list(POD_LABELS.items()))
            chosen = Selector((Requirement(key_, rng.choice([Operator.IN, Operator.NOT_IN]), (rng.choice(values),)),))
            if chance(rng, 2):
                chosen = Selector((Requirement("pod-template-hash", Operator.IN, ("5d4f",)),))
            where: list[Selector | str] = [EVERYTHING, *cluster.namespaces]
            return PodsLabelled(rng.choice(where), chosen)
        case 6:
            block = rng.choice(BLOCKS)
            return AddressesWithin(AddressSet.of([block]), block)
        case 7:
            return World()
        case _:
            return Anything()


def some_router(rng: Random, routers: list[Key]) -> Who:
    """An ingress controller or a gateway, which may be another than any there is."""
    named = rng.choice(routers)
    if named == INGRESS_CONTROLLER or chance(rng, 4):
        return IngressController()
    return GatewayNamed(named.name, rng.choice([None, named.namespace, "elsewhere"]))


def an_assertion(rng: Random, cluster: Cluster, routers: list[Key]) -> Assertion:
    """One of any kind, on few ports."""
    sources, destinations = (
        [Party(some_party(rng, cluster), PLACE) for _ in range(rng.randint(1, 2))] for _ in range(2)
    )
    if routers and chance(rng, 4):
        sources.append(Party(some_router(rng, routers), PLACE))
    first, last = sorted(rng.choices(PORTS, k=2))
    ports: tuple[PortRule, ...] = (
        PortRange(rng.choice(list(Protocol)), first, last),
        PortRange(Protocol.TCP, last, last),
        NamedPort(rng.choice(PORT_NAMES), rng.choice(list(Protocol))),
    )
    chosen = None if chance(rng, 3) else tuple(rng.sample(ports, rng.randint(1, 2)))
    return Assertion("a", "", rng.choice(list(Expectation)), tuple(sources), tuple(destinations), chosen, PLACE)


def is_among(who: Who, end: Workload | int, cluster: Cluster, surely: bool = False) -> bool:
    """Whether somebody is meant, as a reader would say; doubtful labels count unless it has to be sure."""
    if isinstance(end, int):
        one = AddressSet(((end, end),))
        outside = EVERY_ADDRESS - cluster.platform.pod_addresses
        if isinstance(who, AddressesWithin):
            return bool(who.addresses & one)
        return isinstance(who, World | Anything) and bool(outside & one)
    match who:
        case WorkloadNamed(pattern=pattern):
            return pattern.matches(end.key) or (end.owner is not None and pattern.matches(end.owner))
        case NamespaceNamed(name=name):
            return end.key.namespace == name
        case PodsLabelled(namespaces=namespaces, pods=pods):
            inside = namespaces in (EVERYTHING, end.key.namespace)
            selected = pods.matches(end.labels, end.runtime_labels, end.certain_labels)
            return inside and selected >= (Ternary.YES if surely else Ternary.UNKNOWN)
        case Anything():
            return True
        case _:
            return False


def is_router_among(who: Who, router: Key) -> bool:
    """Whether an ingress controller or a gateway is meant."""
    match who:
        case Anything():
            return True
        case IngressController():
            return router == INGRESS_CONTROLLER
        case GatewayNamed(name=name, namespace=namespace):
            return router != INGRESS_CONTROLLER and router.name == name and namespace in (None, router.namespace)
        case _:
            return False
