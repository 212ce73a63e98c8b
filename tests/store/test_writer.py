"""Committing in groups, on both engines alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from licet.store import writer as room
from licet.store.database import Database
from licet.store.errors import BusyError, LostError, StoreError
from licet.store.tables import record
from licet.store.writer import Writer
from tests.postgres import Postgres


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    opened = Database.open(store_url, create=True)
    yield opened
    opened.close()


def records(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.scalars(select(record.c.position).order_by(record.c.position)))


def add(*positions: int) -> Callable[[Connection], int]:
    def do(connection: Connection) -> int:
        for position in positions:
            connection.execute(insert(record).values(position=position, body=b""))
        return positions[0]

    return do


class Gate:
    """A change that holds the writer until it is let go, so that what is submitted meanwhile shares a transaction."""

    def __init__(self, writer: Writer) -> None:
        self._here, self._go = threading.Event(), threading.Event()
        writer.submit(self._wait)
        assert self._here.wait(60)

    def _wait(self, _: Connection) -> None:
        self._here.set()
        assert self._go.wait(60)

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self._go.set()


def test_an_answer_comes_after_the_commit(database: Database) -> None:
    with Writer(database) as writer:
        assert writer.submit(add(7)).result() == 7
        assert records(database) == [7]


def test_what_waits_is_committed_together_and_what_fails_is_undone_alone(database: Database) -> None:
    steps: list[str] = []
    with Writer(database, lambda _: steps.append("before"), lambda: steps.append("after")) as writer:
        with Gate(writer):
            futures = [writer.submit(do) for do in (add(1), add(2), add(3, 1), add(4))]
            broken = writer.submit(lambda _: 1 // 0)
        assert [future.result() for future in (*futures[:2], futures[3])] == [1, 2, 4]
        assert isinstance(futures[2].exception(), IntegrityError)
        assert isinstance(broken.exception(), ZeroDivisionError)
    assert steps == ["before", "after"] * 2
    assert records(database) == [1, 2, 4]


def test_what_is_written_before_the_commit_stands_with_the_changes(database: Database) -> None:
    def append(connection: Connection) -> None:
        connection.execute(insert(record).values(position=100, body=b""))

    with Writer(database, append) as writer:
        writer.submit(add(1)).result()
        # The second transaction fails as a whole, since the position is taken.
        assert isinstance(writer.submit(add(2)).exception(), IntegrityError)
    assert records(database) == [1, 100]


def test_a_transaction_that_fails_fails_for_all_and_is_told_of(database: Database) -> None:
    steps: list[str] = []

    def refuse(_: Connection) -> None:
        if not steps:
            raise InterruptedError

    with Writer(database, refuse, lambda: steps.append("after"), lambda: steps.append("undone")) as writer:
        assert isinstance(writer.submit(add(1)).exception(), InterruptedError)
        writer.submit(add(2)).result()
    assert steps == ["undone", "after"]
    assert records(database) == [2]


def test_closing_finishes_what_is_queued(database: Database) -> None:
    writer = Writer(database)
    with Gate(writer):
        futures = [writer.submit(add(position)) for position in range(1200)]
        closing = threading.Thread(target=writer.close)
        closing.start()
    closing.join()
    assert [future.result() for future in futures] == list(range(1200))
    with pytest.raises(StoreError, match="no more changes are taken"):
        writer.submit(add(0))
    writer.close()


def test_a_transaction_has_a_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BATCH", 10)
    commits: list[int] = []
    with Writer(database, after_commit=lambda: commits.append(1)) as writer:
        with Gate(writer):
            futures = [writer.submit(add(position)) for position in range(25)]
        wait(futures)
    assert len(commits) == 4
    assert len(records(database)) == 25


def test_too_many_that_wait_are_turned_away(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "WAITING", 2)
    with Writer(database) as writer, Gate(writer):
        writer.submit(add(1))
        writer.submit(add(2))
        with pytest.raises(BusyError):
            writer.submit(add(3))
    assert records(database) == [1, 2]


def test_a_change_that_nobody_waits_for_any_more_is_not_made(database: Database) -> None:
    with Writer(database) as writer, Gate(writer):
        assert writer.submit(add(1)).cancel()
        writer.submit(add(2))
    assert records(database) == [2]


def test_a_change_that_ends_the_transaction_takes_all_with_it_and_nobody_is_told_otherwise(database: Database) -> None:
    """As SQLite does by itself on a full disk, whether the change says so or swallows it."""
    undone: list[bool] = []
    with Writer(database, after_rollback=lambda: undone.append(True)) as writer:
        with Gate(writer):
            futures = [writer.submit(do) for do in (add(1), lambda c: c.exec_driver_sql("ROLLBACK"), add(2))]
        assert [type(future.exception()) for future in futures] == [LostError] * 3
        writer.submit(add(3)).result()
    assert undone == [True]
    assert records(database) == [3]


def test_a_change_that_swallows_its_failure_never_half_stands(postgres_url: str) -> None:
    """It has returned, so its owner counts on it; but PostgreSQL will not go on, so all of it has to go."""
    database = Database.open(postgres_url, create=True)
    undone: list[bool] = []

    def swallow(connection: Connection) -> None:
        with pytest.raises(IntegrityError):
            add(1, 1)(connection)

    with Writer(database, after_rollback=lambda: undone.append(True)) as writer:
        assert isinstance(writer.submit(swallow).exception(), LostError)
    assert undone == [True]
    assert records(database) == []
    database.close()


def test_after_a_commit_that_its_owner_could_not_follow_nothing_more_is_taken(database: Database) -> None:
    writer = Writer(database, after_commit=lambda: 1 // 0)  # type: ignore[arg-type]
    with Gate(writer):
        first = writer.submit(add(1))
    with pytest.raises(StoreError, match="no more changes are taken"):
        first.result()
    writer.close()
    with pytest.raises(StoreError) as caught:
        writer.submit(add(2))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.__cause__ is writer.failure
    assert records(database) == []


def test_a_lost_connection_fails_what_was_under_way_and_no_more(postgres: Postgres, postgres_url: str) -> None:
    database = Database.open(postgres_url, create=True)
    undone: list[bool] = []

    def cut(connection: Connection) -> None:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        postgres.administer("SELECT pg_terminate_backend(%s, 5000)", pid)

    with Writer(database, after_rollback=lambda: undone.append(True)) as writer:
        with Gate(writer):
            futures: list[Future[Any]] = [writer.submit(do) for do in (add(1), cut, add(2))]
        assert [type(future.exception()) for future in futures] == [LostError] * 3
        assert writer.submit(add(3)).result() == 3
    assert undone == [True]
    assert records(database) == [3]
    database.close()


def test_many_threads_at_once_are_all_answered(database: Database) -> None:
    with Writer(database) as writer:
        results: list[int] = []

        def ask(position: int) -> None:
            results.append(writer.submit(add(position)).result())

        threads = [threading.Thread(target=ask, args=(position,)) for position in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(results) == records(database) == list(range(200))
