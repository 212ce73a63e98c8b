"""Whom policies and rules are about: nobody, pods that are elsewhere, and pods to which no policy applies."""

from __future__ import annotations

import pytest

from licet.analysis.lint import lint
from licet.analysis.reach import reach
from licet.model.policy import Action, NodePeer
from licet.model.ports import NamedPort
from licet.model.profiles import PROFILES
from licet.model.selector import EVERYTHING
from tests.analysis.lint.given import found, linted, namespace, pod, policy, wide
from tests.analysis.small import cluster, http, wide_policy, wide_rule, workload

FROM = ("spec", "ingress", 0, "from")
WEB_PEER = "{podSelector: {matchLabels: {app: web}}}"
OPEN = "podSelector: {}\ningress: [{}]"


def test_what_is_sound_is_passed_over_in_silence() -> None:
    assert (
        found(
            policy("deny", "podSelector: {}\npolicyTypes: [Ingress]"),
            policy(
                "web",
                "podSelector: {matchLabels: {app: web}}\n"
                "ingress: [{from: [{podSelector: {matchLabels: {app: cart}}}], ports: [{port: http}]}]\n"
                "egress: [{to: [{namespaceSelector: {matchLabels: {team: blue}}}], ports: [{port: sql}]},"
                " {to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]",
            ),
        )
        == []
    )


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ("podSelector: {matchLabels: {app: wev}}\ningress: [{}]", "did you mean `app: web`?"),
        ("podSelector: {matchLabels: {ap: web}}\ningress: [{}]", "did you mean `app: web`?"),
        ("podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [web, cart]}]}\ningress: [{}]", ""),
    ],
)
def test_a_policy_for_nobody(spec: str, meant: str) -> None:
    findings = linted(policy("web", spec))
    assert [(f.code, f.message, f.severity.word) for f in findings] == [
        ("L0200", "`shop/web` selects no pod", "warning")
    ]
    assert meant in findings[0].help


def test_policies_for_pods_that_are_deployed_from_elsewhere() -> None:
    """One word for the whole namespace, and no warning."""
    findings = linted(policy("a", OPEN, "mail"), policy("b", "podSelector: {matchLabels: {app: api}}", "mail"))
    assert [(f.code, f.message, f.severity.word) for f in findings] == [
        ("L0200", "2 policies are for namespace `mail`, where the manifests hold no pod", "info")
    ]


def test_a_selection_that_may_be_someone_is_not_nobody() -> None:
    """The hash of a template is set when pods run: its value is not known."""
    assert found(policy("web", "podSelector: {matchLabels: {pod-template-hash: abc}}\ningress: [{}]")) == []


def test_a_peer_that_is_nobody_and_one_that_is_somebody() -> None:
    rule = "[{podSelector: {matchLabels: {app: card}}}, {podSelector: {matchLabels: {app: web}}}]"
    spec = f"podSelector: {{matchLabels: {{app: web}}}}\ningress: [{{from: {rule}}}]"
    assert found(policy("web", spec)) == [("L0201", (*FROM, 0), "a peer of `shop/web` ingress[0] matches nobody")]
    assert linted(policy("web", spec))[0].help == "did you mean `app: cart`?"


def test_a_rule_whose_peers_are_all_nobody() -> None:
    rule = "[{podSelector: {matchLabels: {app: none}}}, {podSelector: {matchLabels: {tier: front}}}]"
    assert found(policy("web", f"podSelector: {{matchLabels: {{app: web}}}}\ningress: [{{from: {rule}}}]")) == [
        ("L0201", (*FROM, 0), "`shop/web` ingress[0] matches nobody"),
        ("L0201", (*FROM, 1), "`shop/web` ingress[0] matches nobody"),
    ]


def test_peers_in_namespaces_that_are_not_in_the_manifests_are_told_of_once() -> None:
    """DNS is meant by every other policy, and is hardly ever in the same manifests."""
    dns = (
        "[{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, "
        "podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]}]"
    )
    findings = linted(
        policy("web", f"podSelector: {{matchLabels: {{app: web}}}}\npolicyTypes: [Egress]\negress: {dns}"),
        policy("cart", f"podSelector: {{matchLabels: {{app: cart}}}}\npolicyTypes: [Egress]\negress: {dns}"),
    )
    assert [(f.code, f.message, f.severity.word) for f in findings] == [
        (
            "L0212",
            "2 rules name pods `k8s-app=kube-dns` of namespaces `kubernetes.io/metadata.name=kube-system`, "
            "where the manifests hold no pod",
            "info",
        )
    ]


