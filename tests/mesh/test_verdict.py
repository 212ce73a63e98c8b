"""What is decided of a request; that sidecars decide the same is seen elsewhere (`envoy/test_rbac.py`)."""

from __future__ import annotations

import pytest

from licet.contracts.contract import GrpcMatch, HttpMatch, Mode
from licet.diag.place import Origin, Place
from licet.mesh.fleet import Fleet
from licet.mesh.intent import DEFAULT_DENY, FOREIGN_ADDRESS, REVOKED, From, Intent, Proof, Rule, Served, Speaks
from licet.mesh.verdict import Request, decide
from licet.model.addresses import AddressSet
from licet.model.key import Key

KEY = Key("", "apps", "Deployment", "shop", "stock")
PLACE = Place(Origin("contracts.yaml"), ())
CART, AWAY, GONE, MOVED = (f"spiffe://shop.example/{name}" for name in ("cart", "away", "gone", "moved"))
CALLERS = Proof(frozenset({CART, AWAY, GONE, MOVED}))
OLD = From(AddressSet.of(["192.0.2.0/24", "2001:db8::/64"]))
ITEMS = HttpMatch(("GET",), "/v1/items/")
HEALTH = HttpMatch((), "/health", exact=True)
PLACED = GrpcMatch("shop.Orders", ("Place",))
STOCK = GrpcMatch("shop.Stock")
HTTP, OPEN, BYTES = 8080, 8081, 9090
FLEET = Fleet(
    "shop.example",
    {
        KEY: Intent(
            KEY,
            "spiffe://shop.example/stock",
            Mode.ENFORCE,
            (
                Served(HTTP, Speaks.HTTP, True, (Rule("some", CALLERS, (ITEMS, HEALTH), (PLACED, STOCK), PLACE),)),
                Served(OPEN, Speaks.HTTP, False, (Rule("old", OLD, (ITEMS,), (), PLACE),)),
                Served(BYTES, Speaks.TCP, True, (Rule("old", OLD, (), (), PLACE), Rule("all", CALLERS, (), (), PLACE))),
            ),
            (),
            PLACE,
        )
    },
    denied=frozenset({GONE}),
    bound={MOVED: frozenset({"10.0.0.1", "2001:db8::1"}), AWAY: frozenset()},
)


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (Request(HTTP, CART, "", "GET", "/v1/items"), "some"),
        (Request(HTTP, CART, "", "GET", "/v1/items/3"), "some"),
        (Request(HTTP, CART, "", "GET", "/v1/itemsets"), ""),
        (Request(HTTP, CART, "", "POST", "/v1/items"), ""),
        (Request(HTTP, CART, "", "PUT", "/health"), "some"),
        (Request(HTTP, CART, "", "GET", "/health/deep"), ""),
        (Request(HTTP, CART, "", "POST", "/shop.Orders/Place"), "some"),
        (Request(HTTP, CART, "", "GET", "/shop.Orders/Place"), ""),
        (Request(HTTP, CART, "", "POST", "/shop.Orders/Cancel"), ""),
        (Request(HTTP, CART, "", "POST", "/shop.Stock/Any"), "some"),
        (Request(HTTP, CART, "", "GET", "/shop.Stock/Any"), ""),
        (Request(HTTP, CART, "", "POST", "/shop.Stocks/Any"), ""),
        (Request(HTTP, "spiffe://shop.example/other", "", "GET", "/health"), ""),
        (Request(HTTP, "", "192.0.2.1", "GET", "/health"), ""),
        (Request(HTTP, GONE, "", "GET", "/health"), REVOKED),
        (Request(HTTP, MOVED, "10.0.0.1", "GET", "/health"), "some"),
        (Request(HTTP, MOVED, "2001:db8::1", "GET", "/health"), "some"),
        (Request(HTTP, MOVED, "10.0.0.2", "GET", "/health"), FOREIGN_ADDRESS),
        (Request(HTTP, MOVED, "", "GET", "/health"), FOREIGN_ADDRESS),
        (Request(HTTP, AWAY, "10.0.0.1", "GET", "/health"), FOREIGN_ADDRESS),
        (Request(OPEN, "", "192.0.2.1", "GET", "/v1/items"), "old"),
        (Request(OPEN, "", "2001:db8::9", "GET", "/v1/items"), "old"),
        (Request(OPEN, "", "192.0.3.1", "GET", "/v1/items"), ""),
        (Request(OPEN, "", "", "GET", "/v1/items"), ""),
        (Request(OPEN, GONE, "192.0.2.1", "GET", "/v1/items"), REVOKED),
        (Request(OPEN, MOVED, "192.0.2.1", "GET", "/v1/items"), FOREIGN_ADDRESS),
        (Request(OPEN, CART, "192.0.2.1", "GET", "/v1/items"), "old"),
        (Request(BYTES, CART), "all"),
        (Request(BYTES, CART, "192.0.2.1"), "old"),
        (Request(BYTES, "", "192.0.2.1"), ""),
        (Request(5432, CART), ""),
    ],
)
def test_what_is_let_through_is_what_a_rule_names(request_: Request, rule: str) -> None:
    decided = decide(FLEET, KEY, request_)
    assert decided.rule == (rule or DEFAULT_DENY)
    assert decided.allowed is (rule not in ("", REVOKED, FOREIGN_ADDRESS))


def test_of_a_workload_without_a_contract_everything_is_refused() -> None:
    nobody = Key("", "apps", "Deployment", "shop", "nobody")
    assert decide(FLEET, nobody, Request(HTTP, CART, "", "GET", "/health")).allowed is False
