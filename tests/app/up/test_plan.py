"""The traffic of a platform follows from its contracts alone, and says beforehand what becomes of each call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from licet.app.up import orders
from licet.app.up.orders import Protocol, Way
from licet.app.up.plan import Cause, Counts, Edge, Expected, Plan, Planned, expected_edges, plan
from licet.app.up.stations import stations
from licet.contracts.contract import GrpcMatch, HttpMatch, Mode
from licet.diag.place import Origin, Place
from licet.mesh.fleet import Fleet, Stage
from licet.mesh.intent import Call, Callee, Intent, Named, Outside, Proof, Rule, Served, Speaks
from licet.mesh.sidecar import Sidecar
from licet.mesh.verdict import Request, decide
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.ports import PortRange, PortSet
from licet.model.ports import Protocol as Transport
from tests.app.up.standing import deployment

CART, LEDGER, WEB = map(deployment, ("cart", "ledger", "web"))
HERE = Place(Origin("contracts.yaml"))
ITEMS, BOOK = HttpMatch(("POST", "GET"), "/v1/items"), GrpcMatch("shop.Ledger", ("Book",))


def identity(key: Key) -> str:
    return f"spiffe://example.org/{key.name}"


def call(to: Callee | Named | Outside, port: int, speaks: Speaks, *wanted: HttpMatch | GrpcMatch) -> Call:
    http = tuple(each for each in wanted if isinstance(each, HttpMatch))
    grpc = tuple(each for each in wanted if isinstance(each, GrpcMatch))
    return Call(f"to {port}", to, PortSet.of(PortRange(Transport.TCP, port, port)), speaks, http, grpc, HERE)


def callee(key: Key) -> Callee:
    return Callee(key, frozenset({identity(key)}))


def served(port: int, speaks: Speaks, *rules: Rule, strict: bool = True) -> Served:
    return Served(port, speaks, strict, rules)


def rule(caller: Key, *wanted: HttpMatch | GrpcMatch) -> Rule:
    http = tuple(each for each in wanted if isinstance(each, HttpMatch))
    grpc = tuple(each for each in wanted if isinstance(each, GrpcMatch))
    return Rule(f"{caller.name} may", Proof(frozenset({identity(caller)})), http, grpc, HERE)


def intent(key: Key, serves: Sequence[Served], calls: Sequence[Call]) -> Intent:
    return Intent(key, identity(key), Mode.ENFORCE, tuple(serves), tuple(calls), HERE)


INTENTS = {
    each.key: each
    for each in (
        intent(
            CART,
            [served(8080, Speaks.HTTP, rule(WEB, ITEMS)), served(9090, Speaks.HTTP)],
            [call(callee(LEDGER), 50051, Speaks.HTTP, BOOK), call(callee(LEDGER), 5432, Speaks.TCP)],
        ),
        intent(
            LEDGER,
            [served(50051, Speaks.HTTP, rule(CART, BOOK)), served(5432, Speaks.TCP, rule(CART), strict=False)],
            [call(Named("api.example.com"), 443, Speaks.TCP), call(Named("*.example.com"), 443, Speaks.TCP)],
        ),
        intent(
            WEB,
            [],
            [
                call(callee(CART), 8080, Speaks.HTTP, ITEMS),
                call(Outside(AddressSet.of(["192.0.2.1"]), "192.0.2.1"), 25, Speaks.TCP),
                call(Outside(AddressSet.of(["203.0.113.0/24"]), "203.0.113.0/24"), 25, Speaks.TCP),
                call(callee(deployment("gone")), 80, Speaks.TCP),
                call(callee(CART), 7000, Speaks.TCP),
            ],
        ),
    )
}
ADDRESSES = ("127.77.0.1", "127.77.0.2", "127.77.0.3")
SIDECARS = stations(INTENTS, ADDRESSES, Path("/run/up"))
BOUND = {each.identity: frozenset({each.address}) for each in SIDECARS.values()}
FLEET = Fleet("example.org", INTENTS, bound=BOUND)


def told(made: Plan) -> list[tuple[str, str, int, str, str, str]]:
    """Who calls whom, at which port, in what, and which request."""
    return [
        (each.caller.name, each.callee.name, each.port, each.call.protocol.value, each.call.method, each.call.path)
        for each in made.calls
    ]


def test_every_agreed_call_is_made_in_each_protocol_by_the_callers_own_exit() -> None:
    made = plan(FLEET, SIDECARS, 1, 0)
    assert told(made) == [
        ("cart", "ledger", 50051, "gRPC", "POST", "/shop.Ledger/Book"),
        ("cart", "ledger", 50051, "gRPC stream", "POST", "/shop.Ledger/Book"),
        ("cart", "ledger", 5432, "TCP", "", ""),
        ("web", "cart", 8080, "HTTP/1.1", "POST", "/v1/items"),
        ("web", "cart", 8080, "HTTP/2", "POST", "/v1/items"),
    ]
    assert made.calls[2] == Planned(
        CART,
        LEDGER,
        5432,
        Cause.DECLARED,
        Expected.ALLOWED,
        "cart may",
        orders.Call(2, Protocol.TCP, Way.EXIT, "127.77.0.1", 20001, str(LEDGER), (identity(LEDGER),)),
    )
    parts = made.parts(1)
    assert [[each.number for each in part.get(WEB, ())] for part in parts] == [[3], [4], []]
    assert {each.number for part in parts for calls in part.values() for each in calls} == set(range(len(made.calls)))
    assert [(each.caller.name, each.reason) for each in made.unplanned] == [
        ("ledger", "it leads out of the platform"),
        ("ledger", "it leads out of the platform"),
        ("web", "it leads out of the platform"),
        ("web", "it leads out of the platform"),
        ("web", "`shop/gone[Deployment]` has no contract, and no sidecar"),
        ("web", "`shop/cart[Deployment]` does not serve 7000"),
    ]


def test_undeclared_calls_are_of_every_kind_and_refused_by_the_verdict() -> None:
    """All there are: nothing of them is agreed, and each says by which rule it is refused."""
    made = plan(FLEET, SIDECARS, 1, 1000).calls
    others = [each for each in made if each.cause is not Cause.DECLARED]
    assert Counter(each.cause for each in others) == {
        # ledger calls nobody: two ports of cart's; web knows cart alone: two ports of ledger's.
        Cause.STRANGER: 4,
        Cause.OTHER_PORT: 1,
        # Another path and another method in two versions; another method and another service in two forms.
        Cause.OTHER_REQUEST: 8,
        # A port that is not strict hears everybody.
        Cause.NO_CERTIFICATE: 3,
    }
    assert [each.call.number for each in made] == list(range(len(made)))
    for each in others:
        bare = each.cause is Cause.NO_CERTIFICATE
        assert (each.expected, each.rule) == (Expected.REFUSED, "" if bare else "default-deny")
        assert each.call.way is (Way.BARE if bare else Way.DIRECT)
        assert (each.call.host, each.call.port) == (SIDECARS[each.callee].address, each.port)
        own = SIDECARS[each.caller]
        asked = Request(each.port, own.identity * (not bare), own.address, each.call.method, each.call.path)
        assert not decide(FLEET, each.callee, asked).allowed


def test_a_selection_is_of_each_kind_and_by_its_seed_alone() -> None:
    one, same, other = (plan(FLEET, SIDECARS, seed, 4) for seed in (1, 1, 2))
    assert one == same != other
    for made in (one, other):
        assert {each.cause for each in made.calls} == set(Cause)
        assert len(made.calls) == 5 + 4


def test_shadow_lets_through_and_reports_and_observe_says_nothing() -> None:
    """What would be refused is no refusal, and who shows no certificate is not tried where all are heard."""

    def staged(stage: Stage) -> Counter[tuple[Cause, Expected]]:
        fleet = msgspec.structs.replace(FLEET, stages={each.id: stage for each in SIDECARS.values()})
        return Counter((each.cause, each.expected) for each in plan(fleet, SIDECARS, 1, 1000).calls)

    assert staged(Stage.SHADOW) == {
        (Cause.DECLARED, Expected.ALLOWED): 5,
        (Cause.STRANGER, Expected.WOULD_BE_REFUSED): 4,
        (Cause.OTHER_PORT, Expected.WOULD_BE_REFUSED): 1,
        (Cause.OTHER_REQUEST, Expected.WOULD_BE_REFUSED): 8,
    }
    assert staged(Stage.OBSERVE) == {(Cause.DECLARED, Expected.ALLOWED): 5}


def test_workloads_of_one_identity_are_not_told_apart() -> None:
    """What one of them may the other may too, so it is no undeclared call."""
    shared = {key: msgspec.structs.replace(each, identity=identity(CART)) for key, each in INTENTS.items()}
    sidecars = stations(shared, ADDRESSES, Path("/run/up"))
    bound = {identity(CART): frozenset(ADDRESSES)}
    made = plan(Fleet("example.org", shared, bound=bound), sidecars, 1, 1000).calls
    assert ("web", "ledger", 5432) not in {(each.caller.name, each.callee.name, each.port) for each in made}


def test_edges_say_what_sidecars_are_to_have_seen() -> None:
    """After two rounds; those without a certificate are nobody's."""
    made = plan(FLEET, SIDECARS, 1, 1000)
    edges = expected_edges(made.calls * 2)
    assert edges[Edge(LEDGER, 50051, CART)] == Counts(allowed=4, refused=8)
    assert edges[Edge(LEDGER, 50051, None)] == Counts(refused=2)
    assert sum(each.allowed + each.refused + each.would_be_refused for each in edges.values()) == 2 * len(made.calls)


def test_stations_are_an_address_a_workload_and_an_exit_a_destination() -> None:
    assert SIDECARS[CART] == Sidecar(
        "shop/cart[Deployment]/0",
        CART,
        identity(CART),
        "127.77.0.1",
        SIDECARS[CART].capture,
        {8080: "/run/up/0-8080", 9090: "/run/up/0-9090"},
        {"shop/ledger[Deployment]:50051": "127.77.0.1:20000", "shop/ledger[Deployment]:5432": "127.77.0.1:20001"},
    )
    assert SIDECARS[LEDGER].exits == {"api.example.com:443": "127.77.0.2:20000"}
    assert set(SIDECARS[WEB].exits) == {
        "shop/cart[Deployment]:8080",
        "shop/cart[Deployment]:7000",
        "shop/gone[Deployment]:80",
        "192.0.2.1:25",
    }


def test_an_exit_does_not_stand_where_the_workload_serves() -> None:
    busy = intent(CART, [served(20000, Speaks.TCP)], [call(callee(LEDGER), 5432, Speaks.TCP)])
    [sidecar] = stations({CART: busy}, ["127.77.0.1"], Path("/run/up")).values()
    assert sidecar.exits == {"shop/ledger[Deployment]:5432": "127.77.0.1:20001"}
