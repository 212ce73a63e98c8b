"""The file: who may touch it, and what is said of a broken one."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select

from licet.store import sqlite
from licet.store.database import Database
from licet.store.errors import BusyError, MissingError, StoreError
from licet.store.tables import denial


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "licet.db"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_may_read_what_is_made(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        database = Database.open(path, create=True)
    finally:
        os.umask(before)
    assert {found.name: mode(found) for found in (path.parent, *path.parent.iterdir())} == {
        "data": 0o700, "licet.db": 0o600, "licet.db-wal": 0o600, "licet.db-shm": 0o600,
    }  # fmt: skip
    database.close()


def test_every_commit_is_on_the_disk(path: Path) -> None:
    database = Database.open(path, create=True)
    names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    for transaction in (database.read, database.write):
        with transaction() as connection:
            assert [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names] == ["wal", 2, 1, 1]
    database.close()


@pytest.mark.parametrize("bits", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_is_refused(path: Path, bits: int) -> None:
    path.parent.mkdir()
    path.parent.chmod(bits)
    with pytest.raises(StoreError) as caught:
        Database.open(path, create=True)
    assert str(caught.value) == f"others may write in `{path.parent}`: `chmod go-w {path.parent}`"
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("bits", [0o660, 0o606, 0o640, 0o604])
def test_a_file_that_others_may_touch_is_refused(path: Path, bits: int) -> None:
    Database.open(path, create=True).close()
    path.chmod(bits)
    with pytest.raises(StoreError) as caught:
        Database.open(path)
    assert str(caught.value) == f"others may read or write `{path}`: `chmod 600 {path}`"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_folder_of_another_user_is_refused(path: Path) -> None:
    Database.open(path, create=True).close()
    os.chown(path.parent, 65534, 65534)
    with pytest.raises(StoreError, match="belongs to another user"):
        Database.open(path)


def test_a_missing_file_is_not_made_unasked(path: Path) -> None:
    for folder_is_there in (False, True):
        if folder_is_there:
            path.parent.mkdir(mode=0o700)
        with pytest.raises(MissingError) as caught:
            Database.open(path)
        assert str(caught.value) == f"there is no database at `{path}`: `licet identity init` makes one"
    assert list(path.parent.iterdir()) == []


def test_a_folder_in_the_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True, mode=0o700)
    path.parent.chmod(0o700)
    with pytest.raises(StoreError, match="is no file"):
        Database.open(path, create=True)


def test_a_file_in_the_place_of_the_folder_is_refused(path: Path) -> None:
    path.parent.touch()
    with pytest.raises(StoreError):
        Database.open(path, create=True)


def test_what_is_no_database_is_said_so(path: Path) -> None:
    Database.open(path, create=True).close()
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError) as caught:
        Database.open(path)
    assert str(caught.value) == f"`{path}` is no database: restore the backup, or name another folder"


def test_a_damaged_database_is_said_so(path: Path) -> None:
    database = Database.open(path, create=True)
    rows = [{"spiffe_id": str(number), "reason": "x" * 900, "denied_at": ""} for number in range(99)]
    with database.write() as connection:
        connection.execute(insert(denial), rows)
    database.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(StoreError) as caught:
        Database.open(path)
    assert str(caught.value) == f"`{path}` is damaged: restore the backup"


def test_a_turn_that_does_not_come_is_said_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.01)
    database = Database.open(path, create=True)
    with database.write(), pytest.raises(BusyError), database.write():
        pass
    with database.write():
        pass
    database.close()


def test_what_is_deleted_is_nowhere_in_the_files(path: Path) -> None:
    """A handle of a private key that was thrown away must not be found by who reads the disk's files."""
    database = Database.open(path, create=True)
    values = {"spiffe_id": "a", "reason": "very secret", "denied_at": ""}
    with database.write() as connection:
        connection.execute(insert(denial).values(**values))
    with database.write() as connection:
        connection.execute(delete(denial))
    assert any(b"very secret" in found.read_bytes() for found in path.parent.iterdir())
    database.scrub()
    assert not any(b"very secret" in found.read_bytes() for found in path.parent.iterdir())
    database.close()


def test_what_a_reader_still_sees_is_not_said_to_be_gone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.01)
    database = Database.open(path, create=True)
    with database.read() as reader:
        reader.execute(select(denial))
        with database.write() as connection:
            connection.execute(insert(denial).values(spiffe_id="a", reason="", denied_at=""))
        with pytest.raises(BusyError):
            database.scrub()
    database.scrub()
    database.close()


def test_opening_again_leaves_the_locks_of_the_first(path: Path) -> None:
    """Whoever closes a file takes all locks that the process has on it; another process would then end the log."""
    first = Database.open(path, create=True)
    with first.write() as connection:
        connection.execute(insert(denial).values(spiffe_id="a", reason="", denied_at=""))
    Database.open(path).close()
    take = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    other = subprocess.run([sys.executable, "-c", take, path], capture_output=True, text=True, check=False)
    assert other.stderr.splitlines()[-1].startswith("BlockingIOError")
    first.close()
