"""The database: reading from one snapshot, and writing in turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from licet.store import sqlite
from licet.store.errors import BusyError, LostError, StoreError, explained
from licet.store.schema import upgrade


class Kind(Protocol):
    """What the module of an engine knows that SQLAlchemy does not say."""

    def in_transaction(self, driver: Any, /) -> bool:
        """Whether the driver's connection is in a transaction that it can go on with."""

    def explanation(self, error: DBAPIError, where: str, /) -> StoreError | None:
        """What an error of the driver says of the environment."""


class Database:
    """A database at the schema of this program. May be used from any thread."""

    def __init__(self, kind: Kind, reading: Engine, writing: Engine, where: str) -> None:
        self._kind = kind
        self._reading = reading
        self._writing = writing
        self._where = where

    def __repr__(self) -> str:
        return f"Database({self._where})"

    def __str__(self) -> str:
        return self._where

    @classmethod
    def open(cls, address: str | Path, *, create: bool = False) -> Database:
        """The database at `sqlite:///absolute/path`, a path, or `postgresql://...`; an older schema is brought up.

        Raises MissingError where nothing is and `create` does not ask for it, NewerError where a later version of this
        program was at work, and StoreError for whatever else stands in the way.
        """
        match address:
            case Path():
                database = cls(sqlite, *sqlite.engines(address, create=create), f"`{address}`")
            case str() if address.startswith("sqlite:///"):
                return cls.open(Path("/" + address.removeprefix("sqlite:///").lstrip("/")), create=create)
            case str() if address.startswith(("postgresql://", "postgres://")):
                from licet.store import postgres  # whose driver takes as long to load as SQLAlchemy

                database = cls(postgres, *postgres.engines(address), postgres.named(address))
            case _:
                raise StoreError(
                    "the address names no database",
                    "write `sqlite:///absolute/path` or `postgresql://user@host:5432/name?passfile=FILE`",
                )
        try:
            upgrade(database.read, database.write, database._where, create=create)
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose every answer is of one moment, that of the first; it cannot change anything."""
        with self.explained(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in the one transaction that writes now, of all processes and servers.

        Committed at the end, to the disk; undone when the body raises. Raises BusyError when the turn does not come.
        """
        with self.explained(), self._writing.begin() as connection:
            yield connection
            self.check_open(connection)

    def check_open(self, connection: Connection) -> None:
        """Raise LostError where the transaction is not there any more.

        SQLite rolls back by itself on a full disk, say, and PostgreSQL ends connections: whoever did not hear of it
        would go on outside any transaction, and be told in the end that all is well.
        """
        driver = connection.connection.driver_connection
        if driver is None or not self._kind.in_transaction(driver):
            raise LostError(f"{self._where} dropped a transaction", "see its log, and try again")

    def explained(self) -> AbstractContextManager[None]:
        """Where errors of the environment are raised as StoreErrors that name this database."""
        return explained(self._where, self._kind.explanation)

    def scrub(self) -> None:
        """Take what was deleted out of SQLite's log ahead of the file too; raises BusyError.

        PostgreSQL cannot be made to: old rows stay in its files until they are vacuumed and in its log until that is
        used again, so what must not be read there has to be sealed.
        """
        with self.explained(), self._reading.connect() as connection:
            if connection.dialect.name == "sqlite":
                driver = connection.connection.driver_connection
                assert driver is not None
                driver.execute("PRAGMA query_only=OFF")
                (held, _, _) = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if held:
                    raise BusyError(f"{self._where} was read by another process for too long", "try again")

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._reading.dispose()
