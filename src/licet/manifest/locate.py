"""The line and column of a field, found by parsing its document once more when a finding needs it.

Lookups follow what reading did: the last of two equal keys, aliases, and merges by their precedence.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import Any, Final

from yaml import (
    AliasEvent,
    DocumentEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
    YAMLError,
)
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from licet.diag.place import Origin, Path, Place, Span
from licet.diag.text import Text
from licet.manifest import scalars
from licet.manifest.bounds import BYTES
from licet.manifest.exact import BOM, MERGE, Repeat, key_of

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_BARREN: Final = re.compile(r"\s*(?:#.*|---(?:\s.*)?)?")
_MERGED_DEPTH = 32
_SHOWN = 65_536
"""How much is looked at of a document that is too large to be read."""


def locate(text: Text, place: Place) -> Span:
    """The span of a field in its text, or of the nearest thing around it that is there."""
    return Locator(text).locate(place)


class Locator:
    """Finds places of one text; places in one document after each other cost one parsing of it."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self._origin: Origin | None = None
        self._tree = _Tree(b"")
        self._first_line = 1

    def locate(self, place: Place) -> Span:
        """The span of a field, on one line: of a mapping or list, its first line. Never raises."""
        origin = place.origin
        if self._origin is None or (origin.offset, origin.length) != (self._origin.offset, self._origin.length):
            self._origin = origin
            self._tree = _Tree(self.text.data[origin.offset : origin.offset + origin.length])
            self._first_line = self.text.data.count(b"\n", 0, origin.offset) + 1
        line, start, end = self._tree.find(origin.path + place.path, key=place.key)
        number = self._first_line + line
        lead = self._lead(origin.offset) if line == 0 else 0
        return Span(self.text.source, number, lead + start + 1, number, lead + end + 1)

    def _lead(self, offset: int) -> int:
        """How many characters stand before the document in its first line."""
        before = self.text.data[self.text.data.rfind(b"\n", 0, offset) + 1 : offset]
        return len(before.removeprefix(BOM).decode(errors="replace"))


def first_keys(data: bytes, repeats: Sequence[Repeat]) -> list[int]:
    """For each repeated key of a document the line, counted from 0, of the first one in its mapping."""
    first = _Tree(data).first_keys({repeat.mapping for repeat in repeats})
    return [first.get((repeat.mapping, repeat.key), repeat.mapping[0]) for repeat in repeats]


class _Node:
    """A scalar, a mapping (`entries`, whose keys are None for merges) or a list (`children`)."""

    __slots__ = ("children", "end", "entries", "start")

    def __init__(self, event: Any) -> None:
        self.start: tuple[int, int] = (event.start_mark.line, event.start_mark.column)
        self.end: tuple[int, int] = (event.end_mark.line, event.end_mark.column)
        self.entries: list[tuple[str | None, _Node, _Node]] | None = None
        self.children: list[_Node] | None = None


