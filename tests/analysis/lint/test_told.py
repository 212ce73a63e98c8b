"""One estate in which everything is wrong, more than once and on either side: what is said, where, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.analysis.lint.given import linted, namespace, pod, policy, wide
from tests.analysis.told import lines
from tests.conftest import Golden

PAGE = Path(__file__).parent / "golden" / "estate.txt"

BARE = """
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: data, labels: {app: one}}
spec: {containers: [{name: c, image: i}]}
"""
ROUTE = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front, namespace: ops}
spec:
  rules:
    - http:
        paths:
          - {path: /a, pathType: Prefix, backend: {service: {name: wev, port: {number: 80}}}}
          - {path: /b, pathType: Prefix, backend: {service: {name: front, port: {number: 81}}}}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: front, namespace: ops}
spec: {selector: {app: front}, ports: [{port: 80, targetPort: 8080}]}
"""
CART = "{podSelector: {matchLabels: {app: cart}}}"
DATA = "{namespaceSelector: {matchLabels: {team: blue}}}"
GREEN = "{namespaceSelector: {matchLabels: {team: green}}}"
DNS = "{namespaceSelector: {matchLabels: {zone: dns}}, podSelector: {matchLabels: {app: dns}}}"
USED_UP = "{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/9, 10.128.0.0/9]}}"


def labelled(name: str) -> str:
    """Pods of the policy's own namespace."""
    return f"{{podSelector: {{matchLabels: {{app: {name}}}}}}}"


def both(subject: str, *rules: str) -> str:
    """The same rules on either side, with `PEERS` for their peers' key."""
    sides = [
        f"{side}: [{', '.join(rule.replace('PEERS', key) for rule in rules)}]"
        for side, key in (("ingress", "from"), ("egress", "to"))
    ]
    return "\n".join([f"podSelector: {subject}", "policyTypes: [Ingress, Egress]", *sides])


def app(name: str) -> str:
    """A selector."""
    return f"{{matchLabels: {{app: {name}}}}}"


RULES = [
    f"{{PEERS: [{CART}]}}",
    f"{{PEERS: [{labelled('none')}]}}",
    f"{{PEERS: [{CART}, {labelled('crat')}]}}",
    f"{{PEERS: [{labelled('agent')}]}}",
    f"{{PEERS: [{USED_UP}]}}",
    f"{{PEERS: [{CART}], ports: [{{port: htpp}}]}}",
    f"{{PEERS: [{CART}], ports: [{{port: 80}}, {{port: htpp}}]}}",
    f"{{PEERS: [{DATA}], ports: [{{port: 90}}]}}",
    f"{{PEERS: [{CART}]}}",
]
POLICIES = [
    policy("away", "podSelector: {}", "mail"),
    policy("nobody", both(app("wev"), f"{{PEERS: [{CART}]}}")),
    policy("hosts", "podSelector: {matchLabels: {app: agent}}"),
    policy("busy", both(app("web"), *RULES)),
    policy("dns", both(app("cart"), f"{{PEERS: [{DNS}]}}", "{PEERS: [{podSelector: {}}]}", f"{{PEERS: [{DATA}]}}")),
    policy("twin", both(app("cart"), f"{{PEERS: [{DATA}]}}", f"{{PEERS: [{DNS}]}}", "{PEERS: [{podSelector: {}}]}")),
    policy("green", f"podSelector: {app('cart')}\ningress: [{{from: [{CART}]}}, {{from: [{GREEN}]}}]"),
    policy("again", both("{}", f"{{PEERS: [{CART}]}}", f"{{PEERS: [{CART}]}}")),
    policy("closed", "podSelector: {}\npolicyTypes: [Ingress, Egress]", "data"),
    policy(
        "self",
        both(app("one"), f"{{PEERS: [{labelled('db')}]}}", f"{{PEERS: [{labelled('one')}]}}"),
        "data",
    ),
]


def cluster_policy(name: str, priority: int, subject: str, *rules: str, tier: str = "Admin") -> str:
    """The same rules on either side, with `PEERS` for their peers' key; what stands behind `|` is for egress only."""
    sides = []
    for side, key in (("ingress", "from"), ("egress", "to")):
        own = [rule.lstrip("|") for rule in rules if side == "egress" or not rule.startswith("|")]
        sides.append(f"{side}: [{', '.join(rule.replace('PEERS', key) for rule in own)}]")
    return wide(name, "\n".join([f"tier: {tier}", f"priority: {priority}", f"subject: {subject}", *sides]))


def pods(name: str, team: str = "red") -> str:
    """A subject, or a peer."""
    return f"{{pods: {{namespaceSelector: {{matchLabels: {{team: {team}}}}}, podSelector: {app(name)}}}}}"


EVERYONE = "{namespaces: {}}"
HTPP = "protocols: [{destinationNamedPort: htpp}]"
CLUSTER_POLICIES = [
    cluster_policy("first", 1, pods("web"), f"{{action: Accept, PEERS: [{pods('cart')}]}}"),
    cluster_policy("green", 2, "{namespaces: {matchLabels: {team: green}}}"),
    cluster_policy("misspelt", 3, pods("wev")),
    cluster_policy(
        "busy",
        4,
        pods("web"),
        f"{{action: Pass, PEERS: [{pods('cart')}]}}",
        f"{{action: Deny, PEERS: [{pods('crat')}]}}",
        f"{{action: Deny, PEERS: [{pods('db', 'blue')}], {HTPP}}}",
        f"{{action: Deny, PEERS: [{pods('dns', 'green')}]}}",
        '|{action: Deny, PEERS: [{domainNames: ["a.example.com"]}]}',
    ),
    cluster_policy("one", 5, pods("cart"), "{action: Accept, PEERS: [" + pods("db", "blue") + "]}"),
    cluster_policy("two", 5, pods("cart"), f"{{action: Pass, PEERS: [{EVERYONE}]}}"),
    cluster_policy("base", 0, pods("cart"), f"{{action: Deny, PEERS: [{EVERYONE}]}}", tier="Baseline"),
    cluster_policy(
        "rest",
        1,
        pods("front", "none"),
        f"{{action: Accept, PEERS: [{EVERYONE}]}}",
        f"{{action: Deny, PEERS: [{pods('dns', 'green')}]}}",
        f"{{action: Deny, PEERS: [{pods('dns', 'green')}, {pods('cart')}]}}",
        f"{{action: Deny, PEERS: [{pods('cart')}]}}",
        tier="Baseline",
    ),
]
ESTATE = [
    pod("agent", spec="hostNetwork: true"),
    BARE,
    namespace("ops", "team: none"),
    pod("front", "ops"),
    SERVICE,
    ROUTE,
    *POLICIES,
    *CLUSTER_POLICIES,
]


def told() -> Iterator[str]:
    """The findings under an enforcer that knows no nodes, and under one that does."""
    for profile in ("calico", "ovn-kubernetes"):
        yield f"# {profile}"
        yield from lines(linted(*ESTATE, profile=profile, unread=profile == "calico"))


def test_an_estate_in_which_everything_is_wrong(golden: Golden) -> None:
    golden(PAGE, "\n".join(told()))


def test_everything_is_wrong_in_it() -> None:
    codes = {finding.code for finding in linted(*ESTATE, profile="calico")}
    assert codes == {f"L02{number:02}" for number in range(16)}
