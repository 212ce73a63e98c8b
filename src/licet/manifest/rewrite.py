"""A document's text made to mean another value, with nothing changed in it but what differs.

What comes in is set in as its neighbours are; what goes takes with it exactly what coming in would have brought: a
change and the way back from it leave the bytes that there were. Every result is read back before it is handed out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from yaml import CollectionNode, MappingNode, Node, SequenceNode, YAMLError

from licet.diag.place import Origin, Path
from licet.manifest import exact, write
from licet.manifest.edit import Unplaced
from licet.manifest.flow import flow

_Change = tuple[int, int, str]
"""Where, how many characters go, and what comes instead."""


def rewritten(data: bytes, origin: Origin, value: Any, spelled: Mapping[Path, str] | None = None) -> bytes:
    """The text whose object at `origin` is this value.

    `spelled` says for keys by their path how `key: value` is to be written where it comes in or changes. Raises
    Unplaced where anchors, merges or odd spelling leave no way.
    """
    document = _Document(data, origin)
    changes = list(document.changes(document.object, document.value, value, (), spelled or {}))
    return document.changed(changes, value)


def spelling(data: bytes, origin: Origin, path: Path) -> str:
    """How the key at `path` and its value are written there. Raises Unplaced."""
    document = _Document(data, origin)
    parent = document.below(document.object, path[:-1])
    return document.entry_text(*_entry(parent, path[-1]))


def anew(data: bytes, origin: Origin) -> bytes:
    """The text with the document of `origin` written in Licet's own way, without remarks and anchors."""
    value = exact.build(data[origin.offset : origin.offset + origin.length]).value
    try:
        text = write.yaml(value)
    except TypeError:
        text = flow(value) + "\n"
    piece = data[origin.offset : origin.offset + origin.length]
    separator = re.match(rb"(?:\xef\xbb\xbf)?(?:\s*(?:#[^\n]*)?\n)*---[^\n]*\n", piece)
    lead = piece[: separator.end()] if separator else b""
    return data[: origin.offset] + lead + text.encode() + data[origin.offset + origin.length :]


