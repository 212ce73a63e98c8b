"""What was agreed of calls stands beside what sidecars saw of them, by edge."""

from __future__ import annotations

from licet.app.up import orders
from licet.app.up.orders import Outcome, Protocol, Result, Way
from licet.app.up.plan import Cause, Counts, Edge, Expected, Planned
from licet.app.up.tally import Row, Surprise, Tally
from licet.mesh.telemetry import edges
from licet.model.key import Key
from tests.app.up.standing import deployment

CART, LEDGER, WEB = map(deployment, ("cart", "ledger", "web"))
IDENTITIES = {key: f"spiffe://example.org/{key.name}" for key in (CART, LEDGER, WEB)}
ALLOWED, REFUSED, FAILED = (Outcome(0, result) for result in (Result.ALLOWED, Result.REFUSED, Result.FAILED))


def planned(caller: Key, expected: Expected, cause: Cause = Cause.DECLARED, rule: str = "agreed") -> Planned:
    call = orders.Call(0, Protocol.TCP, Way.EXIT, "127.77.0.1", 20000, str(CART))
    return Planned(caller, CART, 8080, cause, expected, rule, call)


def seen(source: Key | str, forwarded: int = 0, refused: int = 0) -> tuple[edges.Edge, edges.Counts]:
    return edges.Edge(str(source), str(CART), 8080, "tcp"), edges.Counts(forwarded, refused, rule="agreed")


def test_an_edge_is_equal_when_exactly_what_had_to_happen_was_seen() -> None:
    tally = Tally(IDENTITIES)
    tally.add([(planned(WEB, Expected.ALLOWED), ALLOWED)])
    tally.add([(planned(WEB, Expected.ALLOWED), ALLOWED), (planned(LEDGER, Expected.REFUSED), REFUSED)])
    web, ledger = Edge(CART, 8080, WEB), Edge(CART, 8080, LEDGER)
    assert tally.calls == 3
    assert [row.equal for row in tally.rows(dict([seen(WEB, forwarded=2)]))] == [False, True]
    assert [row.equal for row in tally.rows(dict([seen(WEB, forwarded=3), seen(LEDGER, refused=1)]))] == [True, False]
    assert tally.rows(dict([seen(WEB, forwarded=2), seen(LEDGER, refused=1)])) == (
        Row(ledger, Counts(refused=1), Counts(refused=1), 0, "agreed"),
        Row(web, Counts(allowed=2), Counts(allowed=2), 0, "agreed"),
    )
    assert not Row(web, Counts(allowed=1), Counts(allowed=1), failed=1).equal


def test_what_nobody_called_for_is_an_edge_too_and_differs() -> None:
    (row,) = Tally(IDENTITIES).rows(dict([seen(LEDGER, forwarded=1)]))
    assert (row.edge.caller, row.equal) == (LEDGER, False)
    (stranger,) = Tally(IDENTITIES).rows(dict([seen("192.0.2.0/24", refused=1)]))
    assert (stranger.edge.caller, stranger.equal) == (None, False)


def test_kinds_of_traffic_on_an_edge_count_together() -> None:
    tally = Tally(IDENTITIES)
    tally.add([(planned(WEB, Expected.ALLOWED), ALLOWED)] * 5)
    http, grpc = (edges.Edge(str(WEB), str(CART), 8080, kind) for kind in ("http", "grpc"))
    (row,) = tally.rows({http: edges.Counts(forwarded=2), grpc: edges.Counts(forwarded=3)})
    assert row.equal


def test_workloads_of_one_identity_are_one_caller() -> None:
    tally = Tally({**IDENTITIES, WEB: IDENTITIES[LEDGER]})
    tally.add([(planned(WEB, Expected.ALLOWED), ALLOWED), (planned(LEDGER, Expected.ALLOWED), ALLOWED)])
    (row,) = tally.rows(dict([seen(WEB, forwarded=2)]))
    assert (row.edge.caller, row.equal) == (LEDGER, True)
    assert tally.alike == {CART: 1, LEDGER: 2}


def test_a_caller_that_sees_something_else_is_a_surprise_and_no_example() -> None:
    tally = Tally(IDENTITIES)
    odd, fine = planned(WEB, Expected.ALLOWED), planned(LEDGER, Expected.REFUSED)
    unheard = planned(LEDGER, Expected.REFUSED, Cause.NO_CERTIFICATE, "")
    tally.add([(odd, FAILED), (odd, FAILED), (fine, REFUSED), (unheard, REFUSED)])
    shadowed = planned(WEB, Expected.WOULD_BE_REFUSED)
    tally.add([(shadowed, ALLOWED), (fine, ALLOWED)])
    assert tally.surprises == (Surprise(odd, FAILED, 2), Surprise(fine, ALLOWED, 1))
    assert tally.examples == {Expected.REFUSED: (fine, REFUSED), Expected.WOULD_BE_REFUSED: (shadowed, ALLOWED)}
