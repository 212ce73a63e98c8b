"""Fleets to decide by: one by hand, and random ones with requests that come near their rules."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st

from licet.contracts.contract import GrpcMatch, HttpMatch, Mode
from licet.diag.place import Origin, Place, Span
from licet.mesh.decision.point import Point
from licet.mesh.decision.standing import Standing
from licet.mesh.fleet import Fleet
from licet.mesh.intent import From, Intent, Proof, Rule, Served, Speaks, Who
from licet.mesh.sidecar import Instance
from licet.mesh.verdict import Request
from licet.model.addresses import AddressSet
from licet.model.key import Key

GATEWAY = "spiffe://shop.example/ns/infra/sa/gateway"


def workload(name: str) -> Key:
    """A Deployment of the shop."""
    return Key("", "apps", "Deployment", "shop", name)


def identity(name: str) -> str:
    """Whom it runs as."""
    return f"spiffe://shop.example/ns/shop/sa/{name}"


CHECKOUT, FRONTEND, CART = identity("checkout"), identity("frontend"), identity("cart")
KEY = workload("checkout")
LINES = {("spec",): 3, ("spec", "serves", 0): 7, ("spec", "serves", 1): 12}
_ORIGIN = Origin("shop/checkout.yaml")


def where(place: Place) -> Span | None:
    """Where the places of the fleet by hand stand."""
    line = LINES.get(place.path)
    return Span(place.origin.source, line, 1, line, 2) if line else None


def _rule(name: str, who: Who, *http: HttpMatch, grpc: tuple[GrpcMatch, ...] = (), entry: int = 0) -> Rule:
    return Rule(name, who, http, grpc, Place(_ORIGIN, ("spec", "serves", entry)))


def _serves() -> tuple[Served, ...]:
    frontend, cart = Proof(frozenset({FRONTEND})), Proof(frozenset({CART}))
    items = HttpMatch(("GET",), "/v1/items")
    old = _rule("old->checkout", From(AddressSet.of(["192.0.2.0/24"])), entry=1)
    return (
        Served(8080, Speaks.HTTP, True, (_rule("frontend->checkout", frontend, items), _rule("cart->checkout", cart))),
        Served(9090, Speaks.TCP, False, (_rule("frontend->checkout#2", frontend, entry=1), old)),
        Served(5050, Speaks.HTTP, True, (_rule("grpc", frontend, grpc=(GrpcMatch("shop.Checkout", ("Place",)),)),)),
    )


FLEET = Fleet(
    trust_domain="shop.example",
    intents={
        KEY: Intent(KEY, CHECKOUT, Mode.ENFORCE, _serves(), (), Place(_ORIGIN, ("spec",))),
        workload("cart"): Intent(workload("cart"), CART, Mode.ENFORCE, (), (), Place(Origin("shop/cart.yaml"))),
    },
    instances={KEY: (Instance("checkout-1", "10.0.0.7"),)},
    denied=frozenset({identity("stolen")}),
    bound={FRONTEND: frozenset({"10.0.0.1"})},
)


def point(fleet: Fleet | None = FLEET, *gateways: str) -> Point:
    """A decision point that GATEWAY may ask everything."""
    standing = Standing.of(fleet) if fleet is not None else None
    return Point(lambda: standing, where, frozenset({GATEWAY, *gateways}))


_NAMES = ("cart", "checkout", "frontend", "ledger")
_PORTS = (80, 8080)
_ADDRESSES = ("10.0.0.1", "10.0.0.2", "2001:db8::1")
_PATHS = ("/", "/v1", "/v1/items", "/v1/items/3", "/v10", "/shop.Checkout/Place", "/shop.Checkout/Cancel")
_METHODS = ("GET", "POST")
_http = st.builds(
    HttpMatch,
    st.lists(st.sampled_from(_METHODS), unique=True).map(tuple),
    st.sampled_from(("/", "/v1", "/v1/items", "/v1/items/")),
    st.booleans(),
)
_grpc = st.builds(GrpcMatch, st.just("shop.Checkout"), st.sampled_from(((), ("Place",), ("Place", "Cancel"))))
_who: st.SearchStrategy[Who] = st.one_of(
    st.builds(Proof, st.frozensets(st.sampled_from([identity(name) for name in _NAMES]), max_size=3)),
    st.builds(From, st.lists(st.sampled_from((*_ADDRESSES, "10.0.0.0/30")), min_size=1).map(AddressSet.of)),
)
_places = st.builds(lambda entry: Place(_ORIGIN, ("spec", "serves", entry)), st.integers(0, 3))


@st.composite
def _intents(draw: st.DrawFn, name: str) -> Intent:
    serves = []
    for port in draw(st.lists(st.sampled_from(_PORTS), min_size=1, unique=True)):
        rules = []
        for number in range(draw(st.sampled_from((2, 1, 3, 0)))):
            http = tuple(draw(st.lists(_http, max_size=2)))
            grpc = tuple(draw(st.lists(_grpc, max_size=1)))
            rules.append(Rule(f"{name}-{port}-{number}", draw(_who), http, grpc, draw(_places)))
        serves.append(Served(port, draw(st.sampled_from(Speaks)), draw(st.booleans()), tuple(rules)))
    return Intent(workload(name), identity(name), Mode.ENFORCE, tuple(serves), (), Place(_ORIGIN, ("spec",)))


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    """Any fleet of a few workloads, some of which have instances."""
    names = draw(st.lists(st.sampled_from(_NAMES), min_size=2, unique=True))
    addresses = st.frozensets(st.sampled_from(_ADDRESSES))
    ids = st.sampled_from([identity(name) for name in _NAMES])
    return Fleet(
        "shop.example",
        {workload(name): draw(_intents(name)) for name in names},
        instances={workload(name): (Instance(name, f"10.1.0.{number}"),) for number, name in enumerate(names)},
        denied=draw(st.frozensets(ids, max_size=1)),
        bound=draw(st.dictionaries(ids, addresses, max_size=2)),
    )


class Case(msgspec.Struct, frozen=True):
    """A request to a workload of a fleet, which may be one that no contract speaks of."""

    fleet: Fleet
    workload: Key
    request: Request


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any request of somebody with an identity, an address, or both; most come near a rule."""
    fleet = draw(fleets())
    key = draw(st.sampled_from([*fleet.intents, workload("nobody")]))
    serves = fleet.intents[key].serves if key in fleet.intents else ()
    port = draw(st.sampled_from([each.port for each in serves] or [*_PORTS]) | st.just(443))
    rules = [rule.who for each in serves if each.port == port for rule in each.rules]
    admitted = sorted({each for who in rules if isinstance(who, Proof) for each in who.identities})
    who = draw(st.sampled_from([*admitted, "", *(identity(name) for name in _NAMES)]))
    believed = sorted(fleet.bound.get(who, ())) or [*_ADDRESSES]
    asks = draw(st.booleans())
    request = Request(
        port,
        who,
        draw(st.sampled_from(believed) | st.sampled_from(_ADDRESSES if not who else ("", *_ADDRESSES))),
        draw(st.sampled_from(_METHODS)) if asks else "",
        draw(st.sampled_from(_PATHS)) if asks else "",
    )
    return Case(fleet, key, request)
