"""The schema that the migrations make, and the ones that are refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from licet.store.database import Database
from licet.store.errors import MissingError, NewerError
from licet.store.schema import NEWEST, configuration
from licet.store.tables import metadata


def test_the_migrations_make_the_tables_of_the_program(store_url: str) -> None:
    database = Database.open(store_url, create=True)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_the_newest_migration_is_the_one_that_the_program_asks_for() -> None:
    assert ScriptDirectory.from_config(configuration()).get_heads() == [NEWEST]


def test_who_migrates_nothing_loads_no_alembic_and_who_uses_sqlite_no_psycopg(tmp_path: Path) -> None:
    path = tmp_path / "licet.db"
    Database.open(path, create=True).close()
    code = f"""
import sys
from pathlib import Path
from licet.store.database import Database
Database.open(Path({str(path)!r})).close()
print({"alembic", "psycopg"} & sys.modules.keys())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_constraints_have_the_names_that_the_tables_give_them(store_url: str) -> None:
    """What alembic does not compare, and a later revision has to find."""
    database = Database.open(store_url, create=True)
    with database.read() as connection:
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            assert inspector.get_pk_constraint(table.name)["name"] == table.primary_key.name
    database.close()


def test_a_database_of_a_later_version_is_refused(store_url: str) -> None:
    database = Database.open(store_url, create=True)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(NewerError) as caught:
        Database.open(store_url)
    assert caught.value.message.endswith("was made by a later version of licet")
    assert caught.value.help == "run that version or a later one"


def test_what_fails_halfway_leaves_an_empty_database(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction makes all tables, or none: the next start finds what it can go on from."""

    def fail(*_: object, **__: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr("alembic.operations.Operations.create_index", fail)
        with pytest.raises(InterruptedError):
            Database.open(store_url, create=True)
    with pytest.raises(MissingError):
        Database.open(store_url)
    Database.open(store_url, create=True).close()
