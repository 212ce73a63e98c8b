"""ClusterNetworkPolicy, AdminNetworkPolicy and BaselineAdminNetworkPolicy."""

from __future__ import annotations

import pytest

from licet.diag.place import Path
from licet.model.addresses import AddressSet
from licet.model.policy import (
    Action,
    BlockPeer,
    ClusterPolicy,
    ClusterRule,
    DomainPeer,
    NodePeer,
    Peer,
    PodPeer,
    Tier,
    UnknownPeer,
)
from licet.model.ports import NamedPort, PortRange, PortRule, Protocol
from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from tests.manifest.decode.given import faults, given

A = Selector((Requirement("app", Operator.IN, ("a",)),))
ALL = PodPeer(EVERYTHING, EVERYTHING)


def cluster(spec: str) -> str:
    """A ClusterNetworkPolicy with these fields beside a tier, a priority and a subject."""
    return (
        "{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: p},"
        f" spec: {{tier: Admin, priority: 5, subject: {{namespaces: {{}}}}, {spec}}}}}"
    )


def admin(spec: str) -> str:
    """An AdminNetworkPolicy with these fields beside a priority and a subject."""
    return (
        "{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: p},"
        f" spec: {{priority: 5, subject: {{namespaces: {{}}}}, {spec}}}}}"
    )


def baseline(spec: str, name: str = "default") -> str:
    """A BaselineAdminNetworkPolicy with these fields beside a subject."""
    return (
        "{apiVersion: policy.networking.k8s.io/v1alpha1, kind: BaselineAdminNetworkPolicy,"
        f" metadata: {{name: {name}}}, spec: {{subject: {{namespaces: {{}}}}, {spec}}}}}"
    )


def only(text: str) -> ClusterPolicy:
    """The one policy of a text without fault."""
    decoded = given(text)
    assert faults(decoded) == []
    (policy,) = decoded.cluster.cluster_policies
    assert dict(decoded.cluster.namespaces) == {}
    return policy


def test_the_three_kinds_have_one_form() -> None:
    rule = "ingress: [{name: first, action: %s, from: [{namespaces: {}}]}]"
    found = [
        only(cluster(rule % "Accept")),
        only(cluster(rule % "Accept").replace("Admin,", "Baseline,")),
        only(admin(rule % "Allow")),
        only(baseline(rule % "Allow")),
    ]
    assert [(p.tier, p.priority) for p in found] == [
        (Tier.ADMIN, 5),
        (Tier.BASELINE, 5),
        (Tier.ADMIN, 5),
        (Tier.BASELINE, 0),
    ]
    for policy in found:
        assert policy.ingress == (ClusterRule(0, "first", Action.ACCEPT, (ALL,), None),)
        assert (policy.namespaces, policy.pods, policy.egress) == (EVERYTHING, EVERYTHING, ())
    assert str(found[0].key) == "p[ClusterNetworkPolicy.policy.networking.k8s.io]"


@pytest.mark.parametrize(
    ("subject", "namespaces", "pods"),
    [
        ("{namespaces: {matchLabels: {app: a}}}", A, EVERYTHING),
        ("{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: a}}}}", EVERYTHING, A),
        ("{pods: {podSelector: {}}}", EVERYTHING, EVERYTHING),
    ],
)
def test_whom_a_policy_is_about(subject: str, namespaces: Selector, pods: Selector) -> None:
    found = only(cluster("").replace("{namespaces: {}}", subject))
    assert (found.namespaces, found.pods) == (namespaces, pods)


@pytest.mark.parametrize(
    ("peer", "meaning"),
    [
        ("{namespaces: {matchLabels: {app: a}}}", [PodPeer(A, EVERYTHING)]),
        ("{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: a}}}}", [PodPeer(EVERYTHING, A)]),
        ("{nodes: {}}", [NodePeer(EVERYTHING)]),
        (
            "{networks: [10.0.0.0/8, 'fd00::/8']}",
            [
                BlockPeer(AddressSet.of(["10.0.0.0/8"]), "10.0.0.0/8"),
                BlockPeer(AddressSet.of(["fd00::/8"]), "fd00::/8"),
            ],
        ),
        ("{domainNames: [example.com, '*.example.com.']}", [DomainPeer(("example.com", "*.example.com."))]),
    ],
)
def test_what_a_peer_of_an_egress_rule_means(peer: str, meaning: list[Peer]) -> None:
    rule = f"egress: [{{action: Deny, to: [{peer}]}}]"
    assert only(cluster(rule)).egress == (ClusterRule(0, "", Action.DENY, tuple(meaning), None),)
    assert only(admin(rule)).egress == (ClusterRule(0, "", Action.DENY, tuple(meaning), None),)
    if "domainNames" not in peer:
        assert only(baseline(rule)).egress == (ClusterRule(0, "", Action.DENY, tuple(meaning), None),)


