"""Rules that others cover, equal ones among them; never a rule that something hangs on."""

from __future__ import annotations

import pytest

from tests.analysis.lint.given import found, linted, namespace, pod, policy

WEB = "podSelector: {matchLabels: {app: web}}\n"
CART = "{podSelector: {matchLabels: {app: cart}}}"
DATA = "{namespaceSelector: {matchLabels: {team: blue}}}"
RED = "{namespaceSelector: {matchLabels: {team: red}}}"


def ingress(*rules: str) -> str:
    """Ingress rules, as a line of a spec."""
    return f"ingress: [{', '.join(rules)}]"


SHADOWED = {
    "by a wider rule of its policy": (
        [policy("p", WEB + ingress(f"{{from: [{CART}], ports: [{{port: 80}}]}}", f"{{from: [{CART}, {DATA}]}}"))],
        "p",
        0,
        "`shop/p` ingress[1]",
    ),
    "by another policy for more pods": (
        [
            policy("p", WEB + ingress(f"{{from: [{CART}]}}")),
            policy("q", "podSelector: {}\n" + ingress("{from: [{podSelector: {}}]}")),
        ],
        "p",
        0,
        "`shop/q` ingress[0]",
    ),
    "by several together": (
        [
            policy(
                "p",
                WEB
                + ingress(
                    f"{{from: [{CART}, {DATA}], ports: [{{port: 80}}]}}", f"{{from: [{CART}]}}", f"{{from: [{DATA}]}}"
                ),
            )
        ],
        "p",
        0,
        "`shop/p` ingress[1], `shop/p` ingress[2]",
    ),
    "by ranges of ports together": (
        [
            policy(
                "p",
                WEB
                + ingress(
                    f"{{from: [{CART}], ports: [{{port: 80, endPort: 90}}]}}",
                    "{ports: [{port: 1, endPort: 85}]}",
                    "{ports: [{port: 86, endPort: 99}]}",
                ),
            )
        ],
        "p",
        0,
        "`shop/p` ingress[1], `shop/p` ingress[2]",
    ),
    "by a wider block, though it is not known which pods blocks match": (
        [
            policy(
                "p",
                WEB + ingress("{from: [{ipBlock: {cidr: 10.1.0.0/16}}]}", "{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}"),
            )
        ],
        "p",
        0,
        "`shop/p` ingress[1]",
    ),
    "by the number that its name means": (
        [policy("p", WEB + ingress(f"{{from: [{CART}], ports: [{{port: http}}]}}", "{ports: [{port: 8080}]}"))],
        "p",
        0,
        "`shop/p` ingress[1]",
    ),
    "by the same selection, though it is doubtful": (
        [
            policy(
                "p",
                "podSelector: {matchLabels: {pod-template-hash: x}}\n"
                + ingress(f"{{from: [{CART}], ports: [{{port: 80}}]}}", f"{{from: [{CART}]}}"),
            )
        ],
        "p",
        0,
        "`shop/p` ingress[1]",
    ),
}


@pytest.mark.parametrize("name", SHADOWED)
def test_a_rule_is_shadowed(name: str) -> None:
    objects, whose, index, by = SHADOWED[name]
    findings = linted(*objects)
    assert [(f.code, f.message) for f in findings] == [
        ("L0205", f"`shop/{whose}` ingress[{index}] is shadowed: others allow all that it allows")
    ]
    assert findings[0].notes[0] == f"covered by {by}"


NEEDED = {
    "one more pod": [
        policy("p", WEB + ingress(f"{{from: [{CART}, {DATA}]}}", f"{{from: [{RED}], ports: [{{port: 80}}]}}"))
    ],
    "one more port": [
        policy(
            "p",
            WEB
            + ingress(f"{{from: [{CART}], ports: [{{port: 80, endPort: 90}}]}}", "{ports: [{port: 1, endPort: 89}]}"),
        )
    ],
    "the outside": [policy("p", WEB + ingress("{ports: [{port: 80}]}", "{from: [{namespaceSelector: {}}]}"))],
    "another protocol": [
        policy("p", WEB + ingress(f"{{from: [{CART}], ports: [{{port: 80, protocol: UDP}}]}}", "{ports: [{port: 80}]}"))
    ],
    "a pod that the other policy does not select": [
        policy("p", "podSelector: {}\n" + ingress(f"{{from: [{DATA}]}}")),
        policy("q", WEB + ingress(f"{{from: [{DATA}, {CART}]}}")),
    ],
    "a policy that may not apply": [
        policy("p", WEB + ingress(f"{{from: [{CART}]}}")),
        policy(
            "q",
            "podSelector: {matchLabels: {app: web, pod-template-hash: x}}\n" + ingress(f"{{from: [{CART}, {DATA}]}}"),
        ),
    ],
    "pods that a block may match": [
        policy("p", WEB + ingress(f"{{from: [{CART}]}}", "{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}"))
    ],
    "the other direction": [
        policy(
            "p",
            WEB
            + "policyTypes: [Ingress, Egress]\n"
            + ingress(f"{{from: [{CART}]}}")
            + f"\negress: [{{to: [{CART}, {DATA}]}}]",
        )
    ],
}


