"""Processes that are killed lose nothing that they acknowledged, and stand in nobody's way.

By hand: `python -m tests.identity.crashes --kills 200 --seed 7`, and the same with `--postgres`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Executable, delete, insert, update

from licet.app.identity.domain import stored
from licet.app.identity.registration import add
from licet.identity.authority import Kind, Standing
from licet.identity.entry import Entry
from licet.identity.spiffeid import parse
from licet.store import tables
from licet.store.database import Database
from tests.identity.crashes import administration
from tests.identity.crashes.campaign import Campaign
from tests.identity.crashes.plane import ANCHOR, Plane
from tests.identity.crashes.soundness import examine
from tests.identity.crashes.victims import Reached
from tests.postgres import Postgres


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a name short enough for sockets."""
    return tmp_path_factory.mktemp("k")


def founded(home: Path) -> Plane:
    plane = Plane(home / "d", "", 1)
    outcome = plane.command(administration.FOUND)
    assert outcome.code == 0, outcome.err
    administration.founded(plane, outcome.out)
    return plane


def test_one_server_on_sqlite(home: Path) -> None:
    result = Campaign(home, 7, None, print).run(12)
    assert result.faults == []
    assert result.acknowledged > 0


def test_two_servers_on_one_postgresql(home: Path, postgres: Postgres) -> None:
    result = Campaign(home, 7, postgres, print).run(4)
    assert result.faults == []
    assert result.acknowledged > 0


@pytest.mark.parametrize(
    ("at", "stands"),
    [
        (Reached("link", "before", 1), False),
        (Reached("link", "after", 1), False),
        (Reached("commit", "before", 2), False),
        (Reached("commit", "after", 2), True),
        (Reached("remember", "before", 1), True),
        (Reached("replace", "before", 1), True),
    ],
    ids=str,
)
def test_founding_that_was_killed_is_done_or_done_again(home: Path, at: Reached, stands: bool) -> None:
    plane = Plane(home / "d", "", 1)
    assert plane.command(administration.FOUND, at).killed
    outcome = plane.command(administration.FOUND)
    assert (outcome.code, "is founded" in outcome.err) == ((2, True) if stands else (0, False))
    assert examine(plane.place, plane.acknowledged).faults == ()


def test_what_was_acknowledged_and_is_missing_is_found(home: Path) -> None:
    plane = founded(home)
    assert examine(plane.place, plane.acknowledged).faults == ()
    plane.acknowledged.serial("ff")
    plane.acknowledged.audience("db")
    plane.acknowledged.entries["gone"] = True
    plane.acknowledged.denied[ANCHOR] = True
    plane.acknowledged.state(frozenset({"ab"}), 1000)
    told = " ".join(examine(plane.place, plane.acknowledged).faults)
    for wanted in (
        "serial ff was",
        "token for db",
        "entry of gone",
        "revocation of",
        "told of are gone",
        "version 1000",
    ):
        assert wanted in told


HARM: dict[str, Callable[[], Executable]] = {
    "entries and their records differ": lambda: delete(tables.entry),
    "revocations and their records differ": lambda: insert(tables.denial).values(
        spiffe_id=ANCHOR, reason="", denied_at=""
    ),
    "2 authorities sign as root": lambda: update(tables.authority).values(state="active"),
    "unreadable": lambda: update(tables.authority).values(handle=b"x"),
    "founding is recorded 0 times": lambda: delete(tables.record).where(tables.record.c.position == 0),
    "serials and their records differ": lambda: insert(tables.issuance).values(
        serial="1", spiffe_id=ANCHOR, entry="", issuer="", not_after=""
    ),
}


@pytest.mark.parametrize("wanted", sorted(HARM))
def test_what_does_not_belong_together_is_found(home: Path, wanted: str) -> None:
    plane = founded(home)
    add(plane.place, [Entry(id="a", spiffe_id=parse(ANCHOR), selectors=("unix:uid:1",))])
    database = Database.open(plane.place.address)
    with database.write() as connection:
        connection.execute(HARM[wanted]())
    database.close()
    assert any(wanted in fault for fault in examine(plane.place, plane.acknowledged).faults)


def test_a_drill_that_was_killed_is_finished_by_the_next(home: Path) -> None:
    """Not begun anew with the successor, while the stolen root stays believed."""
    plane = founded(home)
    [stolen] = [a.id for a in stored(plane.place).authorities if a.kind is Kind.ROOT and a.standing is Standing.ACTIVE]
    drill = ("identity", "taint", "--settle", "0", "--wait", "0.2")
    assert plane.command(drill, Reached("commit", "after", 1)).killed
    assert {a.id: a.standing for a in stored(plane.place).authorities}[stolen] is Standing.TAINTED
    assert plane.command(drill).code == 0
    standings = {a.id: a.standing for a in stored(plane.place).authorities if a.kind is Kind.ROOT}
    assert standings.pop(stolen) is Standing.REVOKED
    assert sorted(standing.value for standing in standings.values()) == ["active", "prepared"]
    assert examine(plane.place, plane.acknowledged).faults == ()
