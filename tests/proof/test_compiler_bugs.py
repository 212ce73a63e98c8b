"""Bugs that a compiler of policies may have, each made by hand: the proof fails, with the right witness and cause."""

from __future__ import annotations

import msgspec
import pytest

from licet.model.profiles import PROFILES
from licet.proof.proof import Difference, Fault
from licet.proof.prove import prove
from tests.proof.estate import CORRECT, changed, estate

TO_DNS = (
    "  - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, "
    "podSelector: {matchLabels: {k8s-app: kube-dns}}}]\n    ports: [{port: 53, protocol: UDP}, {port: 53}]\n"
)
GOSSIP = "[{podSelector: {matchLabels: {app: worker}}}]\n    ports: [{port: 7946}, {port: 7946, protocol: UDP}]"
FRONTEND = "shop/frontend[Deployment]"
CHECKOUT = "shop/checkout[Deployment]"
WORKER = "shop/worker[Deployment]"
LEGACY = "shop/legacy[Deployment]"
LEDGER = "bank/ledger[Deployment]"
AUDIT = "bank/audit[Deployment]"
DNS = "kube-system/coredns[Deployment]"
ANYONE = "a pod of any other namespace"


class Bug(msgspec.Struct, frozen=True):
    """A spoilt text; what the proof says first: fault, witness, and the policy and rule that decide."""

    name: str
    text: str
    fault: Fault
    witness: str
    cause: str


def policy(name: str, namespace: str, spec: str) -> str:
    """The correct text and one more policy."""
    head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
    return f"{CORRECT}---\n{head}metadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"


def wide(*specs: str) -> str:
    """The correct text and ClusterNetworkPolicies."""
    head = "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
    return CORRECT + "".join(f"---\n{head}metadata: {{name: wide{i}}}\nspec: {spec}\n" for i, spec in enumerate(specs))


ON_SHOP = "subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: shop}}}"
FROM_SHOP = "from: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: shop}}}]"
ON_CHECKOUT = (
    "subject: {pods: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}, "
    "podSelector: {matchLabels: {app: checkout}}}}"
)
FROM_FRONTEND = (
    "from: [{pods: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}, "
    "podSelector: {matchLabels: {app: frontend}}}}]"
)

