"""Cluster policies: rules that never get a word in, and ties."""

from __future__ import annotations

import pytest

from licet.analysis.lint import lint
from licet.analysis.reach import reach
from licet.model.addresses import AddressSet
from licet.model.platform import Platform
from licet.model.policy import Action, NodePeer
from licet.model.profiles import PROFILES
from tests.analysis.lint.given import found, linted, pod, policy, wide
from tests.analysis.small import block, cluster, labelled, wide_policy, wide_rule, workload

ALL = "{namespaces: {}}"
SHOP = "{namespaces: {matchLabels: {team: red}}}"
DATA = "{namespaces: {matchLabels: {team: blue}}}"
WEB = "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}"


def rule(action: str, peers: str = ALL, port: str = "") -> str:
    """One ingress rule; `port` such as `80` or `{range: {start: 1, end: 80}}`."""
    number = f", protocols: [{{tcp: {{destinationPort: {{number: {port}}}}}}}]" if port else ""
    return f"{{name: r, action: {action}, from: [{peers}]{number}}}"


def admin(name: str, priority: int, *rules: str, subject: str = ALL, tier: str = "Admin") -> str:
    """A ClusterNetworkPolicy with ingress rules."""
    return wide(name, f"tier: {tier}\npriority: {priority}\nsubject: {subject}\ningress: [{', '.join(rules)}]")


NAMED = f"{{name: r, action: Accept, from: [{SHOP}], protocols: [{{destinationNamedPort: http}}]}}"

DEAD = {
    "after an earlier rule of its policy": (
        [admin("a", 1, rule("Deny"), rule("Accept", SHOP))],
        "`a` ingress[1]",
        "`a` ingress[0]",
    ),
    "after an earlier policy": (
        [admin("b", 1, rule("Accept", SHOP), subject=DATA), admin("a", 0, rule("Deny", ALL))],
        "`b` ingress[0]",
        "`a` ingress[0]",
    ),
    "after a Pass": ([admin("a", 1, rule("Pass"), rule("Deny", SHOP))], "`a` ingress[1]", "`a` ingress[0]"),
    "after several together": (
        [admin("a", 1, rule("Deny", SHOP), rule("Accept", DATA), rule("Deny", port="80"))],
        "`a` ingress[2]",
        "`a` ingress[0], `a` ingress[1]",
    ),
    "after a number that a name means": (
        [admin("a", 1, rule("Deny", port="8080"), NAMED, subject=WEB)],
        "`a` ingress[1]",
        "`a` ingress[0]",
    ),
    "in the tier behind": (
        [admin("a", 1, rule("Deny")), admin("b", 1, rule("Accept", SHOP), tier="Baseline")],
        "`b` ingress[0]",
        "NetworkPolicies and the tier before it",
    ),
}


@pytest.mark.parametrize("name", DEAD)
def test_a_rule_never_decides(name: str) -> None:
    objects, whose, by = DEAD[name]
    findings = linted(*objects)
    assert [(f.code, f.message) for f in findings] == [("L0206", f"{whose} never decides")]
    assert findings[0].notes == (f"decided by {by}",)


def test_only_what_surely_decides_is_named() -> None:
    """Neither a policy whose pods are not known, nor one of the same priority, nor one that comes later."""
    doubtful = "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {pod-template-hash: x}}}}"
    findings = linted(
        admin("a", 1, rule("Deny"), subject=doubtful),
        admin("b", 2, rule("Deny")),
        admin("c", 3, rule("Accept", SHOP)),
        admin("d", 3, rule("Accept", DATA)),
        admin("e", 4, rule("Deny", SHOP)),
    )
    assert [(f.message, f.notes) for f in findings] == [
        (f"`{name}` ingress[0] never decides", ("decided by `b` ingress[0]",)) for name in "cde"
    ]


