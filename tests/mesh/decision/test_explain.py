"""Every refusal says which it is, in a word and in a sentence, and the line of a contract that it follows from."""

from __future__ import annotations

import pytest
from hypothesis import given

from licet.diag.place import Origin, Place
from licet.diag.text import Text
from licet.manifest.locate import locate
from licet.mesh.decision.explain import Explained, Reason, explain, line
from licet.mesh.decision.standing import Standing
from licet.mesh.verdict import Request, decide
from licet.model.key import Key
from tests.mesh.decision.fleets import (
    CART,
    CHECKOUT,
    FLEET,
    FRONTEND,
    KEY,
    Case,
    cases,
    identity,
    where,
    workload,
)

SPEC, FIRST, SECOND = (f"shop/checkout.yaml:{number}" for number in (3, 7, 12))


@pytest.mark.parametrize(
    ("key", "request_", "explained"),
    [
        (
            KEY,
            Request(8080, FRONTEND, "10.0.0.1", "GET", "/v1/items/3"),
            Explained(
                True, "frontend->checkout", Reason.AGREED, f"`{FRONTEND}` may: `frontend->checkout` is agreed", FIRST
            ),
        ),
        (
            KEY,
            Request(9090, "", "192.0.2.9"),
            Explained(
                True, "old->checkout", Reason.AGREED, "who shows no identity may: `old->checkout` is agreed", SECOND
            ),
        ),
        (
            workload("nobody"),
            Request(8080, CART),
            Explained(False, "default-deny", Reason.NO_CONTRACT, "no contract speaks of `shop/nobody[Deployment]`"),
        ),
        (
            KEY,
            Request(8080, identity("stolen"), "10.0.0.1", "GET", "/"),
            Explained(False, "revoked", Reason.REVOKED, f"`{identity('stolen')}` is revoked", SPEC),
        ),
        (
            KEY,
            Request(8080, FRONTEND, "10.0.0.2", "GET", "/v1/items"),
            Explained(
                False, "foreign-address", Reason.FOREIGN_ADDRESS, f"`{FRONTEND}` does not run at `10.0.0.2`", SPEC
            ),
        ),
        (
            KEY,
            Request(8080, FRONTEND, "", "GET", "/v1/items"),
            Explained(
                False,
                "foreign-address",
                Reason.FOREIGN_ADDRESS,
                f"`{FRONTEND}` does not run at an address that nobody knows",
                SPEC,
            ),
        ),
        (
            KEY,
            Request(443, CART),
            Explained(
                False,
                "default-deny",
                Reason.NOT_SERVED,
                "`shop/checkout[Deployment]` serves nobody on port 443",
                SPEC,
            ),
        ),
        (
            KEY,
            Request(8080, "", "192.0.2.9", "GET", "/"),
            Explained(
                False,
                "default-deny",
                Reason.NO_IDENTITY,
                "who shows no identity is not heard on port 8080, where mutual TLS is strict",
                SPEC,
            ),
        ),
        (
            KEY,
            Request(8080, identity("unheard-of"), "", "GET", "/"),
            Explained(
                False,
                "default-deny",
                Reason.UNKNOWN_IDENTITY,
                f"`{identity('unheard-of')}` is nobody that a contract speaks of",
                SPEC,
            ),
        ),
        (
            KEY,
            Request(8080, CHECKOUT, "", "GET", "/"),
            Explained(
                False,
                "default-deny",
                Reason.NOT_ADMITTED,
                f"`shop/checkout[Deployment]` does not admit `{CHECKOUT}` on port 8080",
                SPEC,
            ),
        ),
        (
            KEY,
            Request(8080, FRONTEND, "10.0.0.1", "DELETE", "/v1/items"),
            Explained(
                False,
                "default-deny",
                Reason.NOT_AGREED,
                f"`{FRONTEND}` may call port 8080, and `DELETE /v1/items` is not agreed",
                FIRST,
            ),
        ),
        (
            KEY,
            Request(8080, FRONTEND, "10.0.0.1"),
            Explained(
                False,
                "default-deny",
                Reason.NOT_AGREED,
                f"`{FRONTEND}` may call port 8080, and a connection without a request is not agreed",
                FIRST,
            ),
        ),
    ],
    ids=lambda value: value.reason.value if isinstance(value, Explained) else "",
)
def test_a_decision_says_why(key: Key, request_: Request, explained: Explained) -> None:
    assert explain(Standing.of(FLEET), key, request_, where) == explained


@given(cases())
def test_what_is_explained_is_what_was_decided(case: Case) -> None:
    explained = explain(Standing.of(case.fleet), case.workload, case.request, where)
    decided = decide(case.fleet, case.workload, case.request)
    assert (explained.allowed, explained.rule) == (decided.allowed, decided.rule)
    assert (explained.reason is Reason.AGREED) == decided.allowed
    assert explained.text


def test_a_line_is_that_of_the_file_that_was_read() -> None:
    text = Text("a.yaml", b"kind: Contract\nspec:\n  serves:\n  - name: grpc\n  - name: http\n")
    place = Place(Origin("a.yaml", 0, len(text.data)), ("spec", "serves", 1))
    assert line(place, lambda each: locate(text, each)) == "a.yaml:5"
    assert line(place, lambda _: None) == "a.yaml"
    assert line(None, lambda _: None) == ""
