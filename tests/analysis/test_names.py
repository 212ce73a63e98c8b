"""Pods of one owner are shown under its name as long as no answer tells them apart."""

from __future__ import annotations

import pytest

from licet.analysis.names import indistinguishable, names_of_classes
from licet.analysis.reach import Reach, reach
from licet.model.edge import Endpoint, EndpointType
from licet.model.policy import Action
from licet.model.profiles import PROFILES
from tests.analysis.small import (
    Thing,
    anyone,
    backend,
    cluster,
    ingress,
    key,
    labelled,
    network_policy,
    pods,
    rule,
    service,
    to,
    wide_policy,
    wide_rule,
    workload,
)

OWNER = key("ReplicaSet", "cart")
OTHER = key("ReplicaSet", "mail")
OLD = workload("cart-1", kind="Pod", owner=OWNER, app="cart", version="1")
NEW = workload("cart-2", kind="Pod", owner=OWNER, app="cart", version="2")
SAME = workload("cart-3", kind="Pod", owner=OWNER, app="cart", version="1")
WEB = workload("web")
OWN = "shop/cart[ReplicaSet]"
EACH = ["shop/cart-1[Pod]", "shop/cart-2[Pod]", "shop/cart-3[Pod]"]


def answer(*things: Thing) -> Reach:
    """Three pods of one owner, two of them alike, after a workload of another kind."""
    return reach(cluster(WEB, OLD, NEW, SAME, *things), PROFILES["calico"])


def front(name: str) -> list[Thing]:
    """An ingress that leads to pods of one version only."""
    return [
        ingress("front", "shop", backend(name)),
        service(name, "shop", to(80, 80), selector=labelled(version=name)),
    ]


@pytest.mark.parametrize(
    ("things", "merged"),
    [
        ([], True),
        ([network_policy("p", pods=labelled(app="cart"), ingress=[])], True),
        ([network_policy("p", pods=labelled(version="2"), ingress=[rule()], egress=[rule()])], True),
        # what reaches them from pods
        ([wide_policy("p", pods=labelled(version="2"), ingress=[wide_rule(0, Action.DENY, [anyone()])])], False),
        # what they reach: nothing else differs
        ([network_policy("p", pods=labelled(app="web"), ingress=[rule(0, [pods(version="2")])])], False),
        # what reaches them from outside
        ([network_policy("p", pods=labelled(version="1"), ingress=[rule(0, [anyone()])])], False),
        # what they reach outside
        ([network_policy("p", pods=labelled(version="1"), egress=[rule(0, [anyone()])])], False),
        # what routes lead to
        (front("1"), False),
        (front("3"), True),
        ([ingress("front", "shop", backend("all")), service("all", "shop", to(80, 80))], True),
    ],
)
def test_pods_are_merged_while_nothing_tells_them_apart(things: list[Thing], merged: bool) -> None:
    """In either direction, from pods, addresses and gateways."""
    found = answer(*things)
    assert indistinguishable(found) == ({OWNER} if merged else set())
    shown = [endpoint.id for endpoint in found.map().endpoints if endpoint.type is EndpointType.WORKLOAD]
    assert shown == ["shop/web[Deployment]", *([OWN] if merged else EACH)]


def test_an_owner_is_named_once_where_its_first_pod_stands() -> None:
    """Classes of the others keep no name of it; positions are those of the input."""
    found = answer()
    assert names_of_classes(found, {OWNER}) == [[], [(0, "shop/web[Deployment]")], [(1, OWN)], []]
    assert names_of_classes(found, set()) == [
        [],
        [(0, "shop/web[Deployment]")],
        [(1, EACH[0]), (3, EACH[2])],
        [(2, EACH[1])],
    ]


def test_owners_are_judged_one_by_one() -> None:
    """One whose pods differ does not keep another from being merged."""
    others = [workload(f"mail-{i}", kind="Pod", owner=OTHER, app="mail", version=str(i)) for i in (1, 2)]
    policy = network_policy("p", pods=labelled(app="mail", version="1"), ingress=[])
    found = answer(*others, policy)
    assert indistinguishable(found) == {OWNER}
    ends = [e for e in found.map().endpoints if e.type is EndpointType.WORKLOAD]
    assert [e.id for e in ends] == ["shop/web[Deployment]", OWN, "shop/mail-1[Pod]", "shop/mail-2[Pod]"]
    assert ends[1] == Endpoint(OWN, EndpointType.WORKLOAD, OWNER)


def test_a_third_class_is_looked_at_as_well() -> None:
    """The first two are alike, the last is not."""
    third = workload("cart-4", kind="Pod", owner=OWNER, app="cart", version="9")
    for policy in (
        network_policy("p", pods=labelled(version="9"), ingress=[]),
        network_policy("p", pods=labelled(version="9"), egress=[]),
    ):
        assert indistinguishable(answer(third, policy)) == set()
    assert indistinguishable(answer(third)) == {OWNER}


@pytest.mark.parametrize("told_apart", [False, True])
def test_an_owner_that_is_given_is_one_of_its_pods(told_apart: bool) -> None:
    """An old ReplicaSet beside its Deployment: one endpoint, or two where policies treat the two differently."""
    owner = workload("cart")
    old = workload("cart-old", kind="ReplicaSet", owner=owner.key, app="cart", version="1")
    policy = network_policy("p", pods=labelled(app="cart", **({"version": "1"} if told_apart else {})), ingress=[])
    found = reach(cluster(WEB, owner, old, policy), PROFILES["calico"])
    shown = [endpoint.id for endpoint in found.map().endpoints if endpoint.type is EndpointType.WORKLOAD]
    assert shown[1:] == ["shop/cart[Deployment]", *(["shop/cart-old[ReplicaSet]"] if told_apart else [])]
    names = [name for of_class in names_of_classes(found, indistinguishable(found)) for _, name in of_class]
    assert sorted(names) == sorted(shown)