@pytest.mark.parametrize("name", NEEDED)
def test_a_rule_is_needed_for(name: str) -> None:
    assert found(*NEEDED[name]) == []


def test_what_a_block_matches_hangs_on_the_enforcer() -> None:
    """Where ipBlock matches pods, `0.0.0.0/0` covers a pod of any address; the default profile does not know."""
    given = NEEDED["pods that a block may match"]
    assert [code for code, _, _ in found(*given, profile="calico")] == ["L0205"]
    assert found(*given, profile="cilium") == []


def test_of_two_that_cover_each_other_one_stays() -> None:
    """Both together are needed: web and cart are all pods of the namespace."""
    both = "{podSelector: {matchExpressions: [{key: app, operator: In, values: [web, cart]}]}}"
    given = policy("p", WEB + ingress("{from: [{podSelector: {}}]}", f"{{from: [{both}]}}"))
    findings = linted(given)
    assert [f.message for f in findings] == ["`shop/p` ingress[1] is shadowed: others allow all that it allows"]
    assert len(findings[0].notes) == 1


def test_a_cover_that_only_holds_for_these_pods_says_so() -> None:
    others = f"{{from: [{RED}]}}", f"{{from: [{DATA}]}}"
    findings = linted(policy("p", WEB + ingress("{from: [{namespaceSelector: {}}], ports: [{port: 80}]}", *others)))
    assert [f.code for f in findings] == ["L0205"]
    assert "these manifests" in findings[0].notes[1]


def test_a_namespace_that_nothing_declares_is_not_surely_covered() -> None:
    others = f"{{from: [{RED}]}}", f"{{from: [{DATA}]}}"
    given = policy("p", WEB + ingress("{from: [{namespaceSelector: {}}], ports: [{port: 80}]}", *others))
    assert found(given, pod("mailer", "mail")) == []
    assert [code for code, _, _ in found(given, pod("mailer", "mail"), namespace("mail", "team: red"))] == ["L0205"]


def test_a_rule_for_the_one_pod_itself_allows_nothing() -> None:
    """A pod reaches itself whatever policies say; a Deployment has replicas that do not."""
    bare = "\napiVersion: v1\nkind: Pod\nmetadata: {name: one, namespace: shop, labels: {app: one}}\n"
    bare += "spec: {containers: [{name: c, image: i}]}\n"
    own = policy(
        "p", "podSelector: {matchLabels: {app: one}}\n" + ingress("{from: [{podSelector: {matchLabels: {app: one}}}]}")
    )
    assert found(bare, own) == [("L0204", ("spec", "ingress", 0), "`shop/p` ingress[0] matches no traffic")]
    assert found(pod("one"), own) == []


def test_many_rules_in_one_place() -> None:
    """Beyond two dozen rules what is allowed twice is counted first; the answer is the same."""
    rules = [f"{{from: [{CART}], ports: [{{port: {port}}}]}}" for port in range(1, 60)]
    assert found(policy("p", WEB + ingress(*rules))) == []
    more = [*rules, f"{{from: [{CART}], ports: [{{port: 7, endPort: 9}}]}}"]
    assert [message for _, _, message in found(policy("p", WEB + ingress(*more)))] == [
        "`shop/p` ingress[59] is shadowed: others allow all that it allows"
    ]


def test_equal_policies_and_equal_rules() -> None:
    """The order of rules, peers and ports makes no difference; what is equal is not told of as shadowed besides."""
    one, two = f"{{from: [{CART}, {DATA}]}}", "{ports: [{port: 80}, {port: 81}]}"
    turned = f"{{from: [{DATA}, {CART}]}}", "{ports: [{port: 81}, {port: 80}]}"
    assert found(policy("p", WEB + ingress(one, two)), policy("q", WEB + ingress(*reversed(turned)))) == [
        ("L0208", ("metadata", "name"), "`shop/q` says the same as `shop/p`")
    ]
    assert found(policy("p", WEB + ingress(one, two, turned[0]))) == [
        ("L0209", ("spec", "ingress", 2), "`shop/p` ingress[2] says the same as `shop/p` ingress[0]")
    ]


def test_policies_that_are_nearly_equal() -> None:
    """An empty list of rules isolates; another namespace and the other direction are another matter."""
    deny = "podSelector: {}\npolicyTypes: "
    assert (
        found(
            policy("a", deny + "[Ingress]"),
            policy("b", deny + "[Egress]"),
            policy("c", deny + "[Ingress, Egress]"),
            policy("a", deny + "[Ingress]", "data"),
        )
        == []
    )
    assert [code for code, _, _ in found(policy("a", deny + "[Ingress]"), policy("b", deny + "[Ingress]"))] == ["L0208"]
