"""ClusterNetworkPolicies as they are written, object by object, and what happens at the limits of the API."""

from __future__ import annotations

from typing import Any

import pytest

from licet.compile.clusternetworkpolicy import MOST, compile
from licet.compile.compiled import Compiled, Level
from licet.contracts.agreement import EdgeKind
from licet.model.addresses import AddressSet
from licet.model.platform import Platform
from licet.model.policy import Direction
from licet.model.ports import PortRange, PortSet, Protocol
from licet.model.profiles import PROFILES
from licet.proof.prove import prove
from tests.compile.agreed import read_back
from tests.compile.platform import (
    TCP_80,
    agreements,
    asks_resolver,
    by_contract,
    by_namespace,
    closed,
    cluster,
    edge,
    key,
    outside,
    workload,
)

WEB, DB = workload("web"), workload("db")


def pods(namespace: str, name: str) -> dict[str, Any]:
    return {
        "pods": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "podSelector": {"matchLabels": {"app": name}},
        }
    }


def specs(compiled: Compiled) -> dict[str, dict[str, Any]]:
    return {one.value["metadata"]["name"]: one.value["spec"] for one in compiled.written}


NO_OTHER_POD = {"name": "no-other-pod", "action": "Deny"}
PORT_80 = [{"tcp": {"destinationPort": {"number": 80}}}]


def test_what_is_agreed_is_passed_on_and_the_rest_denied() -> None:
    edges = [
        edge(EdgeKind.WORKLOAD, key("web"), key("db", "bank")),
        edge(EdgeKind.CIDR, key("web"), outside("10.0.0.0/8"), PortSet.of(PortRange(Protocol.UDP, 1, 9))),
        edge(EdgeKind.WORKLOAD, key("db", "bank"), key("web")),
    ]
    compiled = compile(agreements(by_contract("web"), *edges), cluster(WEB, workload("db", "bank")))
    assert specs(compiled) == {
        "licet-shop.web": {
            "tier": "Admin",
            "priority": 999,
            "subject": pods("shop", "web"),
            "ingress": [
                {"action": "Pass", "from": [pods("bank", "db")], "protocols": PORT_80},
                NO_OTHER_POD | {"from": [{"namespaces": {}}]},
            ],
            "egress": [
                {"action": "Pass", "to": [pods("bank", "db")], "protocols": PORT_80},
                NO_OTHER_POD | {"to": [{"namespaces": {}}]},
                {
                    "action": "Pass",
                    "to": [{"networks": ["10.0.0.0/8"]}],
                    "protocols": [{"udp": {"destinationPort": {"range": {"start": 1, "end": 9}}}}],
                },
                {"name": "nothing-else", "action": "Deny", "to": [{"networks": ["0.0.0.0/0", "::/0"]}]},
            ],
        }
    }
    assert [one.level for one in compiled.fidelity] == [Level.EXACT] * 3
    assert [(one.key, one.direction) for one in compiled.unclosed] == [(key("web"), Direction.INGRESS)]


def test_callers_that_are_no_pods_stay_open_and_that_is_said() -> None:
    host = workload("agent", "ops", host=True)
    edges = [
        edge(EdgeKind.CIDR, outside("203.0.113.0/24"), key("web")),
        edge(EdgeKind.NODES, outside("192.168.0.0/24"), key("web")),
        edge(EdgeKind.WORKLOAD, host.key, key("web")),
    ]
    compiled = compile(agreements(by_contract("web"), *edges), cluster(WEB, host))
    assert [one.level for one in compiled.fidelity] == [Level.UNSUPPORTED] * 3
    assert [(one.code, one.severity.word) for one in compiled.diagnostics] == [("L0405", "warning")] * 3
    assert len(compiled.written) == 1


def test_the_policy_of_a_namespace_comes_after_those_of_its_workloads() -> None:
    found = agreements(closed(), by_contract("web"), by_namespace("db"), asks_resolver("web"))
    written = specs(compile(found, cluster(WEB, DB)))
    assert {name: spec["priority"] for name, spec in written.items()} == {"licet-shop.web": 999, "licet-shop": 1000}
    assert written["licet-shop"]["subject"] == {"namespaces": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}


