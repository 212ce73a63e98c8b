"""The fastest path: documents that differ from earlier ones in nothing but their scalars.

What the fast path makes of a document hangs on the indentation, dashes and keys of its lines, its shape; the scalars
only fill it. Manifests repeat their shapes, so a shape that came back is kept as JSON with a gap for each scalar:
of the next document of this shape no line is looked at, all of them are looked up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from operator import itemgetter
from typing import Any, Final, TypeAlias

import msgspec

from licet.manifest import scalars
from licet.manifest.fast import NESTED, UNSURE, Lines, Token
from licet.manifest.written import Written

_LONGEST: Final = 1000
"""Lines of a document whose shape is looked at."""
_REMEMBERED: Final = 1 << 16
_REMEMBERED_LENGTH: Final = 200
_TOGETHER: Final = 1 << 18
"""Lines of all shapes that are kept."""

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_IDENTITY: Final = ("apiVersion", "kind")
_Shape: TypeAlias = tuple[int, ...]
_SKIPPED: Final = 0


class _Form(msgspec.Struct, frozen=True, gc=False):
    """A shape as JSON: `parts` with a gap at every second place, and which lines fill the gaps."""

    parts: list[str]
    gaps: itemgetter[Any]
    api_version: str
    kind: str


_ONCE: Final = _Form([], itemgetter(0), "", "")
_NEVER: Final = _Form([], itemgetter(0), "", "")
"""Stand for a shape that was met once, and for one that is no object or is read otherwise."""


class Shapes:
    """Reads documents and remembers the shapes of those before."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._numbers = _Numbers(self._lines)
        self._forms: dict[_Shape, _Form] = {}
        self._together = 0

    def read(self, data: bytes) -> Any:
        """The document's value, an object as it is written where its shape is known, or UNSURE."""
        lines = self._lines.split(data)
        if lines is None:
            return UNSURE
        shape = self._shape(lines)
        if shape is None:
            return self._lines.build(lines)
        form = self._forms.get(shape)
        if form is None:
            value = self._lines.build(lines)
            self._keep(shape, _ONCE if _is_object(value) else _NEVER)
            return value
        if form is _ONCE:
            form = self._forms[shape] = self._form(lines)
        if form is _NEVER:
            return self._lines.build(lines)
        parts = form.parts.copy()
        parts[1::2] = map(self._numbers.scalars.__getitem__, form.gaps(lines))
        return Written("".join(parts), form.api_version, form.kind)

    def _shape(self, lines: list[str]) -> _Shape | None:
        numbers = self._numbers
        if len(lines) > _LONGEST:
            return None
        if len(numbers) + len(lines) > _REMEMBERED:
            numbers.forget()
        try:
            return tuple(map(numbers.__getitem__, lines))
        except _Irregular:
            return None

    def _keep(self, shape: _Shape, form: _Form) -> None:
        self._together += len(shape)
        if self._together > _TOGETHER:
            self._forms.clear()
            self._together = len(shape)
        self._forms[shape] = form

    def _form(self, lines: list[str]) -> _Form:
        tokens = [self._lines.token(line) for line in lines]
        told = [(at, token) for at, token in enumerate(tokens) if token is not None and token[0] >= 0]
        if told[0][1][0] != 0:
            return _NEVER
        identity = {token[3]: token[4] for _, token in told if token[0] == 0 and token[3] in _IDENTITY}
        parts = _parts([token for _, token in told])
        gaps = [at for at, token in told if token[4] is not NESTED]
        return _Form(parts, itemgetter(*gaps), identity["apiVersion"], identity["kind"])


class _Irregular(Exception):
    """A line that more than its own text decides about."""


