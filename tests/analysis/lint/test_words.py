"""How findings name things: counts, lists, selectors, ports and one connection that shows what is meant."""

from __future__ import annotations

import pytest

from licet.analysis.lint.words import (
    counted,
    first_port,
    policy_name,
    port_name,
    rule_name,
    selector_text,
    some,
    witness,
    workload_names,
)
from licet.analysis.population import Population
from licet.model.addresses import AddressSet
from licet.model.policy import Direction
from licet.model.ports import NamedPort, PortRange, PortSet, Protocol
from licet.model.profiles import PROFILES
from licet.model.selector import Operator, Requirement, Selector
from tests.analysis.small import cluster, network_policy, tcp, wide_policy, workload


def test_rules_and_policies_go_by_their_names() -> None:
    own, wide = network_policy("p"), wide_policy("a")
    assert rule_name(own, Direction.INGRESS, 2) == "`shop/p` ingress[2]"
    assert rule_name(wide, Direction.EGRESS, 0) == "`a` egress[0]"
    assert (policy_name(own.key), policy_name(wide.key)) == ("shop/p", "a")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a"], "a"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d"], "a, b, c and 1 more"),
        (["a", "b", "c", "d", "e", "f"], "a, b, c and 3 more"),
    ],
)
def test_of_many_names_the_first_are_said(names: list[str], said: str) -> None:
    assert some(names) == said


@pytest.mark.parametrize(
    ("number", "thing", "said"),
    [
        (1, "rule", "1 rule"),
        (2, "rule", "2 rules"),
        (0, "rule", "0 rules"),
        (1, "policy", "1 policy"),
        (3, "policy", "3 policies"),
    ],
)
def test_things_are_counted(number: int, thing: str, said: str) -> None:
    assert counted(number, thing) == said


@pytest.mark.parametrize(
    ("requirements", "said"),
    [
        ((), "*"),
        ((Requirement("app", Operator.IN, ("web",)),), "app=web"),
        ((Requirement("app", Operator.IN, ("db", "web")),), "app in (db, web)"),
        ((Requirement("app", Operator.NOT_IN, ("web",)),), "app!=web"),
        ((Requirement("app", Operator.NOT_IN, ("db", "web")),), "app notin (db, web)"),
        ((Requirement("app", Operator.EXISTS, ()),), "app"),
        ((Requirement("app", Operator.DOES_NOT_EXIST, ()),), "!app"),
        ((Requirement("app", Operator.EXISTS, ()), Requirement("tier", Operator.IN, ("back",))), "app,tier=back"),
    ],
)
def test_selectors_read_as_kubectl_takes_them(requirements: tuple[Requirement, ...], said: str) -> None:
    assert selector_text(Selector(requirements)) == said


def test_ports_go_by_their_names_and_protocols() -> None:
    assert port_name(NamedPort("http", None)) == "http"
    assert port_name(NamedPort("dns", Protocol.UDP)) == "UDP dns"
    assert first_port(PortSet.of(PortRange(Protocol.UDP, 53, 54), tcp(443, 8080))) == "TCP 443"


PODS = cluster(
    workload("web"), workload("one", alike="yes", app="twin"), workload("two", alike="yes", app="twin"), workload("db")
)
POPULATION = Population(PODS, PROFILES["cilium"])
WEB, TWIN, DB = (POPULATION.class_of[PODS.workloads[at].key] for at in (0, 1, 3))
ON = PortSet.of(tcp(80, 90))


def test_every_workload_of_a_class_is_named() -> None:
    assert workload_names(POPULATION, 1 << TWIN | 1 << DB) == [
        "shop/one[Deployment]",
        "shop/two[Deployment]",
        "shop/db[Deployment]",
    ]


@pytest.mark.parametrize(
    ("direction", "subject", "peer", "said"),
    [
        (Direction.INGRESS, WEB, 1 << DB, "shop/db[Deployment] -> shop/web[Deployment]"),
        (Direction.EGRESS, WEB, 1 << DB, "shop/web[Deployment] -> shop/db[Deployment]"),
        (Direction.INGRESS, WEB, 1 << WEB | 1 << DB, "shop/db[Deployment] -> shop/web[Deployment]"),
        (Direction.INGRESS, TWIN, 1 << TWIN, "shop/two[Deployment] -> shop/one[Deployment]"),
        (Direction.EGRESS, DB, 1 << TWIN, "shop/db[Deployment] -> shop/two[Deployment]"),
        (Direction.INGRESS, WEB, AddressSet.of(["203.0.113.4/30"]), "203.0.113.4 -> shop/web[Deployment]"),
        (Direction.EGRESS, WEB, AddressSet.of(["203.0.113.4/30"]), "shop/web[Deployment] -> 203.0.113.4"),
    ],
)
def test_one_connection_shows_what_is_meant(
    direction: Direction, subject: int, peer: int | AddressSet, said: str
) -> None:
    """Between two different pods wherever there are two."""
    assert witness(POPULATION, direction, subject, peer, ON) == f"witness: {said}, TCP 80"
