"""The server: what is told to it, and what is said when it does not answer."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from licet.store.database import Database
from licet.store.errors import BusyError, LostError, StoreError
from licet.store.postgres import parameters
from licet.store.tables import record
from tests.postgres import Postgres


@pytest.mark.parametrize(
    ("url", "environment", "mode"),
    [
        ("postgresql://db.example/licet", {}, "verify-full"),
        ("postgresql://db.example/licet", {"PGSSLMODE": "disable"}, "verify-full"),
        ("postgresql://db.example/licet?sslmode=require", {}, "require"),
        ("postgresql://10.0.0.1,localhost/licet", {}, "verify-full"),
        ("postgresql:///licet", {"PGHOST": "db.example"}, "verify-full"),
        ("postgresql:///licet?service=main", {}, "verify-full"),
        ("postgresql://localhost/licet?hostaddr=10.0.0.1", {}, "verify-full"),
        ("postgresql:///licet", {}, None),
        ("postgresql://127.0.0.9/licet", {}, None),
        ("postgresql://[::1]/licet", {}, None),
        ("postgresql:///licet?host=/run/postgresql", {}, None),
    ],
)
def test_another_machine_is_verified_unless_the_url_says_otherwise(
    url: str, environment: dict[str, str], mode: str | None
) -> None:
    assert parameters(url, environment).get("sslmode") == mode


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://licet:hunter2@[::1/licet",
        "postgresql://licet:hunter2%00@localhost/licet",
        "postgresql://licet:hunter2@localhost/licet?nonsense=1",
        "postgresql://licet:hunter2@localhost:nine/licet",
    ],
)
def test_an_address_that_cannot_be_read_is_not_quoted(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        Database.open(url)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value, limit=0))


def test_an_address_of_no_database_is_not_quoted() -> None:
    with pytest.raises(StoreError) as caught:
        Database.open("mysql://licet:hunter2@localhost/licet")
    assert "hunter2" not in str(caught.value)


def test_a_wrong_password_is_said_so_and_not_shown(postgres: Postgres, postgres_url: str) -> None:
    with pytest.raises(StoreError) as caught:
        Database.open(postgres_url.replace("licet@", "licet:hunter2@"))
    assert type(caught.value) is StoreError
    assert caught.value.message.endswith(f"on `{postgres.folder}` refused the password")
    assert "hunter2" not in repr(caught.value) + repr(caught.value.__cause__)


def test_a_password_that_is_missing_is_asked_for(postgres_url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        Database.open(postgres_url.partition("&passfile")[0] + f"&passfile={tmp_path / 'none'}")
    assert caught.value.message.endswith("asks for a password")


def test_a_database_keeps_its_password_to_itself(postgres: Postgres, postgres_url: str) -> None:
    word = postgres.passfile.read_text().strip().rpartition(":")[2]
    url = postgres_url.replace("licet@", f"licet:{word}@").partition("&passfile")[0]
    database = Database.open(url, create=True)
    with database.read() as connection:
        texts = [repr(database), repr(connection.engine), str(connection.engine.url), repr(connection.engine.pool)]
    assert not [text for text in texts if word in text]
    database.close()


def test_a_server_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(LostError) as caught:
        Database.open(f"postgresql://licet@/licet?host={tmp_path}")
    assert caught.value.message.startswith(f"the database `licet` on `{tmp_path}` cannot be reached")
    assert caught.value.help == "see that it runs, and try again"


def test_a_database_that_is_not_there_is_said_so(postgres: Postgres) -> None:
    with pytest.raises(StoreError) as caught:
        Database.open(postgres.url("nowhere"))
    assert "does not exist" in caught.value.message


def test_a_role_that_may_not_make_tables_is_told(postgres: Postgres) -> None:
    with pytest.raises(StoreError, match="permission denied"):
        Database.open(postgres.url("postgres"), create=True)


def test_a_turn_that_does_not_come_is_said_so(postgres_url: str) -> None:
    database = Database.open(postgres_url + "&options=-c%20lock_timeout%3D10ms", create=True)
    with database.write(), pytest.raises(BusyError), database.write():
        pass
    with database.write():
        pass
    database.close()


def test_a_lost_connection_is_made_again(postgres: Postgres, postgres_url: str) -> None:
    database = Database.open(postgres_url, create=True)

    def lose() -> None:
        with database.write() as connection:
            connection.execute(insert(record).values(position=0, body=b""))
            cut(postgres)
            connection.execute(insert(record).values(position=1, body=b""))

    with pytest.raises(LostError):
        lose()
    with database.write() as connection:
        connection.execute(insert(record).values(position=2, body=b""))
    cut(postgres)
    with database.read() as connection:
        assert connection.scalars(select(record.c.position)).all() == [2]
    database.close()


def cut(postgres: Postgres) -> None:
    """End every connection of licet's role, and wait until they are gone."""
    postgres.administer("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'licet'")


def test_a_failure_that_is_swallowed_is_no_success(postgres_url: str) -> None:
    """PostgreSQL takes the commit of a transaction in which something failed, and rolls it back."""
    database = Database.open(postgres_url, create=True)

    def swallow() -> None:
        with database.write() as connection:
            connection.execute(insert(record).values(position=0, body=b""))
            with pytest.raises(IntegrityError):
                connection.execute(insert(record).values(position=0, body=b""))

    with pytest.raises(LostError):
        swallow()
    database.close()


def test_what_is_acknowledged_is_on_the_disk_whatever_the_server_is_set_to(
    postgres: Postgres, postgres_url: str
) -> None:
    name = sql.Identifier(postgres_url.partition("@/")[2].partition("?")[0])
    postgres.administer(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))
    database = Database.open(postgres_url, create=True)
    with database.write() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    database.close()