ALIVE = {
    "for another port": [admin("a", 1, rule("Accept", port="80"), rule("Deny"))],
    "for other pods": [admin("a", 1, rule("Deny"), subject=SHOP), admin("b", 2, rule("Accept"))],
    "for another peer": [admin("a", 1, rule("Deny", SHOP), rule("Accept", ALL))],
    "behind a Pass": [admin("a", 1, rule("Pass")), admin("b", 1, rule("Deny"), tier="Baseline")],
    "after one whose pods are not known": [
        admin(
            "a",
            1,
            rule("Deny"),
            subject="{pods: {namespaceSelector: {}, podSelector: {matchLabels: {pod-template-hash: x}}}}",
        ),
        admin("b", 2, rule("Accept")),
    ],
    "behind a tier whose pods are not known": [
        admin(
            "a",
            1,
            rule("Deny"),
            subject="{pods: {namespaceSelector: {}, podSelector: {matchLabels: {pod-template-hash: x}}}}",
        ),
        admin("b", 1, rule("Deny"), tier="Baseline"),
    ],
    "before a number that a name does not mean": [admin("a", 1, rule("Deny", port="8081"), NAMED, subject=WEB)],
    "with the higher priority": [admin("a", 2, rule("Deny")), admin("b", 1, rule("Accept", SHOP))],
}


@pytest.mark.parametrize("name", ALIVE)
def test_a_rule_decides(name: str) -> None:
    assert found(*ALIVE[name]) == []


def test_a_baseline_yields_to_network_policies() -> None:
    """As long as one pod is left to it, it decides there."""
    base = admin("base", 0, rule("Deny", DATA), subject=SHOP, tier="Baseline")
    deny = policy("deny", "podSelector: {}\npolicyTypes: [Ingress]")
    findings = linted(base, deny)
    assert [(f.code, f.message) for f in findings] == [("L0207", "the ingress rules of `base` never decide")]
    assert findings[0].notes == ("applies to `shop/web[Deployment]`, `shop/cart[Deployment]`",)
    assert found(base, policy("deny", "podSelector: {matchLabels: {app: web}}")) == []
    assert found(base, policy("out", "podSelector: {}\npolicyTypes: [Egress]")) == []


def test_the_outside_is_decided_in_its_order_too() -> None:
    """Block by block: what the Admin tier refuses, no Baseline gets to see."""

    def blocks(name: str, tier: str, *rules: tuple[str, str]) -> str:
        listed = ", ".join(f"{{name: r, action: {action}, to: [{peers}]}}" for action, peers in rules)
        return wide(name, f"tier: {tier}\npriority: 1\nsubject: {ALL}\negress: [{listed}]")

    networks = "{{networks: [{}]}}".format
    refused = f"{ALL}, {networks('0.0.0.0/1')}"  # the pods as well, whose addresses may lie in any block
    admin_tier = blocks("a", "Admin", ("Deny", refused), ("Pass", networks("192.0.0.0/8")))
    baseline = blocks(
        "b",
        "Baseline",
        ("Accept", networks("10.0.0.0/8")),
        ("Accept", networks("192.168.0.0/16")),
        ("Deny", networks("198.0.0.0/8")),
    )
    assert found(admin_tier, baseline, profile="cilium") == [
        ("L0206", ("spec", "egress", 0), "`b` egress[0] never decides")
    ]


@pytest.mark.parametrize("turned", [False, True])
def test_a_baseline_has_what_the_admin_tier_leaves(turned: bool) -> None:
    """Some peers are refused, some accepted, and of some one port: the rest of that one is left, and of nobody else."""
    api = "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: cart}}}}"
    tier = [rule("Deny", DATA), rule("Accept", WEB), rule("Deny", api, "80")]
    ends = [DATA, WEB, api]
    objects = [
        admin("a", 1, *(reversed(tier) if turned else tier)),
        admin("b", 1, *(rule("Deny", end, "81") for end in ends), rule("Deny", api, "80"), tier="Baseline"),
    ]
    assert [message for _, _, message in found(*objects)] == [f"`b` ingress[{at}] never decides" for at in (0, 1, 3)]


