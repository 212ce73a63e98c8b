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

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from licet.store.errors import MissingError, NewerError

Transaction = Callable[[], AbstractContextManager[Connection]]


def upgrade(read: Transaction, write: Transaction, where: str, *, create: bool) -> None:
    """Bring the schema to the one of this program, in one transaction, which one process does while others wait."""
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    with read() as connection:
        if not _behind(connection, scripts, where, create=create):
            return
    with write() as connection:
        if _behind(connection, scripts, where, create=create):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def newest() -> str:
    """The version of the schema of this program."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None
    return found


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "licet.store:migrations")
    return config


def _behind(connection: Connection, scripts: ScriptDirectory, where: str, *, create: bool) -> bool:
    found = MigrationContext.configure(connection).get_current_revision()
    if found is None and not create:
        raise MissingError(f"{where} is empty", "`licet identity init` fills it")
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise NewerError(f"{where} was made by a later version of licet", "run that version or a later one")
    return found != scripts.get_current_head()
