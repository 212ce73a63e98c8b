"""Reading, writing and taking turns, on both engines alike."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from licet.store.database import Database
from licet.store.errors import LostError, MissingError, StoreError
from licet.store.tables import authority, denial, record


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    opened = Database.open(store_url, create=True)
    yield opened
    opened.close()


def records(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.scalars(select(record.c.position).order_by(record.c.position)))


def add(database: Database, *positions: int) -> None:
    with database.write() as connection:
        for position in positions:
            connection.execute(insert(record).values(position=position, body=b"{}"))


def test_what_is_written_is_there_after_opening_again(store_url: str) -> None:
    first = Database.open(store_url, create=True)
    add(first, 0, 1)
    first.close()
    second = Database.open(store_url)
    assert records(second) == [0, 1]
    second.close()


def test_a_reader_sees_one_moment_however_long_it_reads(database: Database) -> None:
    add(database, 0)
    count = select(func.count()).select_from(record)
    with database.read() as connection:
        assert connection.scalar(count) == 1
        add(database, 1)
        assert connection.scalar(count) == 1
    assert records(database) == [0, 1]


def test_a_reader_changes_nothing(database: Database) -> None:
    with pytest.raises(StoreError), database.read() as connection:
        connection.execute(insert(record).values(position=0, body=b"{}"))
    assert records(database) == []
    add(database, 0)
    assert records(database) == [0]


def test_what_raises_leaves_nothing(database: Database) -> None:
    def divide() -> None:
        with database.write() as connection:
            connection.execute(insert(record).values(position=0, body=b"{}"))
            _ = 1 // 0

    with pytest.raises(ZeroDivisionError):
        divide()
    with pytest.raises(IntegrityError):
        add(database, 0, 0)
    assert records(database) == []


def test_writers_take_turns(database: Database) -> None:
    """Read, then write: whoever had not waited would count from what was there before the other."""
    add(database, 0)

    def count() -> None:
        for _ in range(20):
            with database.write() as connection:
                found = connection.scalar(select(func.max(record.c.position))) or 0
                connection.execute(update(record).values(position=found + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert records(database) == [80]


def test_references_are_kept(database: Database) -> None:
    values = dict.fromkeys(("kind", "state", "keeper", "not_before", "not_after", "changed_at"), "x")
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(authority).values(id="a", issuer="nobody", public_key=b"", **values))


def test_a_transaction_that_is_gone_is_no_success(database: Database) -> None:
    """SQLite rolls back by itself on a full disk; what follows must not pass for part of what was to be."""

    def drop() -> None:
        with database.write() as connection:
            connection.execute(insert(record).values(position=0, body=b"{}"))
            connection.exec_driver_sql("ROLLBACK")

    with pytest.raises(LostError):
        drop()
    assert records(database) == []


def test_errors_hold_no_values(database: Database) -> None:
    """A statement that fails may carry a sealed key, and its error goes to a log."""
    rows = insert(denial).values([{"spiffe_id": "a", "reason": "very secret", "denied_at": ""}] * 2)
    with pytest.raises(DBAPIError) as caught, database.write() as connection:
        connection.execute(rows)
    assert "very secret" not in str(caught.value)


def test_an_empty_database_is_not_filled_unasked(store_url: str) -> None:
    with pytest.raises(MissingError) as caught:
        Database.open(store_url)
    assert caught.value.help.startswith("`licet identity init`")
