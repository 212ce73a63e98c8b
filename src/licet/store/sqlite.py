"""The database as a file of this machine: who may touch it, and how SQLite is set up."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.pool import ConnectionPoolEntry

from licet.store.errors import BusyError, MissingError, StoreError, first_line

PATIENCE = 30.0
"""Seconds that a transaction waits for its turn."""

_SETTINGS = ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "trusted_schema=OFF")


_UNREADABLE = (
    ("not a database", "is no database", "restore the backup, or name another folder"),
    ("malformed", "is damaged", "restore the backup"),
)
_SIGNS = (
    *_UNREADABLE,
    ("disk is full", "cannot be written, since the disk is full", "make room"),
    ("disk i/o error", "cannot be read or written, since the disk fails", "look at the machine's log"),
    ("readonly", "cannot be written", "let the user of this process own the file and its folder"),
    ("unable to open", "cannot be opened", "let the user of this process own the file and its folder"),
)


def engines(path: Path, *, create: bool) -> tuple[Engine, Engine]:
    """Engines for reading and for writing, which share their connections.

    The file has mode 0600 and SQLite gives its -wal and -shm the same; a new folder has 0700. Raises StoreError where
    others may write the folder or touch the file.
    """
    path = path.resolve()
    _prepare(path, create=create)
    url = URL.create("sqlite+pysqlite", database=str(path))
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": PATIENCE, "check_same_thread": False})
    event.listen(engine, "connect", _set_up)
    reading, writing = engine.execution_options(), engine.execution_options()
    event.listen(reading, "begin", _begin_reading)
    event.listen(writing, "begin", _begin_writing)
    return reading, writing


def in_transaction(driver: sqlite3.Connection) -> bool:
    """Whether the connection is in a transaction that it can go on with."""
    return driver.in_transaction


def explanation(error: DBAPIError, where: str) -> StoreError | None:
    """What this error of the driver says of the environment, None where it says something of this program."""
    if isinstance(error, ProgrammingError):
        return None
    text = str(error.orig).lower()
    if "locked" in text or "busy" in text:
        return BusyError(f"{where} was locked by another process for too long", "try again")
    for sign, message, help in _SIGNS:
        if sign in text:
            return StoreError(f"{where} {message}", help)
    return StoreError(f"{where} cannot be used, {first_line(error.orig)}", "see what SQLite says")


def _set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # Without this the driver begins transactions by itself, deferred ones, and only before it sees a change.
    connection.isolation_level = None
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}")


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA query_only=ON")
    connection.exec_driver_sql("BEGIN")


def _begin_writing(connection: Connection) -> None:
    connection.exec_driver_sql("PRAGMA query_only=OFF")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare(path: Path, *, create: bool) -> None:
    """Have the file there, in WAL mode; two processes that come at once make it one after the other."""
    try:
        if create:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        raise _missing(path) from None
    except OSError as error:
        raise StoreError(f"`{path.parent}` cannot be used, {error.strerror}", "name a folder of this user") from None
    try:
        _check_folder(path.parent, os.fstat(folder))
        fcntl.flock(folder, fcntl.LOCK_EX)
        _check_file(path, create=create)
        _write_ahead(path)
        os.fsync(folder)
    finally:
        os.close(folder)


def _missing(path: Path) -> MissingError:
    return MissingError(f"there is no database at `{path}`", "`licet identity init` makes one")


def _check_folder(path: Path, found: os.stat_result) -> None:
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StoreError(f"others may write in `{path}`", f"`chmod go-w {path}`")
    if found.st_uid not in (os.geteuid(), 0):
        raise StoreError(f"`{path}` belongs to another user", "run as that user, or name another folder")


def _check_file(path: Path, *, create: bool) -> None:
    # A file that is there must not be opened here: closing it would take away the locks that SQLite holds on it for
    # another connection of this process (https://www.sqlite.org/howtocorrupt.html, 2.2).
    try:
        found = path.lstat()
    except FileNotFoundError:
        if not create:
            raise _missing(path) from None
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        return
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"`{path}` is no file", "name another folder")
    if found.st_mode & 0o077:
        raise StoreError(f"others may read or write `{path}`", f"`chmod 600 {path}`")
    if os.geteuid() not in (found.st_uid, 0):
        raise StoreError(f"`{path}` belongs to another user", "run as that user")


def _write_ahead(path: Path) -> None:
    """Once in this mode a file stays in it; changing it takes a lock for which SQLite does not wait as it should."""
    connection = sqlite3.connect(path, timeout=PATIENCE)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.Error as error:
        message = str(error)
        for sign, what, help in _UNREADABLE:
            if sign in message:
                raise StoreError(f"`{path}` {what}", help) from None
        raise StoreError(f"`{path}` cannot be used, {message}", "see that no other program has it open") from None
    finally:
        connection.close()
