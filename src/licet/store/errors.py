"""What keeps a database from being used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError, TimeoutError

from licet.diag.failure import Failure


class StoreError(Failure):
    """Something about the database that a person has to put right."""


class MissingError(StoreError):
    """There is no database there, or an empty one."""


class NewerError(StoreError):
    """The database was made by a later version of this program."""


class BusyError(StoreError):
    """Nothing is wrong with the database; others used it for too long, and trying again may help."""


class LostError(StoreError):
    """The database cannot be reached now. Of a change that was being committed nobody knows whether it stands."""


_FILES = (
    ("not a database", "is no database", "restore the backup, or name another folder"),
    ("malformed", "is damaged", "restore the backup"),
    ("disk is full", "cannot be written, since the disk is full", "make room"),
    ("disk i/o error", "cannot be read or written, since the disk fails", "look at the machine's log"),
    ("readonly", "cannot be written", "let the user of this process own the file and its folder"),
    ("unable to open", "cannot be opened", "let the user of this process own the file and its folder"),
)


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Raise errors of the environment as StoreErrors that name the database.

    Broken constraints and wrong SQL go through as they are: callers may expect the first, and the second are bugs.
    """
    try:
        yield
    except (IntegrityError, DataError, NotSupportedError):
        raise
    except ProgrammingError as error:
        if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise
        raise _explanation(error, where) from error
    except TimeoutError as error:
        raise BusyError(f"{where} has no connection free", "try again, or give it fewer requests") from error
    except DBAPIError as error:
        raise _explanation(error, where) from error


def _explanation(error: DBAPIError, where: str) -> StoreError:
    cause = error.orig
    if isinstance(cause, psycopg.Error):
        return _of_server(cause, where, lost=error.connection_invalidated)
    text = str(cause).lower()
    if "locked" in text or "busy" in text:
        return BusyError(f"{where} was locked by another process for too long", "try again")
    for sign, message, help in _FILES:
        if sign in text:
            return StoreError(f"{where} {message}", help)
    return StoreError(f"{where} cannot be used, {_line(cause)}", "see what SQLite says")


def _of_server(cause: psycopg.Error, where: str, *, lost: bool) -> StoreError:
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
        case psycopg.OperationalError() | psycopg.InterfaceError() if lost or cause.sqlstate is None:
            return LostError(f"{where} cannot be reached, {_line(cause)}", "see that it runs, and try again")
    return StoreError(f"{where} cannot be used, {_line(cause)}", "see what PostgreSQL says")


def _line(cause: BaseException | None) -> str:
    """The first line alone: what follows may quote what was sent."""
    lines = str(cause).strip().splitlines()
    return f"`{lines[0][:300]}`" if lines else "no reason given"
