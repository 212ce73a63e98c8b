"""The platform that a generated cluster describes: who there is, and who calls whom."""

from __future__ import annotations

import random
from dataclasses import dataclass

_TEAMS = """\
payments orders catalog search identity shipping billing fraud risk ledger media notify pricing loyalty support
reports stock returns partner growth"""
_NOUNS = """\
account address basket batch card checkout claim coupon customer device dispute document event export feed gift image
import index inventory invoice label locale merchant message offer order parcel partner payout photo plan policy price
product profile promo quote rate receipt refund region review route sale schedule session settlement shipment
subscription tariff tax ticket token tracking transfer user voucher wallet"""
TEAMS = tuple(_TEAMS.split())
NOUNS = tuple(_NOUNS.split())
ENVIRONMENTS = ("prod", "prod", "staging", "dev")
COMPONENTS = ("api", "api", "api", "worker", "worker", "web", "store")
KINDS = ("Deployment",) * 17 + ("StatefulSet",) * 2 + ("DaemonSet",)
A_NAMESPACE = 100
CALLERS = 3
PORTS = (8080, 8080, 8080, 8443, 9000, 50051, 3000, 5432)


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace; where `closed` is set its default deny covers egress too, and every policy says what it calls."""

    name: str
    team: str
    environment: str
    closed: bool


@dataclass(frozen=True, slots=True)
class App:
    """One workload. `index` counts through the whole cluster; its name and its `app` label are unique there."""

    index: int
    name: str
    namespace: Namespace
    kind: str
    component: str
    port: int
    language: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Estate:
    """The cluster as a graph of indexes: `callers[i]` are the apps that call app `i`, `callees[i]` those it calls."""

    namespaces: tuple[Namespace, ...]
    apps: tuple[App, ...]
    callers: tuple[tuple[int, ...], ...]
    callees: tuple[tuple[int, ...], ...]


def plan(size: int, seed: int, *, kind: str = "", closed: bool = False, most_in_namespace: int = A_NAMESPACE) -> Estate:
    """An estate of `size` workloads, the same for the same arguments.

    Seven of ten callers live in the callee's own namespace. `kind` makes every workload of that kind, `closed`
    closes every namespace rather than every second one.
    """
    draw = random.Random(f"estate {seed} {size} {kind}")
    a_namespace = max(1, min(most_in_namespace, size // 4))
    namespaces = tuple(_namespace(i, closed, draw) for i in range((size + a_namespace - 1) // a_namespace))
    apps = tuple(_app(i, namespaces[i // a_namespace], kind, draw) for i in range(size))
    callers = tuple(_callers(i, size, a_namespace, draw) for i in range(size))
    callees: list[list[int]] = [[] for _ in apps]
    for callee, those in enumerate(callers):
        for caller in those:
            callees[caller].append(callee)
    return Estate(namespaces, apps, callers, tuple(map(tuple, callees)))


def _namespace(index: int, closed: bool, draw: random.Random) -> Namespace:
    team = TEAMS[index % len(TEAMS)]
    return Namespace(f"{team}-{index:03d}", team, draw.choice(ENVIRONMENTS), closed or index % 2 == 1)


def _app(index: int, namespace: Namespace, kind: str, draw: random.Random) -> App:
    component = draw.choice(COMPONENTS)
    return App(
        index=index,
        name=f"{draw.choice(NOUNS)}-{component}-{index}",
        namespace=namespace,
        kind=kind or draw.choice(KINDS),
        component=component,
        port=draw.choice(PORTS),
        language=draw.choice(("go", "rust")),
        replicas=draw.randint(1, 6),
    )


def _callers(index: int, size: int, a_namespace: int, draw: random.Random) -> tuple[int, ...]:
    start = index // a_namespace * a_namespace
    neighbours = range(start, min(start + a_namespace, size))
    chosen: set[int] = set()
    while len(chosen) < min(CALLERS, size - 1):
        caller = draw.choice(neighbours) if draw.random() < 0.7 else draw.randrange(size)
        if caller != index:
            chosen.add(caller)
    return tuple(sorted(chosen))
