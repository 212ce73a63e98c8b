"""Ten rotations under traffic between the stock clients, and whom they refuse meanwhile: nobody they should not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from tests.clients.programs import CLIENTS, go_client, rust_client
from tests.clients.traffic import attack, call, impersonate, serve
from tests.identity.drills.plane import Plane
from tests.identity.drills.rotations import rotate
from tests.identity.drills.siege import LEDGER
from tests.identity.drills.thief import Forged, forge, steal, stranger

PAYMENTS = "spiffe://example.org/payments"
TLS = [name for name in CLIENTS if name != "python"]


def test_ten_rotations_fail_no_request(tmp_path: Path) -> None:
    done = rotate(Plane(tmp_path), go_client(), rust_client(), 10)
    assert done.failed == {}
    for exchange in done.traffic.values():
        assert exchange.client.requests == exchange.server.requests - 10, "ten more were asked in the end"
        assert min(exchange.client.peer_serials, exchange.server.peer_serials) > 10
        assert exchange.client.connections > 30, "handshakes were made all the time"


class Standing(msgspec.Struct, frozen=True):
    """A plane that serves, and what an attacker shows, by the cause for which it has to be refused."""

    plane: Plane
    shown: dict[str, Forged]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """Everything that is shown names the identity that is pinned, but for the one that names another."""
    plane = Plane(tmp_path_factory.mktemp("refusals"))
    plane.enlist({"go": go_client(), "rust": rust_client()})
    own = steal(plane).by_intermediate
    with plane.serving():
        yield Standing(
            plane,
            {
                "wrong_identity": forge(own, PAYMENTS, plane.home),
                "expired": forge(own, LEDGER, plane.home, ended=timedelta(minutes=1)),
                "unknown_authority": forge(stranger(), LEDGER, plane.home),
            },
        )


@pytest.mark.parametrize("cause", ["wrong_identity", "expired", "unknown_authority"])
@pytest.mark.parametrize("name", TLS)
def test_a_server_refuses_and_says_why(standing: Standing, name: str, cause: str) -> None:
    shown, program = standing.shown[cause], CLIENTS[name]()
    with (
        serve(program, standing.plane.socket, LEDGER) as server,
        attack(program, server.address, shown.chain, shown.key, "--count", "3", "--kept", "1") as attacking,
    ):
        attacked, judged = attacking.wait(), server.end()
    assert attacked.failed == {"alert": 3}, attacked.failures
    assert judged.failed == {cause: 3}, judged.failures


@pytest.mark.parametrize("cause", ["wrong_identity", "expired", "unknown_authority"])
@pytest.mark.parametrize("name", TLS)
def test_a_client_refuses_and_says_why(standing: Standing, name: str, cause: str) -> None:
    shown, program = standing.shown[cause], CLIENTS[name]()
    with (
        impersonate(program, shown.chain, shown.key) as server,
        call(program, standing.plane.socket, server.address, LEDGER, "--count", "3", "--kept", "1") as calling,
    ):
        judged = calling.wait()
    assert judged.failed == {cause: 3}, judged.failures