BUGS = [
    Bug(
        "the rule for DNS is dropped",
        changed(TO_DNS, "", of="ledger"),
        Fault.MISSING,
        f"{LEDGER} -> {DNS}, TCP 53",
        "bank/ledger ",
    ),
    Bug(
        "DNS over TCP is forgotten",
        changed("{port: 53, protocol: UDP}, {port: 53}", "{port: 53, protocol: UDP}", of="worker"),
        Fault.MISSING,
        f"{WORKER} -> {DNS}, TCP 53",
        "shop/worker ",
    ),
    Bug(
        "a selector has one label too few",
        changed("podSelector: {matchLabels: {app: ledger}}}", "podSelector: {}}", of="checkout"),
        Fault.EXCESS,
        f"{CHECKOUT} -> {AUDIT}, TCP 5432",
        "shop/checkout egress[0]",
    ),
    Bug(
        "a selector has the label that several workloads share",
        changed(
            "from: [{podSelector: {matchLabels: {app: worker}}}]",
            "from: [{podSelector: {matchLabels: {part: core}}}]",
            of="worker",
        ),
        Fault.EXCESS,
        f"{LEGACY} -> {WORKER}, TCP 7946",
        "shop/worker ingress[0]",
    ),
    Bug(
        "a Service's port stands for the pods' port",
        changed("port: 5432", "port: 15432", of="checkout"),
        Fault.MISSING,
        f"{CHECKOUT} -> {LEDGER}, TCP 5432",
        "shop/checkout ",
    ),
    Bug(
        "policyTypes lacks Egress",
        changed("policyTypes: [Ingress, Egress]\n  ingress:", "policyTypes: [Ingress]\n  ingress:", of="frontend"),
        Fault.EXCESS,
        f"{FRONTEND} -> {DNS}, TCP 1",
        " ",
    ),
    Bug(
        "policyTypes lacks Ingress",
        changed("policyTypes: [Ingress, Egress]\n  ingress:", "policyTypes: [Egress]\n  ingress:", of="frontend"),
        Fault.EXCESS,
        f"gateway infra/public -> {FRONTEND}, TCP 1",
        " ",
    ),
    Bug(
        "the namespaceSelector is dropped",
        changed(
            "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}, ",
            "",
            of="ledger",
        ),
        Fault.MISSING,
        f"{CHECKOUT} -> {LEDGER}, TCP 5432",
        "bank/ledger ",
    ),
    Bug(
        "the namespaceSelector is emptied",
        changed(
            "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}",
            "namespaceSelector: {}",
            of="ledger",
        ),
        Fault.EXCESS,
        f"a pod of infra with app=checkout -> {LEDGER}, TCP 5432",
        "bank/ledger ingress[0]",
    ),
    Bug(
        "the podSelector beside a namespaceSelector is forgotten",
        changed(", podSelector: {matchLabels: {app: gateway}}", "", of="frontend"),
        Fault.EXCESS,
        f"a pod of infra -> {FRONTEND}, TCP 8080",
        "shop/frontend ingress[0]",
    ),
    Bug(
        "AND is written as OR",
        changed("metadata.name: bank}}, podSelector:", "metadata.name: bank}}}, {podSelector:", of="checkout"),
        Fault.EXCESS,
        f"{CHECKOUT} -> {AUDIT}, TCP 5432",
        "shop/checkout egress[0]",
    ),
    Bug(
        "TCP for UDP",
        changed(f"ingress:\n  - from: {GOSSIP}", f"ingress:\n  - from: {GOSSIP.replace('UDP', 'TCP')}", of="worker"),
        Fault.MISSING,
        f"{WORKER} -> {WORKER}, UDP 7946",
        "shop/worker ",
    ),
    Bug(
        "endPort is one too many",
        changed("endPort: 5445", "endPort: 5446", of="checkout"),
        Fault.EXCESS,
        f"{CHECKOUT} -> 203.0.113.0, TCP 5446",
        "shop/checkout egress[1]",
    ),
    Bug(
        "endPort is one too few",
        changed("endPort: 5445", "endPort: 5444", of="checkout"),
        Fault.MISSING,
        f"{CHECKOUT} -> 203.0.113.0, TCP 5445",
        "shop/checkout ",
    ),
    Bug(
        "a port's name of another container",
        changed("port: grpc", "port: metrics", of="checkout"),
        Fault.MISSING,
        f"{FRONTEND} -> {CHECKOUT}, TCP 5050",
        "shop/checkout ",
    ),
    Bug(
        "the policy stands in another namespace",
        changed("{name: ledger, namespace: bank}", "{name: ledger, namespace: shop}", of="ledger"),
        Fault.EXCESS,
        f"{LEDGER} -> {DNS}, TCP 1",
        " ",
    ),
    Bug(
        "the peer's namespace is another",
        changed("kubernetes.io/metadata.name: bank", "kubernetes.io/metadata.name: shop", of="checkout"),
        Fault.MISSING,
        f"{CHECKOUT} -> {LEDGER}, TCP 5432",
        "shop/checkout ",
    ),
    Bug(
        "an empty list of peers means everybody",
        changed("from: [{podSelector: {matchLabels: {app: frontend}}}]", "from: []", of="checkout"),
        Fault.EXCESS,
        f"{DNS} -> {CHECKOUT}, TCP 5050",
        "shop/checkout ingress[0]",
    ),
    Bug(
        "an empty list of ports means all of them",
        changed("ports: [{port: 9090}]", "ports: []", of="checkout"),
        Fault.EXCESS,
        f"metrics in monitoring -> {CHECKOUT}, TCP 1",
        "shop/checkout ingress[1]",
    ),
    Bug(
        "podSelector {} for a peer",
        changed("from: [{podSelector: {matchLabels: {app: frontend}}}]", "from: [{podSelector: {}}]", of="checkout"),
        Fault.EXCESS,
        f"{LEGACY} -> {CHECKOUT}, TCP 5050",
        "shop/checkout ingress[0]",
    ),
    Bug(
        "a prefix is one bit shorter",
        changed("cidr: 203.0.113.0/24", "cidr: 203.0.112.0/23", of="checkout"),
        Fault.EXCESS,
        f"{CHECKOUT} -> 203.0.112.0, TCP 5440",
        "shop/checkout egress[1]",
    ),
    Bug(
        "except is dropped",
        changed(", except: [203.0.113.128/25]", "", of="checkout"),
        Fault.EXCESS,
        f"{CHECKOUT} -> 203.0.113.128, TCP 5440",
        "shop/checkout egress[1]",
    ),
    Bug(
        "an old policy is left behind that permits more",
        policy("old", "bank", "{podSelector: {matchLabels: {app: ledger}}, ingress: [{from: [{podSelector: {}}]}]}"),
        Fault.EXCESS,
        f"{AUDIT} -> {LEDGER}, TCP 1",
        "bank/old ingress[0]",
    ),
    Bug(
        "an old policy admits a namespace that is no more in the manifests",
        policy(
            "old",
            "bank",
            "{podSelector: {matchLabels: {app: ledger}}, ingress: [{from: [{namespaceSelector: {matchLabels: "
            "{kubernetes.io/metadata.name: backup}}, podSelector: {matchLabels: {app: dump}}}]}]}",
        ),
        Fault.EXCESS,
        f"a pod of backup -> {LEDGER}, TCP 1",
        "bank/old ingress[0]",
    ),
    Bug(
        "the rule for replicas among themselves is missing",
        changed(f"  - to: {GOSSIP}\n", "", of="worker"),
        Fault.MISSING,
        f"{WORKER} -> {WORKER}, TCP 7946",
        "shop/worker ",
    ),
    Bug(
        "the policy is for the wrong workload",
        changed(
            "podSelector: {matchLabels: {app: frontend}}", "podSelector: {matchLabels: {app: legacy}}", of="frontend"
        ),
        Fault.EXCESS,
        f"{FRONTEND} -> {DNS}, TCP 1",
        " ",
    ),
    Bug(
        "another's policy denies",
        wide(f"{{tier: Admin, priority: 10, {ON_CHECKOUT}, ingress: [{{action: Deny, {FROM_SHOP}}}]}}"),
        Fault.MISSING,
        f"{FRONTEND} -> {CHECKOUT}, TCP 5050",
        "wide0 ingress[0]",
    ),
    Bug(
        "Accept in the Admin tier overrides what teams wrote",
        wide(f"{{tier: Admin, priority: 10, {ON_CHECKOUT}, ingress: [{{action: Accept, {FROM_SHOP}}}]}}"),
        Fault.EXCESS,
        f"{LEGACY} -> {CHECKOUT}, TCP 1",
        "wide0 ingress[0]",
    ),
    Bug(
        "the priorities are inverted",
        wide(
            f"{{tier: Admin, priority: 20, {ON_CHECKOUT}, ingress: [{{action: Pass, {FROM_FRONTEND}}}]}}",
            f"{{tier: Admin, priority: 10, {ON_CHECKOUT}, ingress: [{{action: Deny, {FROM_SHOP}}}]}}",
        ),
        Fault.MISSING,
        f"{FRONTEND} -> {CHECKOUT}, TCP 5050",
        "wide1 ingress[0]",
    ),
    Bug(
        "Deny stands before the Accept that should come first",
        wide(
            f"{{tier: Admin, priority: 10, {ON_CHECKOUT}, "
            f"ingress: [{{action: Deny, {FROM_SHOP}}}, {{action: Accept, {FROM_FRONTEND}}}]}}"
        ),
        Fault.MISSING,
        f"{FRONTEND} -> {CHECKOUT}, TCP 5050",
        "wide0 ingress[0]",
    ),
    Bug(
        "a selector is for a namespace that only may have the label",
        changed("kubernetes.io/metadata.name: monitoring", "purpose: monitoring", of="checkout"),
        Fault.PERHAPS_MISSING,
        f"metrics in monitoring -> {CHECKOUT}, TCP 9090",
        "shop/checkout ingress[1]",
    ),
]


def said(one: Difference) -> tuple[Fault, str, str]:
    """A difference as the table of bugs writes it."""
    w = one.witness
    cause = one.cause
    decided = (
        f"{cause.policy.namespace + '/' if cause.policy.namespace else ''}{cause.policy.name} {cause.rule}"
        if cause and cause.policy
        else " "
    )
    return one.fault, f"{w.src} -> {w.dst}, {w.protocol.name} {w.port}", decided


def test_what_is_right_is_proved() -> None:
    """Without a bug there is nothing to say, whatever enforces the policies."""
    right = estate()
    for profile in PROFILES.values():
        proof = prove(right.agreements, right.cluster, profile)
        assert (proof.holds, proof.agreed, proof.permitted) == (True, 10, 10)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_is_caught(bug: Bug) -> None:
    """The first difference of the bug's kind is the expected one, and no bug goes unnoticed."""
    spoilt = estate(bug.text)
    proof = prove(spoilt.agreements, spoilt.cluster, PROFILES["kubernetes"])
    found = {Fault.MISSING: proof.missing, Fault.EXCESS: proof.excess}.get(bug.fault, proof.unproved)
    assert [said(one) for one in found][:1] == [(bug.fault, bug.witness, bug.cause)]
