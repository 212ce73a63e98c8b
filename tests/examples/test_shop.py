"""The example platform: every edge that it should have, listed by hand, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from licet.analysis.diff import Difference, diff
from licet.analysis.reach import reach
from licet.diag.text import Text
from licet.model.profiles import PROFILES
from licet.sources import fetch
from tests.answers import answer, listed, manifests, pairs, side_by_side

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


def changed(file: str, old: str, new: str, profile: str) -> Difference:
    """What one change of one file changes in the answer."""
    texts = fetch([str(SHOP)]).texts
    after = [
        Text(text.source, text.data.replace(old.encode(), new.encode())) if text.source.endswith(file) else text
        for text in texts
    ]
    assert after != texts
    before, then = (reach(manifests(texts=version)[0], PROFILES[profile]) for version in (texts, after))
    return diff(before, then)


@pytest.mark.parametrize("profile", ["kubernetes", "cilium"])
def test_a_widened_block_is_seen(profile: str) -> None:
    difference = changed("bank/payment.yaml", "cidr: 203.0.113.0/28", "cidr: 0.0.0.0/0", profile)
    assert pairs(difference.allowed) == listed(
        """
        bank/payment[Deployment] -> 0.0.0.0-203.0.112.255        : TCP 443
        bank/payment[Deployment] -> 203.0.113.16-255.255.255.255 : TCP 443
        """
    )
    assert (difference.denied, difference.unsettled) == ((), ())


def test_an_edge_needs_both_sides() -> None:
    """The database lets storefront in where it let catalog in: catalog loses its edge, storefront gets none."""
    difference = changed(
        "data/database.yaml", "app.kubernetes.io/name: catalog", "app.kubernetes.io/name: storefront", "kubernetes"
    )
    assert pairs(difference.denied) == listed("shop/catalog[Deployment] -> data/database[StatefulSet] : TCP 5432")
    assert (difference.allowed, difference.unsettled) == ((), ())
