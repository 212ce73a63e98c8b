"""Whether a database does what is asked of it and nothing else, while a change is checked and made."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from licet.store import tables

_NAMES = sorted(tables.metadata.tables)
_SQLITE = text(
    "SELECT name FROM sqlite_schema WHERE type NOT IN ('table', 'index') OR "
    + " OR ".join(f"sql LIKE '%{word}%'" for word in ("conflict", "delete", "update", "virtual", "collate"))
)
"""Triggers and views, and what lets a table drop, change or mistake other rows than the ones that are named."""
_POSTGRESQL = text(
    f"""
    SELECT c.relname FROM pg_class c WHERE c.oid IN ({", ".join(f"'{name}'::regclass" for name in _NAMES)}) AND (
        c.relkind <> 'r' OR c.relrowsecurity
        OR EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid)
        OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid)
        OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)
        OR EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'f'
            AND (confdeltype <> 'a' OR confupdtype <> 'a')))
    """
)
_GROWING = {"checkpoint", "issuance", "record", "subtree"}
"""Nothing is decided by them, and vacuuming them takes long: neither is to wait for the other."""
_HOLD = f"LOCK TABLE {', '.join(name for name in _NAMES if name not in _GROWING)} IN SHARE ROW EXCLUSIVE MODE"


def meddling(connection: Connection, read: Iterable[str]) -> str:
    """What makes a change another than was asked for, such as a trigger, a rule or a view; empty where nothing does.

    So does a table of those that are `read` whose index in SQLite names other rows than it has: which of the two
    answers hangs on how one asks.
    """
    if connection.dialect.name != "sqlite":
        return str(connection.execute(_POSTGRESQL).scalar() or "")
    if found := connection.execute(_SQLITE).scalar():
        return str(found)
    checks = ((name, connection.exec_driver_sql(f"PRAGMA integrity_check({name})").scalar()) for name in read)
    return next((name for name, said in checks if said != "ok"), "")


def hold(connection: Connection) -> None:
    """Have nobody else write what decides before this transaction ends, whether they take turns or not.

    In SQLite nobody else can; in PostgreSQL each statement sees what others have committed by then.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_HOLD)
