"""The database on a PostgreSQL server: how it is reached, and how several servers take turns."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.pool import ConnectionPoolEntry

from licet.store.errors import BusyError, LostError, StoreError, first_line

_TURN = 0x6C69636574
"""The advisory lock that a writing transaction holds; it is one of the database, not of the server."""

_DEFAULTS: Mapping[str, str] = {
    "application_name": "licet",
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}

_OPTIONS = "-c lock_timeout=30s -c idle_in_transaction_session_timeout=60s"
"""How long a writer waits for its turn, and how long one that went silent may keep it."""


def engines(url: str) -> tuple[Engine, Engine]:
    """Engines for reading and for writing, which share their connections. Nothing is connected to yet."""
    wanted = make_conninfo("", **parameters(url, os.environ))
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(wanted),
        hide_parameters=True,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
    )
    event.listen(engine, "connect", _set_up)
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    # In a stricter isolation the snapshot would be that of before the wait, and the turn worth nothing.
    writing = engine.execution_options()
    event.listen(writing, "begin", _take_turn)
    return reading, writing


def parameters(url: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What libpq is told: the URL, with defaults; raises StoreError, which never quotes the URL.

    To any other machine the connection is TLS with a verified certificate, unless the URL itself says `sslmode`.
    """
    try:
        said = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error:
        # libpq quotes what it cannot read, password and all.
        raise StoreError(
            "the address of the database cannot be read", "write `postgresql://user@host:5432/name?passfile=FILE`"
        ) from None
    if "sslmode" not in said and not _local(said, environment):
        said["sslmode"] = "verify-full"
    said["options"] = f"{_OPTIONS} {said.get('options', '')}".strip()
    return {**_DEFAULTS, **said}


def named(url: str) -> str:
    """How messages name the database: never with a user or a password."""
    said = conninfo_to_dict(url)
    host = said.get("host") or said.get("hostaddr") or "the local server"
    return f"the database `{said.get('dbname') or said.get('user') or 'postgres'}` on `{host}`"


def in_transaction(driver: psycopg.Connection[object]) -> bool:
    """Whether the connection is in a transaction that it can go on with."""
    return driver.info.transaction_status is psycopg.pq.TransactionStatus.INTRANS


def explanation(error: DBAPIError, where: str) -> StoreError | None:
    """What this error of the driver says of the environment, None where it says something of this program."""
    cause = error.orig
    if isinstance(error, ProgrammingError) and not isinstance(cause, psycopg.errors.InsufficientPrivilege):
        return None
    match cause:
        case psycopg.errors.LockNotAvailable():
            return BusyError(f"{where} was locked by another server for too long", "try again")
        case psycopg.errors.DiskFull():
            return StoreError(f"{where} cannot be written, since its disk is full", "make room on the server")
        case psycopg.errors.ReadOnlySqlTransaction():
            return StoreError(f"{where} only lets itself be read", "name the primary, not a standby")
        case psycopg.OperationalError() if cause.sqlstate is None and "authentication failed" in str(cause):
            return StoreError(f"{where} refused the password", "put the right one into the file of `passfile`")
        case psycopg.OperationalError() if cause.sqlstate is None and "no password supplied" in str(cause):
            # libpq passes over a file that others may read, with a warning that nobody sees.
            return StoreError(
                f"{where} asks for a password", "put it into a file of mode 0600 and name that: `passfile`"
            )
        case psycopg.OperationalError() | psycopg.InterfaceError() if (
            error.connection_invalidated or cause.sqlstate is None
        ):
            return LostError(f"{where} cannot be reached, {first_line(cause)}", "see that it runs, and try again")
    return StoreError(f"{where} cannot be used, {first_line(cause)}", "see what PostgreSQL says")


def _local(said: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    if "service" in said or "PGSERVICE" in environment:
        return False
    hosts = said.get("hostaddr") or environment.get("PGHOSTADDR") or said.get("host") or environment.get("PGHOST") or ""
    return all(_loopback(host) for host in hosts.split(","))


def _loopback(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _set_up(connection: psycopg.Connection[object], _: ConnectionPoolEntry) -> None:
    # A server may be told to acknowledge what is not on its disk yet; what is acknowledged here has to be.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()


def _take_turn(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")
