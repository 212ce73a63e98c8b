"""Which connections are let in no more."""

from __future__ import annotations

import msgspec
import pytest

from licet.contracts.contract import HttpMatch, Mode
from licet.diag.place import Origin, Place
from licet.mesh.fleet import Fleet, Stage
from licet.mesh.intent import From, Intent, Proof, Rule, Served, Speaks, Who
from licet.mesh.severing.agreement import lost
from licet.mesh.severing.connections import Held
from licet.mesh.sidecar import Instance
from licet.model.addresses import AddressSet
from licet.model.key import Key
from tests.mesh.severing.entries import BAD, GOOD, ends

CART = Key("", "apps", "Deployment", "shop", "cart")
NODE = "shop/cart[Deployment]/1"


def rule(who: Who, *http: HttpMatch) -> Rule:
    return Rule("any", who, http, (), None)


def proof(*identities: str) -> Proof:
    return Proof(frozenset(identities))


def fleet(*rules: Rule, stage: Stage = Stage.ENFORCE, prober: str = "", beside: tuple[Rule, ...] = ()) -> Fleet:
    """One that serves by these rules, and by those `beside` it at another port."""
    serves = (Served(8080, Speaks.HTTP, True, rules), Served(9090, Speaks.TCP, True, beside))
    intent = Intent(CART, "spiffe://shop.example/cart", Mode.ENFORCE, serves, (), Place(Origin("contract.yaml")))
    return Fleet("shop.example", {CART: intent}, stages={NODE: stage}, prober=prober)


class Change(msgspec.Struct, frozen=True):
    """Two fleets, and whether a connection of BAD ends between them."""

    before: Fleet
    after: Fleet
    ends: bool
    port: int = 8080


AGREED = fleet(rule(proof(BAD, GOOD)))
CHANGES = {
    "an agreement that is gone": Change(AGREED, fleet(rule(proof(GOOD))), True),
    "one that is narrower": Change(AGREED, fleet(rule(proof(BAD), HttpMatch(("GET",), "/v1"))), False),
    "one by address that holds it too": Change(AGREED, fleet(rule(From(AddressSet.of(["0.0.0.0/0"])))), False),
    "one by another address": Change(AGREED, fleet(rule(From(AddressSet.of(["203.0.113.0/24"])))), True),
    "one that stays at another port": Change(AGREED, fleet(beside=(rule(proof(BAD)),)), True),
    "a step to Enforce": Change(fleet(stage=Stage.SHADOW), fleet(), True),
    "a step back": Change(fleet(rule(proof(BAD))), fleet(stage=Stage.SHADOW), False),
    "what was never let in": Change(fleet(), fleet(), False),
    "the prober": Change(fleet(stage=Stage.SHADOW, prober=BAD), fleet(prober=BAD), False),
    "a port that nobody knows": Change(AGREED, fleet(), False, 0),
    "instances that are not seen": Change(
        msgspec.structs.replace(
            AGREED, bound={BAD: frozenset({"192.0.2.7"})}, instances={CART: (Instance(NODE, "1"),)}
        ),
        msgspec.structs.replace(AGREED, bound={BAD: frozenset({"192.0.2.8"})}),
        False,
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_let_in_and_is_not_any_more_is_lost(change: Change) -> None:
    assert lost(change.before, change.after, CART, NODE, Held(ends(5000), BAD, "1", change.port)) is change.ends
