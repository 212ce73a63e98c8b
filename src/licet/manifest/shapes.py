"""The fastest path: documents that differ from earlier ones in nothing but their scalars.

What the fast path makes of a document hangs on the indentation, dashes and keys of its lines, its shape; the scalars
only fill it. Manifests repeat their shapes, so a shape is kept as JSON with a gap for each scalar: of the
next document of this shape no line is looked at, all of them are looked up.
"""

from __future__ import annotations

import re
from itertools import count
from operator import itemgetter
from typing import Any, Final, TypeAlias

import msgspec

from licet.manifest import scalars
from licet.manifest.fast import NESTED, SKIPPED, UNSURE, Lines, Token
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
_GAP: Final = "\0"
_GAP_WRITTEN: Final = msgspec.json.encode(_GAP).decode()
"""Stands for a scalar where only the shape counts: no line of the fast path holds it."""


class _Form(msgspec.Struct, frozen=True, gc=False):
    """A shape as JSON: `parts` with a gap at every second place; `gaps` gathers the lines that fill them."""

    parts: list[str]
    gaps: itemgetter[Any]
    api_version: str
    kind: str


class Shapes:
    """Reads documents and remembers the shapes of those before."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._numbers = _Numbers(self._lines)
        self._forms: dict[_Shape, _Form | None] = {}
        self._together = 0

    def read(self, data: bytes) -> Any:
        """The document's value, an object as it is written where its shape is known, or UNSURE."""
        lines = self._lines.split(data)
        if lines is None:
            return UNSURE
        shape = self._shape(lines)
        if shape is None:
            return self._lines.build(lines)
        try:
            form = self._forms[shape]
        except KeyError:
            form = self._keep(shape)
        if form is None:
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

    def _keep(self, shape: _Shape) -> _Form | None:
        self._together += len(shape)
        if self._together > _TOGETHER:
            self._forms.clear()
            self._together = len(shape)
        form = self._forms[shape] = self._form(shape)
        return form

    def _form(self, shape: _Shape) -> _Form | None:
        """The shape's form; None where it is not that of one object, or not for this path."""
        tokens = self._numbers.tokens
        outline = self._lines.build(shape, tokens)
        if not _is_object(outline) or _GAP in (outline["apiVersion"], outline["kind"]):
            return None
        parts = msgspec.json.encode(outline).decode().split(_GAP_WRITTEN)
        gaps = [at for at, number in enumerate(shape) if tokens[number][4] is _GAP]
        filled = [""] * (2 * len(parts) - 1)
        filled[::2] = parts
        gather = itemgetter(*gaps) if len(gaps) > 1 else itemgetter(slice(gaps[0], gaps[0] + 1) if gaps else slice(0))
        return _Form(filled, gather, outline["apiVersion"], outline["kind"])


class _Irregular(Exception):
    """A line that more than its own text decides about."""


class _Numbers(dict[str, int]):
    """Lines to numbers, equal for lines that differ in nothing but their scalar; `scalars` has these as JSON."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self.scalars: dict[str, str] = {}
        self._lines = lines
        self.tokens: dict[int, Token] = {_SKIPPED: SKIPPED}
        self._traits: dict[Token, int] = {}
        self._stems: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self._next = count(1)

    def forget(self) -> None:
        """Forgets every line; what lines have in common is kept for longer."""
        for known in (self, self.scalars, self._texts):
            known.clear()
        if max(len(self._traits), len(self._stems)) > _REMEMBERED:
            self._traits.clear()
            self.tokens = {_SKIPPED: SKIPPED}
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
        filling = value is not NESTED and not named
        if filling:
            self.scalars[line] = _json(value)
        trait = (indent, dashes, inner, key, _GAP if filling else value)
        number = self._traits.get(trait)
        if number is None:
            number = self._traits[trait] = next(self._next)
            self.tokens[number] = trait
        if filling and stem[inner:] == key:
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
