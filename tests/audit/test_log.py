"""The log grows in the database, and only from where it was signed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from licet.audit.checkpoint import verify
from licet.audit.errors import AuditError
from licet.audit.log import SPAN, root_at, subtree
from licet.audit.record import BEFORE_FIRST, read
from licet.audit.tree import leaf_hash, root_of
from licet.store import tables
from licet.store.database import Database
from tests.audit import logs


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty log."""
    made = logs.made(tmp_path / "log" / "licet.db")
    yield made
    made.close()


def test_records_name_their_place_and_the_one_before(database: Database) -> None:
    logs.grow(database, [1, 4, 2])
    bodies = logs.bodies(database)
    records = [read(body) for body in bodies]
    assert [record.position for record in records] == list(range(7))
    assert [record.previous for record in records] == [BEFORE_FIRST, *(leaf_hash(body).hex() for body in bodies[:-1])]
    assert records[0].time == "2026-01-01T00:00:00.000000Z"
    assert records[5].time == "2026-01-01T00:02:00.000000Z"
    assert (records[3].kind, records[3].detail) == ("svid.issued", logs.issued(3).detail)


def test_every_commit_signs_the_whole_tree(database: Database) -> None:
    notes = logs.grow(database, [1, 4, 2])
    leaves = [leaf_hash(body) for body in logs.bodies(database)]
    signed = [verify(note, logs.KNOWN) for note in notes]
    assert [(one.size, one.root) for one in signed] == [(size, root_of(leaves[:size])) for size in (1, 5, 7)]


def test_one_checkpoint_is_kept_of_a_span_and_of_an_hour(database: Database) -> None:
    logs.grow(database, [100] * 7)
    with database.read() as connection:
        sizes = connection.execute(select(tables.checkpoint.c.size).order_by(tables.checkpoint.c.size)).scalars().all()
    assert sizes == [100, 300, 600, 700]
    assert SPAN == 256
    logs.grow(database, [1] * 121, began=700)
    with database.read() as connection:
        at = connection.execute(select(tables.checkpoint.c.at).order_by(tables.checkpoint.c.size)).scalars().all()
    assert [time[11:16] for time in at[2:]] == ["00:05", "01:00", "01:07", "02:00"]


def test_any_stretch_is_hashed_from_what_is_kept(database: Database) -> None:
    logs.grow(database, [700])
    leaves = [leaf_hash(body) for body in logs.bodies(database)]
    with database.read() as connection:
        over = subtree(connection)
        for first, last in [(0, 1), (0, 256), (0, 512), (512, 700), (256, 512), (640, 700), (699, 700)]:
            assert over(first, last) == root_of(leaves[first:last])
        assert root_at(connection, 0) == root_of([])
        with pytest.raises(AuditError, match="parts of the log are missing"):
            over(0, 1024)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("checkpoint", "note", "gone\n"),
        ("checkpoint", "frontier", bytes(64)),
        ("checkpoint", "size", 4),
        ("record", "body", b"{}"),
        ("record", "position", 9),
    ],
)
def test_nothing_is_appended_to_an_end_that_was_not_signed(
    database: Database, table: str, column: str, value: object
) -> None:
    logs.grow(database, [3])
    with database.write() as connection:
        found = tables.metadata.tables[table]
        last = found.c.position == 2 if table == "record" else found.c.size == 3
        connection.execute(update(found).where(last).values({column: value}))
    with pytest.raises(AuditError, match="checkpoint") as raised:
        logs.grow(database, [1])
    assert raised.value.help


def test_records_without_a_checkpoint_are_not_signed_afterwards(database: Database) -> None:
    logs.grow(database, [3])
    with database.write() as connection:
        connection.execute(tables.checkpoint.delete())
    with pytest.raises(AuditError, match="no checkpoint"):
        logs.grow(database, [1])
