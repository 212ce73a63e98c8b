"""The example platform: every edge that it should have, listed by hand, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.answers import answer, listed, manifests, side_by_side

SHOP = Path(__file__).parents[2] / "examples" / "shop"

WORKLOADS = [
    "bank/ledger[Deployment]",
    "bank/payment[Deployment]",
    "bank/reconcile[CronJob]",
    "data/database[StatefulSet]",
    "data/queue[StatefulSet]",
    "shop/cart[Deployment]",
    "shop/catalog[Deployment]",
    "shop/checkout[Deployment]",
    "shop/stock[Deployment]",
    "shop/storefront[Deployment]",
]

EDGES = """
shop/storefront[Deployment] -> shop/catalog[Deployment]    : TCP 8080
shop/storefront[Deployment] -> shop/cart[Deployment]       : TCP 9000
shop/storefront[Deployment] -> shop/checkout[Deployment]   : TCP 9000
shop/checkout[Deployment]   -> shop/cart[Deployment]       : TCP 9000
shop/checkout[Deployment]   -> bank/payment[Deployment]    : TCP 9000
shop/checkout[Deployment]   -> data/database[StatefulSet]  : TCP 5432
shop/checkout[Deployment]   -> data/queue[StatefulSet]     : TCP 4222
shop/catalog[Deployment]    -> data/database[StatefulSet]  : TCP 5432
shop/cart[Deployment]       -> data/database[StatefulSet]  : TCP 5432
shop/stock[Deployment]      -> data/database[StatefulSet]  : TCP 5432
shop/stock[Deployment]      -> data/queue[StatefulSet]     : TCP 4222
bank/payment[Deployment]    -> bank/ledger[Deployment]     : TCP 9000
bank/payment[Deployment]    -> 203.0.113.0-203.0.113.15    : TCP 443
bank/ledger[Deployment]     -> data/database[StatefulSet]  : TCP 5432
bank/ledger[Deployment]     -> data/queue[StatefulSet]     : TCP 4222
bank/reconcile[CronJob]     -> bank/ledger[Deployment]     : TCP 9000
data/database[StatefulSet]  -> data/database[StatefulSet]  : TCP 5432
data/queue[StatefulSet]     -> data/queue[StatefulSet]     : TCP 6222
"""

UNDETERMINED = """
{ingress-controller}        -> shop/storefront[Deployment] : TCP 8080
"""
"""Where the ingress controller runs and how its pods are labelled stands in no manifest of the shop."""


def test_it_is_read_without_a_finding() -> None:
    cluster, found = manifests(str(SHOP))
    assert found == []
    assert sorted(str(workload.key) for workload in cluster.workloads) == WORKLOADS


@pytest.mark.parametrize("profile", ["kubernetes", "cilium"])
def test_its_edges_are_those_of_the_picture(profile: str) -> None:
    cluster, _ = manifests(str(SHOP))
    answered = answer(cluster, profile)
    ours, theirs = side_by_side(answered.allowed, listed(EDGES))
    assert ours == theirs
    assert answered.undetermined == listed(UNDETERMINED)
    assert answered.why == {"the ingress controller's pods and namespace have the labels that a policy asks for"}