@pytest.mark.parametrize(
    "text",
    [
        cluster("ingress: [{action: Deny, from: [{networks: [10.0.0.0/8]}]}]"),
        cluster("egress: [{action: Accept, to: [{galaxies: {}}]}]"),
        baseline("egress: [{action: Deny, to: [{domainNames: [example.com]}]}]"),
        admin("ingress: [{action: Pass, from: [{sameLabels: [a]}]}]"),
    ],
)
def test_a_peer_with_no_known_field_fails_closed(text: str) -> None:
    decoded = given(text)
    assert [code for code, _, _ in faults(decoded)] == ["L0102", "L0112"]
    (policy,) = decoded.cluster.cluster_policies
    assert [rule.peers for rule in (*policy.ingress, *policy.egress)] == [(UnknownPeer(),)]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (cluster("egress: [{action: Pass, to: [{namespaces: {}}], protocols: [%s]}]") % port, meaning)
        for port, meaning in [
            ("{tcp: {destinationPort: {number: 80}}}", PortRange(Protocol.TCP, 80, 80)),
            ("{udp: {destinationPort: {range: {start: 1, end: 9}}}}", PortRange(Protocol.UDP, 1, 9)),
            ("{sctp: {destinationPort: {number: 9}}}", PortRange(Protocol.SCTP, 9, 9)),
            ("{destinationNamedPort: http}", NamedPort("http", None)),
        ]
    ]
    + [
        (admin("egress: [{action: Pass, to: [{namespaces: {}}], ports: [%s]}]") % port, meaning)
        for port, meaning in [
            ("{portNumber: {port: 80}}", PortRange(Protocol.TCP, 80, 80)),
            ("{portNumber: {protocol: SCTP, port: 80}}", PortRange(Protocol.SCTP, 80, 80)),
            ("{portRange: {start: 1, end: 9, protocol: UDP}}", PortRange(Protocol.UDP, 1, 9)),
            ("{namedPort: http}", NamedPort("http", None)),
        ]
    ],
)
def test_what_a_port_means(text: str, meaning: PortRule) -> None:
    assert only(text).egress == (ClusterRule(0, "", Action.PASS, (ALL,), (meaning,)),)


