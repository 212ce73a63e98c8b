"""What commands need that is not installed with licet itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from licet.sources.errors import SourceError


@contextmanager
def identity_extra(command: str) -> Iterator[None]:
    """Around the imports of a command that needs the extra: raises SourceError where that is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "licet":
            raise
        raise SourceError(f"`licet {command}` needs the extra", "pip install 'licet[identity]'") from error