class _Document:
    """One document: its characters, its nodes, and the object in it that is to be changed."""

    def __init__(self, data: bytes, origin: Origin) -> None:
        self._data, self._origin = data, origin
        piece = data[origin.offset : origin.offset + origin.length]
        self._lead = len(exact.BOM) if piece.startswith(exact.BOM) else 0
        try:
            self._text = piece[self._lead :].decode()
            root = yaml.CSafeLoader(self._text).get_single_node()
            self._whole = exact.build(self._text.encode()).value
        except (UnicodeDecodeError, YAMLError, exact.Broken) as problem:
            raise Unplaced("cannot be read") from problem
        self._break = "\r\n" if "\r\n" in self._text else "\n"
        self._json = self._text.lstrip().startswith("{")
        self._uses: Counter[int] = Counter()
        self._count(root)
        self.object = self.below(root, origin.path)
        self.value = _at(self._whole, origin.path)

    def below(self, node: Any, path: Path) -> Node:
        """What stands at a path under a node."""
        for step in path:
            self._alone(node)
            if isinstance(node, SequenceNode) and isinstance(step, int):
                node = node.value[step]
            else:
                node = _entry(node, step)[1]
        self._alone(node)
        return node  # type: ignore[no-any-return]  # the root is whatever yaml says

    def entry_text(self, key: Node, value: Node) -> str:
        """A key and its value as they are written."""
        return self._text[key.start_mark.index : self._end(key, value)]

    def changes(self, node: Node, old: Any, new: Any, path: Path, spelled: Mapping[Path, str]) -> Iterator[_Change]:
        """What makes this node mean the new value."""
        self._alone(node)
        if isinstance(node, MappingNode) and node.value and isinstance(new, dict):
            yield from self._mapping(node, old, new, path, spelled)
        elif isinstance(node, SequenceNode) and node.value and isinstance(new, list) and new:
            yield from self._sequence(node, old, new, path, spelled)
        else:
            raise Unplaced("is not what it was taken for")

    def changed(self, changes: Sequence[_Change], value: Any) -> bytes:
        """The whole text with the changes, after it was read back and found to mean what it should."""
        text, at = "", 0
        for start, length, put in sorted(changes):
            if start == at - len(self._break) and not put:
                # The last lines of a text that ends in none go with the break before them, which is gone already.
                text, start = text.removesuffix(self._break), at
                length -= len(self._break)
            elif start < at:
                raise Unplaced("changes in two ways at once")
            text += self._text[at:start] + put
            at = start + length
        text += self._text[at:]
        try:
            found = exact.build(text.encode()).value
        except exact.Broken as problem:
            raise Unplaced("stands where nothing can be changed") from problem
        if found != _with(self._whole, self._origin.path, value):
            raise Unplaced("stands where nothing can be changed")
        start, end = self._origin.offset + self._lead, self._origin.offset + self._origin.length
        return self._data[:start] + text.encode() + self._data[end:]

    def _mapping(
        self, node: MappingNode, old: dict[str, Any], new: dict[str, Any], path: Path, spelled: Mapping[Path, str]
    ) -> Iterator[_Change]:
        gone = [key for key in old if key not in new]
        come = [key for key in new if key not in old]
        for key, known in old.items():
            if key in new and new[key] != known:
                yield from self._altered(node, key, known, new[key], (*path, key), spelled)
        for former, key in zip(gone, come, strict=False):
            yield self._replaced(node, former, {key: new[key]}, (*path, key), spelled)
        paired = min(len(gone), len(come))
        entries = [(key.start_mark.index, self._end(key, value)) for key, value in node.value]
        yield from self._taken(node, entries, {node.value.index(_entry(node, key)) for key in gone[paired:]})
        if come := come[paired:]:
            added = [self._lines({key: new[key]}, spelled.get((*path, key)), node) for key in come]
            last_key, last = node.value[-1]
            yield self._appended(node, last_key, last, added)

    def _altered(
        self, node: MappingNode, key: str, old: Any, new: Any, path: Path, spelled: Mapping[Path, str]
    ) -> Iterator[_Change]:
        value = _entry(node, key)[1]
        alike = isinstance(old, dict) and isinstance(new, dict), isinstance(old, list) and isinstance(new, list)
        if path not in spelled and any(alike) and old and new:
            yield from self.changes(value, old, new, path, spelled)
        else:
            yield self._replaced(node, key, {key: new}, path, spelled)

    def _replaced(
        self, node: MappingNode, former: str, entry: dict[str, Any], path: Path, spelled: Mapping[Path, str]
    ) -> _Change:
        key, value = _entry(node, former)
        self._alone(value)
        start, end = key.start_mark.index, self._end(key, value)
        if (text := spelled.get(path)) is None:
            text = self._set_in(self._lines(entry, None, node), key.start_mark.column).lstrip(" ")
            text = text.removesuffix(self._break)
        return start, end - start, text

    def _sequence(
        self, node: SequenceNode, old: list[Any], new: list[Any], path: Path, spelled: Mapping[Path, str]
    ) -> Iterator[_Change]:
        """Items are known by their names: those that stay keep their order, others come before or behind them all."""
        names = [_name(item) for item in old]
        staying = [name for name in map(_name, new) if name in names]
        if len(set(names)) < len(names) or [name for name in names if name in staying] != staying or not staying:
            raise Unplaced("is another list altogether")
        first, last = (list(map(_name, new)).index(staying[at]) for at in (0, -1))
        if last - first + 1 != len(staying):
            raise Unplaced("is another list altogether")
        for at, name in enumerate(staying, first):
            where = names.index(name)
            if new[at] != old[where]:
                yield from self.changes(node.value[where], old[where], new[at], (*path, where), spelled)
        starts = [self._dash(node, item) for item in node.value]
        entries = [(start, self._end(None, item)) for start, item in zip(starts, node.value, strict=True)]
        yield from self._taken(node, entries, {at for at, name in enumerate(names) if name not in staying})
        if before := [self._item(item, node) for item in new[:first]]:
            yield self._prefixed(node, before)
        if behind := [self._item(item, node) for item in new[last + 1 :]]:
            yield self._appended(node, None, node.value[-1], behind)

    def _lines(self, entry: dict[str, Any], spelled: str | None, node: CollectionNode) -> list[str]:
        if spelled is not None:
            return spelled.split(self._break)
        if node.flow_style:
            return [flow(entry, json=self._json)[1:-1]]
        return write.yaml(entry).splitlines()

    def _item(self, item: Any, node: CollectionNode) -> list[str]:
        if node.flow_style:
            return [flow(item, json=self._json)]
        return write.yaml({"-": [item]}).splitlines()[1:]

    def _appended(self, node: CollectionNode, key: Node | None, last: Node, added: list[list[str]]) -> _Change:
        end = self._end(key, last)
        if node.flow_style:
            between = self._between(node)
            return end, 0, "".join(f",{between}{text}" for [text] in added)
        at = self._next_line(end)
        while (match := re.compile(r"( *)#[^\n]*(?:\n|\Z)").match(self._text, at)) and len(
            match[1]
        ) > node.start_mark.column:
            at = match.end()
        put = "".join(self._set_in(lines, node.start_mark.column) for lines in added)
        if at and self._text[at - 1] != "\n":
            put = self._break + put.removesuffix(self._break)
        return at, 0, put

    def _prefixed(self, node: SequenceNode, added: list[list[str]]) -> _Change:
        if node.flow_style:
            between = self._between(node)
            return node.value[0].start_mark.index, 0, "".join(f"{text},{between}" for [text] in added)
        at = self._text.rfind("\n", 0, node.start_mark.index) + 1
        if self._text[at : node.start_mark.index].strip():
            raise Unplaced("begins in the middle of a line")
        return at, 0, "".join(self._set_in(lines, node.start_mark.column) for lines in added)

    def _between(self, node: CollectionNode) -> str:
        """What parts the entries of a flow collection: a space, or a new line where the first one is on its own."""
        first = node.value[0][0] if isinstance(node, MappingNode) else node.value[0]
        line = self._text.rfind("\n", 0, first.start_mark.index) + 1
        lead = self._text[line : first.start_mark.index]
        return f"{self._break}{lead}" if line > node.start_mark.index and not lead.strip() else " "

    def _taken(self, node: CollectionNode, entries: list[tuple[int, int]], gone: set[int]) -> Iterator[_Change]:
        """Less entries, without what parts them from those before them, or from those behind where they are first."""
        for first in sorted(at for at in gone if at - 1 not in gone):
            last = next(at for at in range(first, len(entries)) if at + 1 not in gone)
            start, end = entries[first][0], entries[last][1]
            if not node.flow_style:
                start, end = self._whole_lines(start, end)
            elif first:
                start = entries[first - 1][1]
            elif last + 1 < len(entries):
                end = entries[last + 1][0]
            yield start, end - start, ""

    def _whole_lines(self, start: int, end: int) -> tuple[int, int]:
        line, after = self._text.rfind("\n", 0, start) + 1, self._next_line(end)
        if self._text[line:start].strip():
            raise Unplaced("begins in the middle of a line")
        if after == len(self._text) and not self._text.endswith("\n") and line:
            line -= len(self._break)
        return line, after

    def _set_in(self, lines: list[str], column: int) -> str:
        return "".join(f"{' ' * column}{line}{self._break}" for line in lines)

    def _next_line(self, at: int) -> int:
        if at and self._text[at - 1] == "\n":
            return at
        found = self._text.find("\n", at)
        return len(self._text) if found < 0 else found + 1

    def _dash(self, node: SequenceNode, item: Node) -> int:
        if node.flow_style:
            return int(item.start_mark.index)
        return self._text.rindex("-", 0, item.start_mark.index + 1)

    def _end(self, key: Node | None, node: Node) -> int:
        """Where the last thing in an entry ends, remarks and empty lines behind it left out."""
        while isinstance(node, CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            key, node = last if isinstance(last, tuple) else (None, last)
        if key is not None and node.start_mark.index == node.end_mark.index:
            return int(key.end_mark.index) + 1
        return int(node.end_mark.index)

    def _alone(self, node: Node) -> None:
        if self._uses[id(node)] > 1:
            raise Unplaced("is shared with other places by an anchor")

    def _count(self, root: Node | None) -> None:
        left = [root] if root is not None else []
        while left:
            node = left.pop()
            self._uses[id(node)] += 1
            if self._uses[id(node)] == 1 and isinstance(node, CollectionNode):
                for child in node.value:
                    left += child if isinstance(child, tuple) else [child]


def _entry(node: Any, key: str | int) -> tuple[Node, Node]:
    if isinstance(node, MappingNode):
        for entry in reversed(node.value):
            if entry[0].value == key:
                return entry  # type: ignore[no-any-return]  # yaml has no types here
    raise Unplaced("is merged from elsewhere")


def _name(item: Any) -> str:
    return str(item["name"]) if isinstance(item, dict) and "name" in item else flow(item)


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    if isinstance(value, list):
        return [_with(item, path[1:], new) if at == path[0] else item for at, item in enumerate(value)]
    return {**value, path[0]: _with(value[path[0]], path[1:], new)}