TO = ("spec", "egress", 0, "to", 0)
OUT = "egress: [{action: Deny, to: [%s]}]"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (cluster("").replace("Admin", "Middle"), ("spec", "tier")),
        (cluster("").replace("priority: 5", "priority: 1001"), ("spec", "priority")),
        (admin("").replace("priority: 5", "priority: -1"), ("spec", "priority")),
        (cluster("").replace("priority: 5, ", ""), ("spec", "priority")),
        (cluster("").replace("{namespaces: {}}", "{}"), ("spec", "subject")),
        (
            cluster("").replace("{namespaces: {}}", "{namespaces: {}, pods: {podSelector: {}}}"),
            ("spec", "subject"),
        ),
        (baseline("", "other"), ("metadata", "name")),
        (cluster("ingress: [{action: Allow, from: [{namespaces: {}}]}]"), ("spec", "ingress", 0, "action")),
        (admin("ingress: [{action: Accept, from: [{namespaces: {}}]}]"), ("spec", "ingress", 0, "action")),
        (baseline("ingress: [{action: Pass, from: [{namespaces: {}}]}]"), ("spec", "ingress", 0, "action")),
        (cluster("ingress: [{from: [{namespaces: {}}]}]"), ("spec", "ingress", 0, "action")),
        (cluster("ingress: [{action: Deny}]"), ("spec", "ingress", 0, "from")),
        (cluster("ingress: [{action: Deny, from: []}]"), ("spec", "ingress", 0, "from")),
        (cluster(OUT % "{}"), TO),
        (cluster(OUT % "{namespaces: {}, nodes: {}}"), TO),
        (cluster(OUT % "{networks: []}"), (*TO, "networks")),
        (cluster(OUT % f"{{networks: [{', '.join(f'10.{i}.0.0/16' for i in range(26))}]}}"), (*TO, "networks")),
        (cluster(OUT % "{networks: [10.0.0.0]}"), (*TO, "networks", 0)),
        (cluster(OUT % "{networks: [010.0.0.0/8]}"), (*TO, "networks", 0)),
        (cluster(OUT % "{networks: [10.0.0.0/08]}"), (*TO, "networks", 0)),
        (cluster(OUT % "{domainNames: ['a.*.com']}"), (*TO, "domainNames", 0)),
        (
            cluster("egress: [{action: Deny, to: [{networks: [10.0.0.0/8]}], protocols: [{destinationNamedPort: a}]}]"),
            ("spec", "egress", 0),
        ),
        (
            cluster(f"ingress: [{{name: {'x' * 101}, action: Deny, from: [{{namespaces: {{}}}}]}}]"),
            ("spec", "ingress", 0, "name"),
        ),
        (cluster(f"ingress: [{', '.join(['{action: Deny, from: [{namespaces: {}}]}'] * 26)}]"), ("spec", "ingress")),
        (
            cluster("egress: [{action: Deny, to: [{namespaces: {}}], protocols: []}]"),
            ("spec", "egress", 0, "protocols"),
        ),
        *[
            (
                cluster("egress: [{action: Deny, to: [{namespaces: {}}], protocols: [%s]}]") % port,
                ("spec", "egress", 0, "protocols", 0, *path),
            )
            for port, path in [
                ("{}", ()),
                ("{tcp: {destinationPort: {number: 1}}, udp: {destinationPort: {number: 1}}}", ()),
                ("{tcp: {}}", ("tcp", "destinationPort")),
                ("{tcp: {destinationPort: {}}}", ("tcp", "destinationPort")),
                ("{tcp: {destinationPort: {number: 0}}}", ("tcp", "destinationPort", "number")),
                ("{udp: {destinationPort: {range: {start: 9, end: 1}}}}", ("udp", "destinationPort", "range")),
                ("{udp: {destinationPort: {range: {start: 9, end: 9}}}}", ("udp", "destinationPort", "range")),
            ]
        ],
        *[
            (
                admin("egress: [{action: Deny, to: [{namespaces: {}}], ports: [%s]}]") % port,
                ("spec", "egress", 0, "ports", 0, *path),
            )
            for port, path in [
                ("{}", ()),
                ("{portNumber: {port: 1}, namedPort: a}", ()),
                ("{portNumber: {protocol: TCP}}", ("portNumber", "port")),
                ("{portNumber: {port: 1, protocol: ICMP}}", ("portNumber", "protocol")),
                ("{portRange: {start: 9, end: 1}}", ("portRange",)),
                ("{namedPort: ''}", ("namedPort",)),
            ]
        ],
    ],
)
def test_what_the_api_server_refuses_is_left_out_with_its_place(text: str, path: Path) -> None:
    """The resource definitions' own rules."""
    decoded = given(text)
    assert [(code, where) for code, _, where in faults(decoded)] == [("L0100", path)]
    assert decoded.cluster.cluster_policies == ()


def test_null_is_absent_in_a_custom_resource() -> None:
    """A field that is not nullable and null is pruned; a required one is then missing."""
    decoded = given(cluster("egress: null"))
    assert faults(decoded) == []
    assert [policy.egress for policy in decoded.cluster.cluster_policies] == [()]
    missing = given(cluster("").replace("priority: 5", "priority: null"))
    assert [(code, where) for code, _, where in faults(missing)] == [("L0100", ("spec", "priority"))]


def test_a_missing_selector_is_an_error_with_one_possible_meaning() -> None:
    decoded = given(admin("").replace("{namespaces: {}}", "{pods: {podSelector: {}}}"))
    assert [(code, where) for code, _, where in faults(decoded)] == [
        ("L0107", ("spec", "subject", "pods", "namespaceSelector"))
    ]
    assert [policy.namespaces for policy in decoded.cluster.cluster_policies] == [EVERYTHING]


def test_a_version_that_is_not_known_is_told_once() -> None:
    text = cluster("").replace("v1alpha2", "v1beta1")
    decoded = given(text + "\n---\n" + text.replace("name: p", "name: q"))
    assert [(code, where) for code, _, where in faults(decoded)] == [("L0114", ("apiVersion",))]
    assert len(decoded.cluster.cluster_policies) == 2
