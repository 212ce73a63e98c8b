"""Whatever is done to a log behind its back is found, named and located."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import insert, select, update

from licet.audit.checkpoint import Checkpoint, Verifier, parse, sign
from licet.audit.fault import Wrong
from licet.audit.tree import root_of
from licet.store import tables
from licet.store.database import Database
from tests.audit import logs
from tests.audit.tampering import KINDS, campaign, mixtures

CASES = 34
"""Of each of six kinds: two hundred in all."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty log."""
    made = logs.made(tmp_path / "log" / "licet.db")
    yield made
    made.close()


def test_every_tampering_is_found_where_it_was_done(database: Database) -> None:
    missed = [case[:3] for case in campaign(database, CASES, 1) if not case[3]]
    assert missed == []
    assert len(KINDS) * CASES >= 200


def test_several_tamperings_together_are_never_taken_for_a_sound_log(database: Database) -> None:
    found = list(mixtures(database, 40, 3))
    assert len(found) == 40
    assert all(found)


@pytest.mark.parametrize("batches", [[], [1], [1, 1], [255, 1, 1], [513], [3] * 100, [1024], [1024, 1], [2049]])
def test_an_untouched_log_is_sound(database: Database, batches: list[int]) -> None:
    remembered = logs.grow(database, batches)
    found = logs.verified(database, remembered)
    assert (found.faults, found.cut, found.records) == ((), False, sum(batches))
    assert found.newest == (remembered[-1] if remembered else "")


def test_a_log_by_another_key_is_not_believed(database: Database) -> None:
    logs.grow(database, [3])
    other = Verifier(logs.ORIGIN, logs.STRANGER.public_key().public_bytes_raw())
    faults = logs.verified(database, known=other).faults
    assert {fault.wrong for fault in faults} == {Wrong.SIGNATURE, Wrong.INSERTED}


def test_a_checkpoint_signed_by_another_key_is_named(database: Database) -> None:
    notes = logs.grow(database, [300, 300])
    forged = sign(parse(notes[0]), logs.STRANGER, logs.KNOWN)
    with database.write() as connection:
        connection.execute(update(tables.checkpoint).where(tables.checkpoint.c.size == 300).values(note=forged))
    (fault,) = logs.verified(database).faults
    assert (fault.wrong, fault.first, fault.last) == (Wrong.SIGNATURE, 299, 299)


def test_a_checkpoint_moved_to_another_size_is_named(database: Database) -> None:
    logs.grow(database, [300, 300])
    with database.write() as connection:
        connection.execute(update(tables.checkpoint).where(tables.checkpoint.c.size == 300).values(size=299))
    (fault,) = logs.verified(database).faults
    assert (fault.wrong, fault.first) == (Wrong.SIGNATURE, 298)


def test_records_without_a_checkpoint_are_named(database: Database) -> None:
    logs.grow(database, [5])
    with database.write() as connection:
        connection.execute(insert(tables.record).values(position=5, body=b"{}"))
    (fault,) = logs.verified(database).faults
    assert (fault.wrong, fault.first) == (Wrong.INSERTED, 5)


def test_an_end_cut_off_with_its_checkpoints_is_known_to_whoever_remembers(database: Database) -> None:
    notes = logs.grow(database, [300, 300])
    with database.write() as connection:
        connection.execute(tables.record.delete().where(tables.record.c.position >= 300))
        connection.execute(tables.subtree.delete().where(tables.subtree.c.number >= 1))
        connection.execute(tables.checkpoint.delete().where(tables.checkpoint.c.size > 300))
    assert logs.verified(database).holds
    (fault,) = logs.verified(database, notes[-1:]).faults
    assert (fault.wrong, fault.first, fault.last) == (Wrong.TRUNCATED, 300, 599)


def test_a_log_that_went_on_from_an_older_copy_is_a_fork(database: Database) -> None:
    logs.grow(database, [300])
    remembered = sign(Checkpoint(logs.ORIGIN, 310, root_of([bytes(32)])), logs.KEY, logs.KNOWN)
    logs.grow(database, [100], began=300)
    (fault,) = logs.verified(database, [remembered]).faults
    assert (fault.wrong, fault.last) == (Wrong.FORKED, 309)


