"""NetworkPolicies as they are written, object by object."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from licet.compile.compiled import Compiled, Fidelity, Level
from licet.compile.networkpolicy import compile
from licet.contracts.agreement import Agreement, Agreements, Domain, EdgeKind, Identity, Isolated, Pods
from licet.contracts.contract import Mode, Need
from licet.diag.diagnostic import Severity
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.platform import Platform
from licet.model.ports import ALL_PORTS, PortRange, PortSet, Protocol
from licet.model.profiles import PROFILES
from licet.model.selector import EVERYTHING
from licet.model.ternary import Ternary
from tests.compile.platform import (
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

PLATFORM = Platform(pod_addresses=AddressSet.of(["10.244.0.0/16"]), node_addresses=AddressSet.of(["192.168.0.0/24"]))
WEB, DB = workload("web"), workload("db")


def specs(compiled: Compiled) -> dict[str, dict[str, Any]]:
    return {one.file.removesuffix(".networkpolicy.yaml"): one.value["spec"] for one in compiled.written}


def test_a_workload_without_agreements_is_closed_both_ways() -> None:
    compiled = compile(agreements(by_contract("web")), cluster(WEB))
    assert [(one.file, one.value) for one in compiled.written] == [
        (
            "shop/licet-web.networkpolicy.yaml",
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {
                    "name": "licet-web",
                    "namespace": "shop",
                    "labels": {"app.kubernetes.io/managed-by": "licet", "licet.dev/target": "networkpolicy"},
                },
                "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress", "Egress"]},
            },
        )
    ]
    assert compiled.diagnostics == ()


def test_peers_with_equal_ports_are_one_rule_and_both_sides_are_written() -> None:
    both = (by_contract("web"), by_contract("db"))
    edges = [
        edge(EdgeKind.WORKLOAD, key("web"), key("db")),
        edge(EdgeKind.SELF, key("db"), key("db")),
        edge(EdgeKind.WORKLOAD, key("cron", "ops"), key("db")),
        edge(EdgeKind.CIDR, outside("203.0.113.0/24"), key("db")),
        edge(EdgeKind.WORLD, key("web"), outside("0.0.0.0/0", "::/0"), ALL_PORTS),
    ]
    compiled = compile(agreements(*both, *edges), cluster(WEB, DB, workload("cron", "ops"), platform=PLATFORM))
    web, db = ({"podSelector": {"matchLabels": {"app": name}}} for name in ("web", "db"))
    ops = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ops"}}}
    assert specs(compiled) == {
        "shop/licet-db": {
            **db,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {
                    "from": [
                        ops | {"podSelector": {"matchLabels": {"app": "cron"}}},
                        db,
                        web,
                        {"ipBlock": {"cidr": "203.0.113.0/24"}},
                    ],
                    "ports": [{"protocol": "TCP", "port": 80}],
                }
            ],
            "egress": [{"to": [db], "ports": [{"protocol": "TCP", "port": 80}]}],
        },
        "shop/licet-web": {
            **web,
            "policyTypes": ["Ingress", "Egress"],
            "egress": [
                {
                    "to": [
                        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16", "192.168.0.0/24"]}},
                        {"ipBlock": {"cidr": "::/0"}},
                    ]
                },
                {"to": [db], "ports": [{"protocol": "TCP", "port": 80}]},
            ],
        },
    }
    assert {one.level for one in compiled.fidelity} == {Level.EXACT}


def test_a_namespace_that_isolates_all_has_one_policy_for_whoever_has_no_contract() -> None:
    found = agreements(closed(), by_contract("web"), by_namespace("db"), by_namespace("log"), asks_resolver("web"))
    compiled = compile(found, cluster(WEB, DB, workload("log")))
    assert list(specs(compiled)) == ["shop/licet-web", "shop/licet"]
    assert specs(compiled)["shop/licet"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_a_namespace_is_closed_for_pods_that_nobody_has_written_yet() -> None:
    assert list(specs(compile(agreements(closed()), cluster()))) == ["shop/licet"]
    every = agreements(closed(), by_contract("web"), by_contract("db"))
    assert sorted(specs(compile(every, cluster(WEB, DB)))) == ["shop/licet", "shop/licet-db", "shop/licet-web"]
    assert list(specs(compile(agreements(closed(mode=Mode.SHADOW)), cluster()))) == []


@pytest.mark.parametrize("other", [by_contract("db", mode=Mode.OBSERVE), by_contract("db", ingress=False), None])
def test_no_policy_for_a_whole_namespace_in_which_somebody_is_not_closed(other: Isolated | None) -> None:
    found: list[Isolated] = [by_namespace("web"), *([other] if other else [])]
    compiled = compile(agreements(closed(), *found), cluster(WEB, DB))
    assert "shop/licet" not in specs(compiled)
    assert "L0406" in [one.code for one in compiled.diagnostics]


def test_callers_of_an_annotated_workload_are_not_restricted() -> None:
    compiled = compile(agreements(by_contract("web", ingress=False)), cluster(WEB))
    assert specs(compiled)["shop/licet-web"]["policyTypes"] == ["Egress"]


def test_only_enforced_workloads_are_compiled_and_the_others_are_told() -> None:
    compiled = compile(agreements(by_contract("web", mode=Mode.SHADOW)), cluster(WEB))
    assert compiled.written == ()
    assert [(one.code, one.severity, one.message) for one in compiled.diagnostics] == [
        ("L0403", Severity.INFO, "`shop/web[Deployment]` is not isolated: the mode is Shadow")
    ]


def test_an_edge_to_somebody_who_cannot_be_told_apart_is_not_written_wide() -> None:
    twin = workload("twin", app="db")
    found = agreements(by_contract("web"), by_contract("db"), edge(EdgeKind.WORKLOAD, key("web"), key("db")))
    compiled = compile(found, cluster(WEB, DB, twin))
    assert list(specs(compiled)) == ["shop/licet-web"]
    assert "egress" not in specs(compiled)["shop/licet-web"]
    assert [(one.code, one.message) for one in compiled.diagnostics] == [
        ("L0400", "no selector tells `shop/db[Deployment]` from `shop/twin[Deployment]`"),
        ("L0404", "`shop/web[Deployment] -> shop/db[Deployment]`, TCP 80, is agreed, and `networkpolicy` cannot let it "
         "through"),
    ]  # fmt: skip


def test_a_workload_on_its_nodes_network_cannot_be_isolated() -> None:
    compiled = compile(agreements(by_contract("web")), cluster(workload("web", host=True)))
    assert compiled.written == ()
    assert [one.code for one in compiled.diagnostics] == ["L0402"]


HOST = workload("agent", "ops", host=True)
AGENTS = Pods("ops", EVERYTHING, "gateway agent in ops")


@pytest.mark.parametrize(
    ("agreement", "platform", "widen", "level", "reason"),
    [
        (edge(EdgeKind.DOMAIN, key("web"), Domain("a.example")), PLATFORM, False, Level.UNSUPPORTED, "no DNS names"),
        (edge(EdgeKind.DOMAIN, key("web"), Domain("a.example")), PLATFORM, True, Level.WIDENED, "any address outside"),
        (edge(EdgeKind.IDENTITY, Identity("spiffe://a"), key("web")), PLATFORM, True, Level.UNSUPPORTED, "SPIFFE"),
        (edge(EdgeKind.CLUSTER, key("web"), Identity("eu:a/b")), PLATFORM, True, Level.UNSUPPORTED, "cluster ends"),
        (edge(EdgeKind.WORKLOAD, HOST.key, key("web")), PLATFORM, False, Level.UNSUPPORTED, "network of its nodes"),
        (edge(EdgeKind.WORKLOAD, HOST.key, key("web")), Platform(), True, Level.UNSUPPORTED, "network of its nodes"),
        (edge(EdgeKind.WORKLOAD, HOST.key, key("web")), PLATFORM, True, Level.WIDENED, "every node"),
        (edge(EdgeKind.GATEWAY, AGENTS, key("web")), PLATFORM, False, Level.UNSUPPORTED, "network of its nodes"),
        (edge(EdgeKind.GATEWAY, AGENTS, key("web")), PLATFORM, True, Level.WIDENED, "every node"),
        (edge(EdgeKind.CIDR, key("web"), outside("10.244.1.0/24")), PLATFORM, True, Level.UNSUPPORTED, "are pods'"),
        (edge(EdgeKind.WORKLOAD, key("web"), key("gone")), PLATFORM, True, Level.UNSUPPORTED, "hold no"),
    ],
)
def test_edges_without_words(agreement: Agreement, platform: Platform, widen: bool, level: Level, reason: str) -> None:
    compiled = compile(agreements(by_contract("web"), agreement), cluster(WEB, HOST, platform=platform), widen)
    [fidelity] = compiled.fidelity
    assert fidelity.level is level
    assert reason in fidelity.reason
    assert [one.code for one in compiled.diagnostics] == (["L0404"] if level is Level.UNSUPPORTED else [])


@pytest.mark.parametrize(("need", "severity"), [(Need.REQUIRED, 3), (Need.STARTUP, 3), (Need.OPTIONAL, 2)])
def test_an_optional_call_that_is_refused_is_no_error(need: Need, severity: int) -> None:
    found = agreements(by_contract("web"), edge(EdgeKind.DOMAIN, key("web"), Domain("a.example"), need=need))
    assert [int(one.severity) for one in compile(found, cluster(WEB)).diagnostics] == [severity]


def test_an_enforcer_that_sees_no_nodes_by_their_addresses() -> None:
    nodes = edge(EdgeKind.NODES, outside("192.168.0.0/24"), key("web"))
    found, around = agreements(by_contract("web"), nodes), cluster(WEB, platform=PLATFORM)
    assert _level(found, around, "cilium") == (Level.UNSUPPORTED, "`cilium` matches no node by its address")
    assert _level(found, around, "calico") == (Level.EXACT, "")


def _level(found: Agreements, around: Cluster, profile: str) -> tuple[Level, str]:
    [one] = compile(found, around, False, PROFILES[profile]).fidelity
    return one.level, one.reason


def test_the_world_is_not_written_where_it_would_hold_the_pods() -> None:
    """Calico matches pods by their addresses: without their range nothing can be taken out of the world."""
    found = agreements(by_contract("web"), edge(EdgeKind.WORLD, key("web"), outside("0.0.0.0/0", "::/0")))
    level, reason = _level(found, cluster(WEB), "calico")
    assert level is Level.UNSUPPORTED
    assert "their range is not known" in reason
    assert _level(found, cluster(WEB, platform=PLATFORM), "calico") == (Level.EXACT, "")
    assert _level(found, cluster(WEB), "kubernetes") == (Level.EXACT, ""), "the proof says what that assumes"
    [widened] = compile(found, cluster(WEB), True, PROFILES["calico"]).fidelity
    assert widened.level is Level.WIDENED


@pytest.mark.parametrize(("last", "level"), [(179, Level.EXACT), (180, Level.UNSUPPORTED), (65535, Level.UNSUPPORTED)])
def test_an_enforcer_that_does_not_read_end_port(last: int, level: Level) -> None:
    old = msgspec.structs.replace(PROFILES["kubernetes"], end_port=Ternary.NO)
    ports = PortSet.of(PortRange(Protocol.TCP, 80, last))
    found = agreements(by_contract("web"), edge(EdgeKind.CIDR, key("web"), outside("203.0.113.0/24"), ports))
    compiled = compile(found, cluster(WEB), False, old)
    assert [one.level for one in compiled.fidelity] == [level]
    if level is Level.EXACT:
        [rule] = specs(compiled)["shop/licet-web"]["egress"]
        assert rule["ports"] == [{"protocol": "TCP", "port": port} for port in range(80, last + 1)]


def test_every_agreement_of_an_enforced_workload_has_its_fidelity_in_order() -> None:
    edges = [edge(EdgeKind.WORKLOAD, key("web"), key("db")), edge(EdgeKind.WORKLOAD, key("db"), key("log"))]
    compiled = compile(agreements(by_contract("web"), *edges), cluster(WEB, DB, workload("log")))
    assert compiled.fidelity == (Fidelity(edges[0], Level.EXACT),)