class _Numbers(dict[str, int]):
    """Lines to numbers, equal for lines that differ in nothing but their scalar; `scalars` has these as JSON."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self.scalars: dict[str, str] = {}
        self._lines = lines
        self._traits: dict[tuple[object, ...], int] = {}
        self._stems: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self._next = count(1)

    def forget(self) -> None:
        """Forgets every line; what lines have in common is kept for longer."""
        for known in (self, self.scalars, self._texts):
            known.clear()
        if max(len(self._traits), len(self._stems)) > _REMEMBERED:
            self._traits.clear()
            self._stems.clear()

    def __missing__(self, line: str) -> int:
        if len(line) > _REMEMBERED_LENGTH:
            raise _Irregular
        stem, _, text = line.partition(": ")
        number = self._stems.get(stem)
        if number is None:
            return self._whole(line, stem)
        scalar = self._texts.get(text)
        if scalar is None:
            if _WORD.fullmatch(text) and scalars.plain(text) is text:
                scalar = f'"{text}"'
            else:
                value = self._lines.scalar(text)
                if value is UNSURE:
                    return self._whole(line, stem)
                scalar = _json(value)
            self._texts[text] = scalar
        self[line] = number
        self.scalars[line] = scalar
        return number

    def _whole(self, line: str, stem: str) -> int:
        """The number of a line that is no more than a new scalar."""
        token = self._lines.token(line)
        if token is None:
            raise _Irregular
        indent, dashes, inner, key, value = token
        if indent < 0:
            self[line] = _SKIPPED
            return _SKIPPED
        named = key in _IDENTITY and indent == 0 and not dashes
        if named and type(value) is not str:
            raise _Irregular
        if value is not NESTED:
            self.scalars[line] = _json(value)
        trait = (token[:4], value is NESTED, value if named else None)
        number = self._traits.get(trait)
        if number is None:
            number = self._traits[trait] = next(self._next)
        if value is not NESTED and not named and stem[inner:] == key:
            self._stems[stem] = number
        self[line] = number
        return number


def _json(value: Any) -> str:
    if not _is_plain(value):
        raise _Irregular
    return msgspec.json.encode(value).decode()


def _is_plain(value: Any) -> bool:
    """Whether JSON holds the value as it is: no block scalar, whose text is in other lines, and no float."""
    if type(value) is dict:
        return all(map(_is_plain, value.values()))
    if type(value) is list:
        return all(map(_is_plain, value))
    return value is None or type(value) in (str, int, bool)


def _is_object(value: Any) -> bool:
    """Whether this is one object and no list of them."""
    return (
        type(value) is dict
        and "items" not in value
        and all(type(value.get(field)) is str and value[field] for field in _IDENTITY)
        and value["kind"] != "List"
    )


def _parts(tokens: Sequence[Token]) -> list[str]:
    """JSON of what the fast path builds of these lines, a gap in every second place."""
    outline = _Outline()
    for token in tokens:
        outline.line(token)
    outline.close(-1, False)
    return outline.parts


class _Outline:
    """Writes the JSON of a document around its scalars, from lines that the fast path took for sound."""

    def __init__(self) -> None:
        self.parts: list[str] = [""]
        self._open: list[tuple[int, str]] = []
        self._empty = True
        self._pending = False

    def line(self, token: Token) -> None:
        indent, dashes, inner, key, value = token
        deeper = not self._open or indent > self._open[-1][0] or (indent == self._open[-1][0] and bool(dashes))
        if not self._open or (self._pending and deeper):
            self._begin(indent, "]" if dashes else "}")
            self._pending = False
        else:
            self.close(indent, bool(dashes))
        for dash in dashes[1:]:
            self._item()
            self._begin(dash, "]")
        self._item()
        if key is not None:
            if dashes:
                self._begin(inner, "}")
                self._item()
            self._write(msgspec.json.encode(key).decode() + ":")
        if value is NESTED:
            self._pending = True
        else:
            self.parts += ["", ""]

    def close(self, indent: int, dashed: bool) -> None:
        """Ends what a line at this indentation is no part of."""
        if self._pending:
            self._write("null")
            self._pending = False
        while self._open:
            column, end = self._open[-1]
            if column < indent or (column == indent and (dashed or end == "}")):
                return
            self._open.pop()
            self._write(end)
            self._empty = False

    def _begin(self, column: int, end: str) -> None:
        self._open.append((column, end))
        self._write("[" if end == "]" else "{")
        self._empty = True

    def _item(self) -> None:
        if not self._empty:
            self._write(",")
        self._empty = False

    def _write(self, text: str) -> None:
        self.parts[-1] += text
