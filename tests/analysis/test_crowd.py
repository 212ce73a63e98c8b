"""Who is meant, against a reader's answer for every single workload, address and gateway; and what comes close."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from licet.analysis.crowd import Crowd, Crowds, union
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.population import Population
from licet.analysis.reach import Reach, reach
from licet.model.addresses import AddressSet
from licet.model.assertion import (
    AddressesWithin,
    Anything,
    GatewayNamed,
    IngressController,
    NamespaceNamed,
    PodsLabelled,
    Who,
    WorkloadNamed,
    World,
)
from licet.model.cluster import Cluster
from licet.model.key import Key, Pattern
from licet.model.profiles import PROFILES
from licet.model.selector import EVERYTHING
from tests.analysis.parties import is_among, is_router_among, some_party, some_router, with_twins
from tests.analysis.small import (
    backend,
    cluster,
    gateway,
    key,
    labelled,
    listener,
    parent,
    route,
    service,
    to,
    workload,
)
from tests.clusters import border_addresses, random_cluster, random_profile

ROUTERS = [
    INGRESS_CONTROLLER,
    key("Gateway", "edge", "shop"),
    key("Gateway", "edge", "bank"),
    key("Gateway", "inner", "bank"),
    key("Gateway", "unwritten", "shop"),
]
"""The last one is only named by a route."""


def with_gateways(of: Cluster) -> Cluster:
    """The cluster with the gateways above, of which one has a route."""
    gateways = tuple(gateway(listener(), name=k.name, namespace=k.namespace) for k in ROUTERS[1:-1])
    led = route(parent("unwritten"), backends=[backend("s")])
    return msgspec.structs.replace(of, gateways=gateways, routes=(led,), services=(service("s", "shop", to(80, 80)),))


def members(crowd: Crowd, population: Population, classes: int | None = None) -> set[int]:
    """Every workload that is in, or those of some classes."""
    return {
        member
        for at in range(population.width)
        if classes is None or classes >> at & 1
        for member in crowd.members(population, at)
    }


class Told(msgspec.Struct, frozen=True):
    """A crowd, one by one."""

    workloads: set[int]
    addresses: set[int]
    routers: set[Key]


def told(crowd: Crowd, answer: Reach) -> Told:
    """Who is in, as the crowd says."""
    borders = border_addresses(answer.cluster)
    return Told(
        members(crowd, answer.population),
        {one for one in borders if crowd.addresses & AddressSet(((one, one),))},
        set(crowd.routers),
    )


def read(whos: list[Who], answer: Reach, surely: bool) -> Told:
    """Who is in, as a reader would say."""
    given = answer.cluster
    return Told(
        {at for at, one in enumerate(given.workloads) if any(is_among(who, one, given, surely) for who in whos)},
        {one for one in border_addresses(given) if any(is_among(who, one, given) for who in whos)},
        {one for one in ROUTERS if any(is_router_among(who, one) for who in whos)},
    )


@pytest.mark.parametrize("surely", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_a_crowd_is_who_a_reader_would_name(seed: int, surely: bool) -> None:
    rng = Random(seed)
    given = with_gateways(with_twins(rng, random_cluster(rng)))
    answer = reach(given, random_profile(rng))
    crowds = Crowds(answer)
    everyone = read([Anything()], answer, surely)
    for _ in range(12):
        whos = [
            some_party(rng, given) if rng.randrange(4) else some_router(rng, ROUTERS) for _ in range(rng.randint(1, 3))
        ]
        crowd = union(crowds.of(who, surely) for who in whos)
        expected = read(whos, answer, surely)
        assert told(crowd, answer) == expected, whos
        assert bool(crowd) is bool(expected.workloads or crowd.addresses or expected.routers)
        classes = rng.getrandbits(answer.population.width)
        assert crowds.workloads(crowd, classes) == len(members(crowd, answer.population, classes))
        assert crowd.classes == sum(
            {1 << answer.population.class_of[given.workloads[at].key] for at in expected.workloads}
        )
        assert told(crowds.others(crowd), answer) == Told(
            everyone.workloads - expected.workloads,
            everyone.addresses - expected.addresses,
            everyone.routers - expected.routers,
        )


def test_the_law_sees_crowds_of_part_of_a_class_and_doubtful_ones() -> None:
    """The law above is worth something: its parties are not always whole classes, nor always sure."""
    parts = doubtful = 0
    for seed in range(40):
        rng = Random(seed)
        given = with_twins(rng, random_cluster(rng))
        crowds = Crowds(reach(given, random_profile(rng)))
        for who in (some_party(rng, given) for _ in range(12)):
            parts += bool(crowds.of(who).some)
            doubtful += crowds.of(who, surely=True).whole != crowds.of(who).whole
    assert parts > 20
    assert doubtful > 5


SHOP = with_gateways(
    cluster(
        workload("web"),
        workload("cart", owner=key("Rollout", "carts", "shop", "argoproj.io")),
        workload("web", "bank"),
        workload("ledger", "bank"),
        workload("wed", "bank"),
        workload("card", "bank"),
    )
)


@pytest.mark.parametrize(
    ("who", "meant"),
    [
        (WorkloadNamed(Pattern("cart", "bank")), "shop/cart[Deployment]"),
        (WorkloadNamed(Pattern("web", "mail")), "shop/web[Deployment]"),
        (WorkloadNamed(Pattern("ledgr")), "bank/ledger[Deployment]"),
        (WorkloadNamed(Pattern("ledgr", "shop")), "bank/ledger[Deployment]"),
        (WorkloadNamed(Pattern("crats", "shop")), "shop/carts[Rollout.argoproj.io]"),
        (WorkloadNamed(Pattern("web", "bank", "StatefulSet")), "bank/web[Deployment]"),
        (WorkloadNamed(Pattern("webd", "shop")), "shop/web[Deployment]"),
        (WorkloadNamed(Pattern("webb", "bank")), "bank/web[Deployment]"),
        (WorkloadNamed(Pattern("wedd", "bank")), "bank/wed[Deployment]"),
        (WorkloadNamed(Pattern("wedd")), "bank/wed[Deployment]"),
        (WorkloadNamed(Pattern("nothing-like-it")), ""),
        (NamespaceNamed("shpo"), "shop"),
        (NamespaceNamed("nothing-like-it"), ""),
        (PodsLabelled("bnk", labelled(app="web")), "bank"),
        (PodsLabelled("nothing-like-it", labelled(app="web")), ""),
        (PodsLabelled("bank", labelled(app="ledgr")), "app: ledger"),
        (PodsLabelled(EVERYTHING, labelled(app="nothing-like-it")), ""),
        (GatewayNamed("innner", None), "bank/inner[Gateway.gateway.networking.k8s.io]"),
        (GatewayNamed("unwriten", "shop"), "shop/unwritten[Gateway.gateway.networking.k8s.io]"),
        (GatewayNamed("nothing-like-it", None), ""),
        (AddressesWithin(AddressSet(), "0.0.0.0/0 except 0.0.0.0/0"), ""),
        (World(), ""),
        (IngressController(), ""),
    ],
)
def test_what_comes_close_is_told(who: Who, meant: str) -> None:
    assert Crowds(reach(SHOP, PROFILES["cilium"])).meant(who) == meant


def test_a_party_that_is_asked_for_once_more_is_not_looked_up_again() -> None:
    crowds = Crowds(reach(SHOP, PROFILES["cilium"]))
    who = WorkloadNamed(Pattern("web"))
    assert crowds.of(who) is crowds.of(WorkloadNamed(Pattern("web")))
    assert crowds.of(who, surely=True) is not crowds.of(who)