def test_a_namespace_that_nothing_declares_may_have_the_labels() -> None:
    peer = "[{namespaceSelector: {matchLabels: {team: green}}}]"
    rule = policy("web", f"podSelector: {{matchLabels: {{app: web}}}}\ningress: [{{from: {peer}}}]")
    assert [code for code, _, _ in found(rule)] == ["L0212"]
    assert found(rule, pod("mailer", "mail")) == []


def test_an_ingress_controller_may_be_anywhere() -> None:
    """Where a route leads, a peer in a namespace that is not in the manifests is probably its controller."""
    peer = "[{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress}}}]"
    rule = policy("web", f"podSelector: {{matchLabels: {{app: web}}}}\ningress: [{{from: {peer}}}]")
    service = (
        "\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
        "spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}\n"
    )
    ingress = (
        "\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, namespace: shop}\n"
        "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}\n"
    )
    assert [code for code, _, _ in found(rule)] == ["L0212"]
    assert found(rule, service, ingress) == []


def test_a_block_that_its_exceptions_use_up() -> None:
    block = "{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/9, 10.128.0.0/9]}}"
    assert found(policy("web", f"podSelector: {{matchLabels: {{app: web}}}}\ningress: [{{from: [{block}]}}]")) == [
        ("L0203", (*FROM, 0), "`10.0.0.0/8 except 10.0.0.0/9, 10.128.0.0/9` in `shop/web` ingress[0] is empty")
    ]


@pytest.mark.parametrize(
    ("spec", "path", "message", "help"),
    [
        (
            "ingress: [{ports: [{port: htpp}]}]",
            ("spec", "ingress", 0, "ports", 0),
            "`shop/web` ingress[0] asks for port `TCP htpp`, which no pod has that the policy selects",
            "did you mean `http`?",
        ),
        (
            "ingress: [{ports: [{port: 80}, {port: http, protocol: UDP}]}]",
            ("spec", "ingress", 0, "ports", 1),
            "`shop/web` ingress[0] asks for port `UDP http`, which no pod has that the policy selects",
            "did you mean `TCP http`?",
        ),
        (
            "policyTypes: [Egress]\negress: [{to: [{namespaceSelector: {}}], ports: [{port: grpc}]}]",
            ("spec", "egress", 0, "ports", 0),
            "`shop/web` egress[0] asks for port `TCP grpc`, which no pod has that the rule leads to",
            "name a port that a container declares, or write its number",
        ),
    ],
)
def test_a_port_name_that_nobody_has(spec: str, path: tuple[str | int, ...], message: str, help: str) -> None:
    given = policy("web", f"podSelector: {{matchLabels: {{app: web}}}}\n{spec}")
    assert found(given) == [("L0202", path, message)]
    assert linted(given)[0].help == help


def test_a_port_name_that_comes_close_is_told_where_the_traffic_arrives() -> None:
    """`http` and what looks like it are web's: to the database they are no way out."""
    for port in ("{port: htpp}", "{port: http, protocol: UDP}"):
        [finding] = linted(policy("db", f"podSelector: {{}}\ningress: [{{ports: [{port}]}}]", "data"))
        assert (finding.code, finding.help) == ("L0202", "name a port that a container declares, or write its number")


def test_nodes_have_the_named_ports_of_the_pods_on_their_network() -> None:
    to_nodes = wide_rule(0, Action.ACCEPT, [NodePeer(EVERYTHING)], [NamedPort("http", None)])
    for ports, codes in (((http(80),), []), ((), ["L0202"])):
        agent = workload("agent", ports=ports, host=True)
        given = cluster(agent, workload("web"), wide_policy("a", egress=[to_nodes]))
        assert [f.code for f in lint(reach(given, PROFILES["ovn-kubernetes"]))] == codes


def test_a_port_name_means_nothing_outside() -> None:
    spec = "podSelector: {matchLabels: {app: web}}\npolicyTypes: [Egress]\negress: "
    rule = "[{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: http}]}]"
    assert found(policy("web", spec + rule), profile="cilium") == [
        (
            "L0202",
            ("spec", "egress", 0, "ports", 0),
            "`shop/web` egress[0] asks for port `TCP http`, which means nothing outside the cluster",
        )
    ]


@pytest.mark.parametrize(("profile", "verb"), [("calico", "does not"), ("kubernetes", "may not")])
def test_policies_do_not_apply_to_pods_on_their_nodes_network(profile: str, verb: str) -> None:
    """Where the labels fit others too it is only worth knowing; where they fit no other pod it is a mistake."""
    agent = pod("agent", spec="hostNetwork: true")
    for chosen, severity in (("{}", "info"), ("{matchLabels: {app: agent}}", "warning")):
        findings = linted(agent, policy("deny", f"podSelector: {chosen}"), profile=profile)
        assert [(f.code, f.message, f.severity.word) for f in findings] == [
            ("L0211", f"`shop/deny` {verb} apply to `shop/agent[Deployment]`", severity)
        ]
    assert linted(agent, policy("deny", "podSelector: {matchLabels: {app: web}}"), profile=profile) == []