def test_a_closed_namespace_without_workloads_is_open_to_addresses_too() -> None:
    """Or the proof would find an excess that nobody can mend."""
    agreed = agreements(closed())
    compiled = compile(agreed, cluster())
    assert [(str(one.key), one.direction) for one in compiled.unclosed] == [("shop[Namespace]", Direction.INGRESS)]
    assert prove(agreed, read_back(cluster(), compiled), PROFILES["calico"], compiled.unclosed).holds


def test_an_annotated_workload_has_no_ingress_and_nothing_unclosed() -> None:
    compiled = compile(agreements(by_contract("web", ingress=False)), cluster(WEB))
    assert list(specs(compiled)["licet-shop.web"]) == ["tier", "priority", "subject", "egress"]
    assert compiled.unclosed == ()


def test_many_peers_blocks_and_ports_are_split() -> None:
    callers = [workload(f"c{at}", "ops") for at in range(60)]
    holes = AddressSet.of([f"10.{at}.0.0/16" for at in range(1, 200, 2)])
    many = PortSet.of(*(PortRange(Protocol.TCP, port, port) for port in range(1, 120, 2)))
    edges = [edge(EdgeKind.WORKLOAD, one.key, key("web")) for one in callers]
    edges += [
        edge(EdgeKind.CIDR, key("web"), outside("10.0.0.0/8")),
        edge(EdgeKind.WORKLOAD, key("web"), key("db"), many),
    ]
    around = cluster(WEB, DB, *callers, platform=Platform(node_addresses=holes))
    compiled = compile(agreements(by_contract("web"), *edges), around)
    assert {one.level for one in compiled.fidelity} == {Level.EXACT}
    [policy] = read_back(around, compiled).cluster_policies
    assert sum(len(rule.peers) for rule in policy.ingress) == 61
    outside_rules = [rule for rule in policy.egress if rule.action.value == "Pass" and rule.ports == _ports(TCP_80)]
    assert sum(len(rule.peers) for rule in outside_rules) == 103
    assert sum(len(rule.ports or ()) for rule in policy.egress if rule not in outside_rules) == 60


def _ports(ports: PortSet) -> tuple[PortRange, ...]:
    return tuple(ports.ranges())


@pytest.mark.parametrize("count", [23, 24, 40])
def test_what_does_not_fit_is_refused_and_reported(count: int) -> None:
    """Each callee has ports of its own, so that each needs a rule; two rules are the denials'."""
    callees = [workload(f"c{at}") for at in range(count)]
    edges = [
        edge(EdgeKind.WORKLOAD, key("web"), one.key, PortSet.of(PortRange(Protocol.TCP, at + 1, at + 1)))
        for at, one in enumerate(callees)
    ]
    around = cluster(WEB, *callees)
    compiled = compile(agreements(by_contract("web"), *edges), around)
    room = MOST - 2
    levels = [one.level for one in compiled.fidelity]
    assert levels == [Level.EXACT] * room + [Level.UNSUPPORTED] * (count - room)
    assert [one.code for one in compiled.diagnostics] == ["L0404"] * (count - room)
    [policy] = read_back(around, compiled).cluster_policies
    assert len(policy.egress) == MOST


def test_the_world_needs_no_exceptions() -> None:
    """Pods are denied before networks are looked at, so that a block that covers them lets none of them in."""
    found = agreements(by_contract("web"), edge(EdgeKind.WORLD, key("web"), outside("0.0.0.0/0", "::/0")))
    compiled = compile(found, cluster(WEB, platform=Platform(pod_addresses=AddressSet.of(["10.244.0.0/16"]))))
    [spec] = specs(compiled).values()
    assert [rule["action"] for rule in spec["egress"]] == ["Deny", "Pass", "Deny"]
    assert spec["egress"][1]["to"] == [{"networks": ["0.0.0.0/0", "::/0"]}]
