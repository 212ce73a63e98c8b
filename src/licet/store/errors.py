"""What keeps a database from being used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, TimeoutError

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


@contextmanager
def explained(where: str, explanation: Callable[[DBAPIError, str], StoreError | None]) -> Iterator[None]:
    """Raise errors of the environment as StoreErrors that name the database: what the engine's `explanation` gives.

    Broken constraints and wrong SQL go through as they are: callers may expect the first, and the second are bugs.
    """
    try:
        yield
    except (IntegrityError, DataError, NotSupportedError):
        raise
    except TimeoutError as error:
        raise BusyError(f"{where} has no connection free", "try again, or give it fewer requests") from error
    except DBAPIError as error:
        found = explanation(error, where)
        if found is None:
            raise
        raise found from error


def first_line(cause: BaseException | None) -> str:
    """What the engine said, the first line alone: what follows may quote what was sent."""
    lines = str(cause).strip().splitlines()
    return f"`{lines[0][:300]}`" if lines else "no reason given"