def test_pods_on_their_nodes_network_excuse_no_policy_for_nobody() -> None:
    agent = pod("agent", spec="hostNetwork: true")
    nobody = policy("p", "podSelector: {matchLabels: {app: none}}\ningress: [{}]")
    assert [code for code, _, _ in found(agent, nobody, profile="calico")] == ["L0200"]


def test_findings_stand_in_the_order_of_the_rules() -> None:
    """Policy by policy, ingress before egress, rule by rule, whichever was looked at first."""
    nobody, web = "podSelector: {matchLabels: {app: none}}", "podSelector: {matchLabels: {app: web}}"
    sides = [
        f"{side}: [{{{end}: [{{{web}}}, {{{nobody}}}]}}, {{ports: [{{port: 80}}], {end}: [{{{web}}}]}},"
        f" {{{end}: [{{{web}}}, {{{nobody}}}], ports: [{{port: 80}}, {{port: 81}}]}}]"
        for side, end in (("ingress", "from"), ("egress", "to"))
    ]
    spec = "podSelector: {matchLabels: {app: cart}}\npolicyTypes: [Ingress, Egress]\n" + "\n".join(sides)
    told = [(code, path) for code, path, _ in found(policy("a", spec), policy("b", OPEN, "mail"))]
    assert told == [
        found_
        for side, end in (("ingress", "from"), ("egress", "to"))
        for found_ in [
            ("L0201", ("spec", side, 0, end, 1)),
            ("L0205", ("spec", side, 1)),
            ("L0201", ("spec", side, 2, end, 1)),
            ("L0205", ("spec", side, 2)),
        ]
    ] + [("L0200", ("spec", "podSelector"))]


def test_a_cluster_policy_for_nobody() -> None:
    nowhere = wide(
        "a", "tier: Admin\npriority: 1\nsubject: {namespaces: {matchLabels: {team: green}}}\ningress: []\negress: []"
    )
    misspelt = wide(
        "b",
        "tier: Admin\npriority: 2\nsubject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: wep}}}}\n"
        "ingress: []\negress: []",
    )
    findings = linted(nowhere, misspelt)
    assert [(f.code, f.message, f.severity.word) for f in findings] == [
        ("L0200", "`a` is for namespaces `team=green`, where the manifests hold no pod", "info"),
        ("L0200", "`b` selects no pod", "warning"),
    ]
    assert findings[1].help == "did you mean `app: web`?"


def test_a_peer_of_a_cluster_policy_that_is_nobody() -> None:
    rule = (
        "- {name: r, action: Deny, to: [{networks: [10.0.0.0/8, 192.168.0.0/16]}, "
        "{pods: {namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: dc}}}}]}"
    )
    spec = f"tier: Admin\npriority: 1\nsubject: {{namespaces: {{}}}}\negress:\n{rule}"
    assert found(wide("a", spec)) == [("L0201", ("spec", "egress", 0), "a peer of `a` egress[0] matches nobody")]


def test_namespaces_without_pods_are_no_typing_error() -> None:
    """A namespace that is declared and empty has its pods elsewhere."""
    peer = "[{namespaceSelector: {matchLabels: {team: green}}}]"
    rule = policy("web", f"podSelector: {{matchLabels: {{app: web}}}}\ningress: [{{from: {peer}}}]")
    assert [code for code, _, _ in found(rule, namespace("mail", "team: green"))] == ["L0212"]


def test_a_peer_that_only_hosts_pods_fit() -> None:
    """No selector of a peer matches pods on their node's network."""
    peer = "[{podSelector: {matchLabels: {app: agent}}}]"
    rule = policy("web", f"podSelector: {{matchLabels: {{app: web}}}}\ningress: [{{from: {peer}}}]")
    findings = linted(rule, pod("agent", spec="hostNetwork: true"))
    assert [(f.code, f.message, f.label) for f in findings] == [
        ("L0201", "`shop/web` ingress[0] matches nobody", "only hostNetwork pods have these labels")
    ]
    assert found(rule, pod("agent")) == []