def test_of_two_notes_of_one_size_none_hides_that_the_other_is_contradicted(database: Database) -> None:
    """As where the file beside the database agrees with it, and what an auditor was once shown does not."""
    [kept] = logs.grow(database, [300])
    shown = sign(Checkpoint(logs.ORIGIN, 300, root_of([bytes(32)])), logs.KEY, logs.KNOWN)
    for remembered in ([shown, kept], [kept, shown]):
        (fault,) = logs.verified(database, remembered).faults
        assert (fault.wrong, fault.last) == (Wrong.FORKED, 299)


@pytest.mark.parametrize("column", ["frontier", "head"])
def test_what_is_kept_for_speed_is_compared_too(database: Database, column: str) -> None:
    logs.grow(database, [300])
    with database.write() as connection:
        connection.execute(update(tables.checkpoint).values({column: bytes(32)}))
    (fault,) = logs.verified(database).faults
    assert (fault.wrong, fault.first, fault.last) == (Wrong.INDEX, 299, 299)


def test_a_kept_subtree_is_compared_too(database: Database) -> None:
    logs.grow(database, [600])
    with database.write() as connection:
        connection.execute(update(tables.subtree).where(tables.subtree.c.number == 1).values(hash=bytes(32)))
    (fault,) = logs.verified(database).faults
    assert (fault.wrong, fault.first, fault.last) == (Wrong.INDEX, 256, 511)


def test_columns_of_another_type_are_a_finding_and_no_error(database: Database) -> None:
    """SQLite keeps whatever it is given in any column."""
    logs.grow(database, [300])
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE record SET body = 'text' WHERE position = 7")
        connection.exec_driver_sql("UPDATE checkpoint SET note = x'ff00fe'")
    wrong = {fault.wrong for fault in logs.verified(database).faults}
    assert wrong >= {Wrong.SIGNATURE}


def test_two_records_changed_are_both_named(database: Database) -> None:
    logs.grow(database, [300, 300])
    for at in (10, 400):
        with database.write() as connection:
            body = connection.execute(select(tables.record.c.body).where(tables.record.c.position == at)).scalar_one()
            forged = body.replace(b"uid:1000", b"uid:0000")
            connection.execute(update(tables.record).where(tables.record.c.position == at).values(body=forged))
    found = [(fault.wrong, fault.first, fault.last) for fault in logs.verified(database).faults]
    assert found == [(Wrong.CHANGED, 10, 10), (Wrong.CHANGED, 400, 400)]


def test_a_write_ahead_log_cut_anywhere_leaves_a_sound_beginning(tmp_path: Path) -> None:
    """A torn last write is undone when the database is opened, and who remembers knows what is gone."""
    folder = tmp_path / "log"
    database = logs.made(folder / "licet.db")
    database.close()
    with closing(sqlite3.connect(folder / "licet.db")) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    held = sqlite3.connect(folder / "licet.db")
    held.execute("SELECT count(*) FROM record").fetchone()
    database = Database.open(folder / "licet.db")
    notes = logs.grow(database, [1, 3, 1, 9, 2, 1])
    whole, ahead = (folder / "licet.db").read_bytes(), (folder / "licet.db-wal").read_bytes()
    random = Random(5)
    cuts = {0, 1, 31, 32, 33, len(ahead) - 1, len(ahead), *(random.randrange(len(ahead)) for _ in range(60))}
    sizes = set()
    for cut in sorted(cuts):
        case = tmp_path / "case"
        case.mkdir(mode=0o700)
        for name, content in (("licet.db", whole), ("licet.db-wal", ahead[:cut])):
            (case / name).write_bytes(content)
            (case / name).chmod(0o600)
        opened = Database.open(case / "licet.db")
        found = logs.verified(opened)
        assert found.holds, f"cut at {cut}"
        lost = logs.verified(opened, notes[-1:]).faults
        assert [(fault.wrong, fault.first, fault.last) for fault in lost] == (
            [(Wrong.TRUNCATED, found.records, 16)] if found.records < 17 else []
        )
        sizes.add(found.records)
        opened.close()
        shutil.rmtree(case)
    held.close()
    database.close()
    assert sizes <= {0, 1, 4, 5, 14, 16, 17}
    assert {0, 17} < sizes
