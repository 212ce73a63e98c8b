"""Whether a database does what is asked of it and nothing else, while a change is checked and made."""

from __future__ import annotations

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
_HOLD = f"LOCK TABLE {', '.join(_NAMES)} IN SHARE ROW EXCLUSIVE MODE"


def meddling(connection: Connection) -> str:
    """What makes a change another than was asked for, such as a trigger, a rule or a view; empty where nothing does."""
    wanted = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    return str(connection.execute(wanted).scalar() or "")


def hold(connection: Connection) -> None:
    """Have nobody else write before this transaction ends, whether they take turns or not.

    In SQLite nobody else can; in PostgreSQL each statement sees what others have committed by then.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_HOLD)
