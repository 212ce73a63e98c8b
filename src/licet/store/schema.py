"""The version of the schema, and the way up to the one of this program.

Servers of two versions share a database while they are replaced one after the other, so a change of the schema is made
in two releases: the first expands (new tables, new columns that may be empty or have a default, both forms written),
and the next one contracts, when no server of the old form runs any more. A revision never renames, narrows or drops
what the release before it reads or writes, and never rewrites a large table in one go. What runs goes on through an
upgrade; a program that starts and finds a schema that it does not know stops, since it cannot know what that asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, Table, Text, inspect, select

from licet.store.errors import MissingError, NewerError

if TYPE_CHECKING:
    from alembic.config import Config

Transaction = Callable[[], AbstractContextManager[Connection]]

NEWEST = "0002"
"""The last of the migrations. It stands here too, so that only who migrates loads alembic, a third of a start."""

_VERSION = Table("alembic_version", MetaData(), Column("version_num", Text))


def upgrade(read: Transaction, write: Transaction, where: str, *, create: bool) -> None:
    """Bring the schema to the one of this program, in one transaction, which one process does while others wait.

    Raises MissingError for an empty database that is not to be filled, and NewerError.
    """
    with read() as connection:
        if not _behind(connection, where, create=create):
            return
    from alembic import command

    with write() as connection:
        if _behind(connection, where, create=create):
            config = configuration()
            config.attributes["connection"] = connection
            command.upgrade(config, NEWEST)


def configuration() -> Config:
    """What alembic has to know of the migrations."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "licet.store:migrations")
    return config


def _behind(connection: Connection, where: str, *, create: bool) -> bool:
    there = inspect(connection).has_table(_VERSION.name)
    found = connection.scalar(select(_VERSION.c.version_num)) if there else None
    if found is None and not create:
        raise MissingError(f"{where} is empty", "`licet identity init` fills it")
    if found not in (None, NEWEST) and found not in _revisions():
        raise NewerError(f"{where} was made by a later version of licet", "run that version or a later one")
    return found != NEWEST


def _revisions() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()}