def test_nodes_are_judged_where_their_addresses_are_known() -> None:
    """Or where the enforcer reads no such field: the rule then matches what a rule without peers would."""
    nodes = NodePeer(labelled(zone="a"))
    rules = [wide_rule(0, Action.DENY, [block("0.0.0.0/0"), block("::/0")]), wide_rule(1, Action.DENY, [nodes])]
    unread = wide_policy("a", egress=[wide_rule(at, Action.DENY, [nodes]) for at in (0, 1)])
    lan = Platform(node_addresses=AddressSet.of(["192.168.0.0/24"]))
    for given, profile, told in (
        (cluster(workload("web"), wide_policy("a", egress=rules)), "ovn-kubernetes", []),
        (cluster(workload("web"), wide_policy("a", egress=rules), platform=lan), "ovn-kubernetes", ["L0206"]),
        (cluster(workload("web"), unread), "ovn-kubernetes", []),
        (cluster(workload("web"), unread), "kubernetes", ["L0206"]),
    ):
        assert [f.code for f in lint(reach(given, PROFILES[profile]))] == told


def test_a_tie() -> None:
    """The witness is a connection in which both rules meet."""
    findings = linted(admin("a", 1, rule("Accept", ALL, "80"), subject=SHOP), admin("b", 1, rule("Deny", DATA)))
    assert [(f.code, f.message) for f in findings] == [
        ("L0210", "`b` ingress[0] and `a` ingress[0] disagree, and both have priority 1")
    ]
    assert findings[0].notes == ("witness: data/db[Deployment] -> shop/web[Deployment], TCP 80",)


NO_TIE = {
    "the same action": [admin("a", 1, rule("Deny")), admin("b", 1, rule("Deny", SHOP))],
    "other peers": [admin("a", 1, rule("Accept", SHOP)), admin("b", 1, rule("Deny", DATA))],
    "other pods": [admin("a", 1, rule("Accept"), subject=SHOP), admin("b", 1, rule("Deny"), subject=DATA)],
    "other ports": [admin("a", 1, rule("Accept", ALL, "80")), admin("b", 1, rule("Deny", ALL, "81"))],
    "other pods, even if not all are known": [
        admin("a", 1, rule("Accept"), subject=SHOP),
        admin(
            "b",
            1,
            rule("Deny"),
            subject="{pods: {namespaceSelector: {matchLabels: {team: blue}},"
            " podSelector: {matchLabels: {pod-template-hash: x}}}}",
        ),
    ],
    "other tiers": [admin("a", 1, rule("Accept", SHOP)), admin("b", 1, rule("Deny"), tier="Baseline")],
    "a word said before": [
        admin("z", 0, rule("Deny", ALL, "80"), subject=SHOP),
        admin("a", 1, rule("Accept", ALL, "80"), subject=SHOP),
        admin("b", 1, rule("Deny", ALL, "80"), subject=SHOP),
    ],
}


@pytest.mark.parametrize("name", NO_TIE)
def test_no_tie(name: str) -> None:
    assert [code for code, _, _ in found(*NO_TIE[name]) if code == "L0210"] == []


def test_a_pod_is_no_witness_against_itself() -> None:
    """Of the traffic of one bare pod to itself no policy decides; replicas are pods like any other."""
    one = "\napiVersion: v1\nkind: Pod\nmetadata: {name: one, namespace: shop, labels: {app: one}}\n"
    one += "spec: {containers: [{name: c, image: i}]}\n"
    own = "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: one}}}}"
    tied = [admin("a", 1, rule("Accept", own), subject=own), admin("b", 1, rule("Deny", own), subject=own)]
    assert "L0210" not in [code for code, _, _ in found(one, *tied)]
    assert "L0210" in [code for code, _, _ in found(pod("one"), *tied)]


@pytest.mark.parametrize("action", ["Deny", "Pass"])
def test_domain_names_are_for_accept_rules(action: str) -> None:
    """The API forbids them elsewhere, since who asks for an address need not have asked for the name."""
    names = '{domainNames: ["a.example.com"]}'

    def policies(action: str) -> str:
        return wide("web", f"tier: Admin\npriority: 1\nsubject: {ALL}\negress: [{{action: {action}, to: [{names}]}}]")

    findings = [f for f in linted(policies(action)) if f.code == "L0214"]
    assert [(f.message, f.severity.word) for f in findings] == [
        (f"`web` egress[0] has domain names and the action `{action}`", "error")
    ]
    assert "L0214" not in [code for code, _, _ in found(policies("Accept"))]
