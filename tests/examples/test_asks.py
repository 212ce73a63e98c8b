"""What the shop asserts of itself holds, and each assertion fails as soon as the policy behind it is another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from licet.analysis.ask import Answer, ask, findings
from licet.analysis.reach import reach
from licet.diag.place import Place
from licet.diag.text import Text
from licet.manifest.decode.assertions import decode, is_assertions
from licet.manifest.documents import read
from licet.model.profiles import PROFILES
from licet.sources import fetch
from tests.answers import manifests

SHOP = Path(__file__).parents[2] / "examples" / "shop"


def answers(texts: Sequence[Text], profile: str = "kubernetes") -> list[Answer]:
    """What comes of the shop's assertions over some version of its manifests."""
    documents, _ = read(fetch([str(SHOP / "asks.yaml")]).texts)
    assertions, wrong = decode(document for document in documents if is_assertions(document))
    assert wrong == []
    cluster, broken = manifests(texts=texts)
    assert broken == []
    return ask(reach(cluster, PROFILES[profile]), assertions)


@pytest.mark.parametrize("profile", PROFILES)
def test_they_hold_whoever_enforces(profile: str) -> None:
    found = answers(fetch([str(SHOP)]).texts, profile)
    assert [answer.assertion.name for answer in found if not answer.holds] == []
    assert len(found) == 9


def policy(namespace: str, name: str, rules: str) -> str:
    """One more policy for one workload."""
    return (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: more-{name}, namespace: {namespace}}}\n"
        f"spec: {{podSelector: {{matchLabels: {{app.kubernetes.io/name: {name}}}}}, {rules}}}\n"
    )


INSIDE = "[{namespaceSelector: {}}]"
WORLD = "[{ipBlock: {cidr: 0.0.0.0/0}}]"
CALLS_EVERYONE = policy("shop", "storefront", f"policyTypes: [Egress], egress: [{{to: {INSIDE}}}]")
SECOND_DOOR = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: catalog, namespace: shop}
spec: {defaultBackend: {service: {name: catalog, port: {number: 8080}}}}
"""

MORE = {
    "database": (CALLS_EVERYONE, policy("data", "database", f"ingress: [{{from: {INSIDE}}}]")),
    "charges": (CALLS_EVERYONE, policy("bank", "payment", f"ingress: [{{from: {INSIDE}}}]")),
    "books": (CALLS_EVERYONE, policy("bank", "ledger", f"ingress: [{{from: {INSIDE}}}]")),
    "no-way-out": (policy("shop", "cart", f"policyTypes: [Egress], egress: [{{to: {WORLD}}}]"),),
    "cards-only": (policy("bank", "payment", f"policyTypes: [Egress], egress: [{{to: {WORLD}, ports: [port: 80]}}]"),),
    "no-back-door": (policy("shop", "storefront", f"ingress: [{{from: {WORLD}}}]"),),
    "one-front-door": (SECOND_DOOR, policy("shop", "catalog", f"ingress: [{{from: {INSIDE}}}]")),
}


@pytest.mark.parametrize("name", MORE)
def test_it_fails_once_more_is_allowed(name: str) -> None:
    """It alone, and the finding points at what allows it."""
    texts = [*fetch([str(SHOP)]).texts, Text("more.yaml", "\n---\n".join(MORE[name]).encode())]
    found = answers(texts)
    assert [answer.assertion.name for answer in found if not answer.holds] == [name]
    [finding] = findings(found)
    assert isinstance(finding.where, Place)
    assert finding.where.origin.source == "more.yaml"


LESS = {
    "orders-arrive": ("shop/cart.yaml", "app.kubernetes.io/name: checkout", "app.kubernetes.io/name: chekout"),
    "cards-are-charged": ("bank/payment.yaml", "cidr: 203.0.113.0/28", "cidr: 203.0.113.0/29"),
}


@pytest.mark.parametrize("name", LESS)
def test_it_fails_once_less_is_allowed(name: str) -> None:
    file, old, new = LESS[name]
    texts = [
        Text(text.source, text.data.replace(old.encode(), new.encode())) if text.source.endswith(file) else text
        for text in fetch([str(SHOP)]).texts
    ]
    found = answers(texts)
    assert [answer.assertion.name for answer in found if not answer.holds] == [name]


def test_every_assertion_has_been_seen_to_fail() -> None:
    assert {answer.assertion.name for answer in answers(fetch([str(SHOP)]).texts)} == {*MORE, *LESS}
