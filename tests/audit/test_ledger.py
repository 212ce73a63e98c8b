"""Changes stand together with their records or not at all, and are remembered once they stand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from licet.audit.checkpoint import parse
from licet.audit.errors import AuditError, NotCanonicalError
from licet.audit.event import Event
from licet.audit.ledger import Change, Ledger
from licet.audit.record import read
from licet.store import tables
from licet.store.database import Database
from tests.audit import logs


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty log."""
    made = logs.made(tmp_path / "log" / "licet.db")
    yield made
    made.close()


def ledger(database: Database, witness: Path | None = None) -> Ledger:
    return Ledger(database, logs.KEY, logs.ORIGIN, witness, lambda: logs.BEGAN)


def deny(change: Change, number: int) -> int:
    identity = f"spiffe://{logs.DOMAIN}/{number}"
    row = insert(tables.denial).values(spiffe_id=identity, reason="test", denied_at="2026-01-01T00:00:00.000000Z")
    change.connection.execute(row)
    change.record(Event("identity.revoked", {"type": "server"}, {"spiffe_id": identity}))
    return number


def denied(database: Database) -> set[object]:
    with database.read() as connection:
        return set(connection.execute(select(tables.denial.c.spiffe_id)).scalars())


def test_changes_and_records_are_there_once_the_future_is_done(database: Database, tmp_path: Path) -> None:
    with ledger(database, tmp_path / "checkpoint") as opened:
        assert opened.change(lambda change: deny(change, 1)).result() == 1
        assert denied(database) == {f"spiffe://{logs.DOMAIN}/1"}
        assert parse((tmp_path / "checkpoint").read_text()).size == 1
        assert logs.verified(database, [(tmp_path / "checkpoint").read_text()]).holds


def test_many_changes_at_once_make_one_sound_log(database: Database, tmp_path: Path) -> None:
    with ledger(database, tmp_path / "checkpoint") as opened:
        futures = [opened.change(partial(deny, number=number)) for number in range(300)]
        assert [future.result() for future in futures] == list(range(300))
    found = logs.verified(database, [(tmp_path / "checkpoint").read_text()])
    assert (found.holds, found.records) == (True, 300)
    assert {read(body).detail["spiffe_id"] for body in logs.bodies(database)} == denied(database)


def test_a_change_that_raises_leaves_nothing_and_the_others_stand(database: Database) -> None:
    def failing(change: Change) -> int:
        deny(change, 2)
        raise ValueError("on purpose")

    def unrecordable(change: Change) -> int:
        deny(change, 3)
        change.record(Event("test", {"type": "server"}, {"path": "\udcff"}))
        return 3

    with ledger(database) as opened:
        futures: list[Future[int]] = [opened.change(failing), opened.change(unrecordable)]
        futures += [opened.change(lambda change: deny(change, 4))]
        assert isinstance(futures[0].exception(), ValueError)
        assert isinstance(futures[1].exception(), NotCanonicalError)
        assert futures[2].result() == 4
    assert denied(database) == {f"spiffe://{logs.DOMAIN}/4"}
    assert [read(body).detail for body in logs.bodies(database)] == [{"spiffe_id": f"spiffe://{logs.DOMAIN}/4"}]


def test_a_change_that_records_nothing_makes_no_checkpoint(database: Database, tmp_path: Path) -> None:
    with ledger(database, tmp_path / "checkpoint") as opened:
        opened.change(lambda change: change.connection.execute(select(1)).scalar()).result()
    assert logs.verified(database).records == 0
    assert not (tmp_path / "checkpoint").exists()


def test_two_ledgers_on_one_database_make_one_log(database: Database, tmp_path: Path) -> None:
    witness = tmp_path / "checkpoint"
    second = Database.open(tmp_path / "log" / "licet.db")
    with ledger(database, witness) as one, ledger(second, witness) as other:
        futures = [(one, other)[number % 2].change(partial(deny, number=number)) for number in range(100)]
        assert len({future.result() for future in futures}) == 100
    second.close()
    found = logs.verified(database, [witness.read_text()])
    assert (found.holds, found.records, parse(witness.read_text()).size) == (True, 100, 100)


def test_nothing_is_acknowledged_on_a_log_that_was_tampered_with(database: Database) -> None:
    logs.grow(database, [3])
    with database.write() as connection:
        connection.execute(tables.record.update().where(tables.record.c.position == 2).values(body=b"{}"))
    with ledger(database) as opened:
        future = opened.change(lambda change: deny(change, 1))
        with pytest.raises(AuditError, match="does not end as its newest checkpoint says"):
            future.result()
    assert denied(database) == set()


def test_a_ledger_does_not_start_on_less_than_is_remembered(database: Database, tmp_path: Path) -> None:
    witness = tmp_path / "checkpoint"
    witness.write_text(logs.grow(database, [300, 300])[-1])
    with database.write() as connection:
        connection.execute(tables.record.delete().where(tables.record.c.position >= 300))
        connection.execute(tables.checkpoint.delete().where(tables.checkpoint.c.size > 300))
    with pytest.raises(AuditError, match=r"the log has 300 records, and .* remembers 600"):
        ledger(database, witness)


def test_a_ledger_does_not_start_on_another_log_than_is_remembered(database: Database, tmp_path: Path) -> None:
    witness = tmp_path / "checkpoint"
    other = logs.made(tmp_path / "other" / "licet.db")
    witness.write_text(logs.grow(other, [290], began=1)[-1])
    other.close()
    logs.grow(database, [300])
    with pytest.raises(AuditError, match="is not the one that"):
        ledger(database, witness)


def test_a_smaller_checkpoint_never_replaces_a_larger_one(database: Database, tmp_path: Path) -> None:
    from licet.audit.witness import remember

    notes = logs.grow(database, [1, 1])
    for note in reversed(notes):
        remember(tmp_path / "checkpoint", note)
    assert (tmp_path / "checkpoint").read_text() == notes[1]


def test_records_are_counted_from_what_is_committed(database: Database, tmp_path: Path) -> None:
    """Another process appends between two changes of this one."""
    with ledger(database) as opened:
        opened.change(lambda change: deny(change, 1)).result()
        logs.grow(database, [2])
        opened.change(lambda change: deny(change, 2)).result()
    with closing(sqlite3.connect(tmp_path / "log" / "licet.db")) as file:
        assert file.execute("SELECT count(*), max(position) FROM record").fetchone() == (4, 3)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.denial)).scalar() == 2
    assert logs.verified(database).holds
