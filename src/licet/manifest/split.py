"""Where one document ends and the next begins: the separators as kubectl's reader knows them.

kubectl (`YAMLReader` of apimachinery's pkg/util/yaml) cuts at every line that begins with `---`, wherever in
the YAML it stands, and takes only blanks and a comment after it. A separator with nothing before it belongs to
the document that follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

SEPARATOR: Final = b"---"
_PLAIN: Final = b"---\n"
_BLANKS: Final = b" \r\n"
_SUBSTANCE = re.compile(rb"[^ \r\n]")


class Piece(msgspec.Struct, frozen=True, gc=False):
    """The bytes of one document; `refused` is the separator line before it where kubectl stops at that line."""

    offset: int
    length: int
    refused: bytes = b""
    refused_offset: int = 0


def split(data: bytes, start: int = 0) -> Iterator[Piece]:
    """The documents of a YAML stream, in order, with those that hold nothing but blanks left out."""
    position, refused, refused_offset = start, b"", 0
    end = len(data)
    while position < end:
        search = position
        if data.startswith(SEPARATOR, position):
            line, search = _line(data, position)
            if _refuses(line):
                refused, refused_offset, position = line, position, search
                continue
        cut = _next(data, search)
        if refused or data[position] not in _BLANKS or _SUBSTANCE.search(data, position, cut):
            yield Piece(position, cut - position, refused, refused_offset)
        refused = b""
        if cut == end:
            return
        if data.startswith(_PLAIN, cut):
            position = cut + len(_PLAIN)
            continue
        line, position = _line(data, cut)
        if _refuses(line):
            refused, refused_offset = line, cut
    if refused:
        yield Piece(end, 0, refused, refused_offset)


def _next(data: bytes, position: int) -> int:
    """Where the next separator line begins, counting one at `position`; the end where there is none."""
    if data.startswith(SEPARATOR, position):
        return position
    found = data.find(b"\n---", position)
    return len(data) if found < 0 else found + 1


def _line(data: bytes, position: int) -> tuple[bytes, int]:
    end = data.find(b"\n", position)
    end = len(data) if end < 0 else end + 1
    return data[position:end], end


def _refuses(line: bytes) -> bool:
    rest = line[len(SEPARATOR) :].strip()
    return bool(rest) and not rest.startswith(b"#")