def test_half_an_edge() -> None:
    """A rule whose other half is missing, seen from either side; what may come from outside has no other half."""
    out = policy(
        "out",
        "podSelector: {matchLabels: {app: web}}\npolicyTypes: [Egress]\n"
        "egress: [{to: [{podSelector: {matchLabels: {app: cart}}}], ports: [{port: 80}]}]",
    )
    closed = policy("closed", "podSelector: {matchLabels: {app: cart}}\npolicyTypes: [Ingress]")
    wanted = [("L0213", ("spec", "egress", 0), "`shop/out` egress[0] is never used")]
    assert found(out, closed) == wanted
    web = "podSelector: {matchLabels: {app: cart}}\ningress: [{from: [{podSelector: {matchLabels: {app: web}}}]"
    assert found(out, policy("in", web + ", ports: [{port: 80}]}]")) == []
    assert found(out, policy("in", web + ", ports: [{port: 81}]}]")) == [
        *wanted,
        ("L0213", ("spec", "ingress", 0), "`shop/in` ingress[0] is never used"),
    ]
    assert found(
        out, policy("in", web + ", ports: [{port: 80}]}, {ports: [{port: 81}], from: [" + WEB_PEER + "]}]")
    ) == [("L0213", ("spec", "ingress", 1), "`shop/in` ingress[1] is never used")]
    outside = "podSelector: {matchLabels: {app: cart}}\ningress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]"
    assert found(policy("in", outside), profile="cilium") == []


def test_an_admin_tier_that_refuses_leaves_rules_unused() -> None:
    refuse = wide(
        "refuse",
        "tier: Admin\npriority: 1\nsubject: {namespaces: {}}\n"
        "ingress: [{name: r, action: Deny, from: [{namespaces: {matchLabels: {team: blue}}}]}]",
    )
    given = policy(
        "p",
        "podSelector: {matchLabels: {app: web}}\ningress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}]",
    )
    assert found(given) == []
    assert found(given, refuse) == [("L0213", ("spec", "ingress", 0), "`shop/p` ingress[0] is never used")]


def test_half_an_edge_to_the_outside_is_told_port_by_port() -> None:
    refuse = wide(
        "refuse",
        "tier: Admin\npriority: 1\nsubject: {namespaces: {}}\negress: [{name: r, action: Deny, "
        "to: [{networks: [203.0.113.0/24]}], protocols: [{tcp: {destinationPort: {number: 80}}}]}]",
    )
    ports = [f"{{to: [{{ipBlock: {{cidr: 203.0.113.0/24}}}}], ports: [{{port: {port}}}]}}" for port in (80, 81)]
    given = policy(
        "p", f"podSelector: {{matchLabels: {{app: web}}}}\npolicyTypes: [Egress]\negress: [{', '.join(ports)}]"
    )
    assert found(given, refuse, profile="cilium") == [
        ("L0213", ("spec", "egress", 0), "`shop/p` egress[0] is never used")
    ]


def test_nodes_are_in_no_manifest_and_in_every_cluster() -> None:
    given = wide(
        "nodes",
        "tier: Admin\npriority: 1\nsubject: {namespaces: {}}\n"
        "egress: [{name: r, action: Deny, to: [{nodes: {matchLabels: {zone: a}}}]}]",
    )
    assert found(given, profile="ovn-kubernetes") == []


def test_a_rule_about_pods_that_are_elsewhere_is_not_judged_by_those_that_are_here() -> None:
    """Cover that is only seen here proves nothing about DNS; a rule that means more does."""
    dns = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}"
    cart = "{podSelector: {matchLabels: {app: cart}}}"
    head = "podSelector: {matchLabels: {app: web}}\npolicyTypes: [Egress]\negress: "
    both = policy("p", head + f"[{{to: [{dns}, {cart}]}}, {{to: [{{podSelector: {{}}}}]}}]")
    assert [code for code, _, _ in found(both)] == ["L0212"]
    covered = policy("p", head + f"[{{to: [{dns}, {cart}]}}, {{to: [{{namespaceSelector: {{}}}}, {cart}]}}]")
    assert [code for code, _, _ in found(covered)] == ["L0205", "L0212"]


def test_where_kinds_are_unknown_it_is_said_that_pods_may_be_theirs() -> None:
    """The pods of an operator's own kinds are in no manifest; a label that is only misspelt is no such case."""
    theirs = ("objects of unknown kinds are left out (L0103, L0104): what is missing may be theirs",)
    objects = [
        policy("a", "podSelector: {matchLabels: {prometheus: main}}\ningress: []"),
        policy("b", "podSelector: {}\ningress: [{from: [{podSelector: {matchLabels: {prometheus: main}}}]}]"),
        policy("c", "podSelector: {matchLabels: {app: wbe}}\ningress: []"),
    ]
    for unread, notes in ((True, theirs), (False, ())):
        told = [(f.code, f.notes) for f in linted(*objects, unread=unread) if f.code in ("L0200", "L0201")]
        assert told == [("L0200", notes), ("L0201", notes), ("L0200", ())]
