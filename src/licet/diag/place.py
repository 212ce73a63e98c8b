"""Where something stands: cheap places while reading, exact spans when a finding is shown."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Path: TypeAlias = tuple[str | int, ...]


class Origin(msgspec.Struct, frozen=True, gc=False):
    """The document that an object came from.

    `source` is the name shown to people (a file path as the user would write it, `<stdin>`, or
    `rendered by helm: PATH`); `offset` and `length` are bytes of the source as read; `path` leads to the
    object inside its document, and is empty unless the document is a List.
    """

    source: str
    offset: int = 0
    length: int = 0
    path: Path = ()


class Place(msgspec.Struct, frozen=True):
    """A field of an object: the object's origin and the keys and indexes that lead to the field."""

    origin: Origin
    path: Path = ()
    key: bool = False
    """Point at the key itself rather than at its value."""

    def at(self, *path: str | int) -> Place:
        """The place below this one."""
        return Place(self.origin, self.path + path)


class Span(msgspec.Struct, frozen=True):
    """A region of a source text. Lines and columns count from 1, columns in characters; the end is exclusive."""

    source: str
    line: int
    column: int
    end_line: int
    end_column: int