class _Tree:
    """What stands where in one document; of a broken one, what stands before the break."""

    def __init__(self, data: bytes) -> None:
        if len(data) > BYTES:
            data = data[:_SHOWN]
        data = data.removeprefix(BOM).replace(b"\r\n", b"\n")
        self.lines = data.split(b"\n")
        self.root: _Node | None = None
        self.mappings: list[_Node] = []
        with contextlib.suppress(YAMLError, scalars.Unfit):
            self._compose(_parsable(data))

    def _compose(self, data: bytes) -> None:
        parser = CParser(data)
        stack: list[_Node] = []
        keys: list[tuple[str | None, _Node] | None] = []
        anchors: dict[str, _Node] = {}
        parser.get_event()
        if type(parser.get_event()) is StreamEndEvent:
            return
        while True:
            event: Any = parser.get_event()
            kind = type(event)
            if kind is DocumentEndEvent:
                return
            if kind not in _NODES:
                closed = stack.pop()
                keys.pop()
                closed.end = max(closed.end, (event.end_mark.line, event.end_mark.column))
                continue
            node = anchors.get(event.anchor) or _Node(event) if kind is AliasEvent else _Node(event)
            if kind is not AliasEvent and event.anchor is not None:
                anchors[event.anchor] = node
            if not stack:
                self.root = node
            elif (children := stack[-1].children) is not None:
                children.append(node)
            elif (key := keys[-1]) is None:
                keys[-1] = (key_of(event) if kind is ScalarEvent else _REFERRED, node)
            else:
                entries = stack[-1].entries
                if entries is not None:
                    entries.append((key[0], key[1], node))
                keys[-1] = None
            if kind is MappingStartEvent:
                node.entries = []
                self.mappings.append(node)
            elif kind is SequenceStartEvent:
                node.children = []
            if kind is MappingStartEvent or kind is SequenceStartEvent:
                stack.append(node)
                keys.append(None)

    def find(self, path: Path, *, key: bool) -> tuple[int, int, int]:
        """The line, column and end column of what the path leads to, or of its nearest ancestor, from 0."""
        node, named = self.root, None
        found = True
        for step in path:
            below = _child(node, step)
            if below is None:
                found = False
                break
            named, node = below
        if node is None:
            return self._first()
        if named is not None and (self._empty(node) or (key and found)):
            return self._line(named.start, named.end)
        if node.entries and node.entries[0][1].start[0] > node.start[0]:
            return self._line(node.entries[0][1].start, node.end)  # an anchor or tag stands in the line above
        return self._line(node.start, node.end)

    def first_keys(self, starts: set[tuple[int, int]]) -> dict[tuple[tuple[int, int], str], int]:
        """The line of the first of each key in the mappings that start where `starts` says."""
        first: dict[tuple[tuple[int, int], str], int] = {}
        for mapping in self.mappings:
            if mapping.start in starts:
                for key, node, _ in mapping.entries or ():
                    if key is not MERGE:
                        first.setdefault((mapping.start, key), node.start[0])
        return first

    def _empty(self, node: _Node) -> bool:
        return node.start == node.end

    def _line(self, start: tuple[int, int], end: tuple[int, int]) -> tuple[int, int, int]:
        line, column = min(start[0], len(self.lines) - 1), start[1]  # YAML has line breaks that editors do not have
        text = self.lines[line].decode(errors="replace")
        until = end[1] if end[0] == line else len(text.rstrip())
        return line, column, max(until, column + 1)

    def _first(self) -> tuple[int, int, int]:
        """The first line with anything on it."""
        for number, line in enumerate(self.lines):
            text = line.decode(errors="replace").rstrip()
            if not _BARREN.fullmatch(text):
                return number, len(text) - len(text.lstrip()), len(text)
        return 0, 0, 1


_NODES = frozenset((ScalarEvent, MappingStartEvent, SequenceStartEvent, AliasEvent))
_REFERRED = ""
"""Stands for a key that is an alias, or no scalar at all: no path leads through it."""


def _child(node: _Node | None, step: str | int, depth: int = 0) -> tuple[_Node | None, _Node] | None:
    """The key, where it has one, and the value that a step leads to."""
    if node is None or depth > _MERGED_DEPTH:
        return None
    if node.children is not None:
        if isinstance(step, int) and 0 <= step < len(node.children):
            return None, node.children[step]
        return None
    for name, key, value in reversed(node.entries or ()):
        if name is MERGE:
            for source in value.children if value.children is not None else (value,):
                if (found := _child(source, step, depth + 1)) is not None:
                    return found
        elif name == step:
            return key, value
    return None


def _parsable(data: bytes) -> bytes:
    """The same text, character for character, without what only JSON may hold."""
    if data.lstrip().startswith(b"{"):
        data = _SURROGATE.sub(rb"\\u0041", data)
        if not data.isascii():
            data = scalars.replaced(data).encode()
    return data
