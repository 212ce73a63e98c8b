"""Additions to a document's text that leave every other byte as it was: an item of a list, a key of a mapping.

What is added is given as lines of block YAML, comments first, set in as deep as its place asks for; where the
surroundings are written in flow style it takes that style. Every addition is read back before it is handed out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import yaml
from yaml import CollectionNode, MappingNode, Node, SequenceNode, YAMLError

from licet.diag.place import Origin, Path
from licet.manifest import exact
from licet.manifest.flow import flow

_STEP = 2
_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"


class Unplaced(Exception):
    """The text gives no place to add at; the message says why, in words that follow the name of the field."""


def insert_item(data: bytes, origin: Origin, path: Path, lines: Sequence[str]) -> bytes:
    """The text with one item more at the end of the list at `path`, which is made where it is missing or empty.

    `lines` are those of the item in a block list: `- name: x` and what follows, comments before it. Raises Unplaced.
    """
    editor = _Editor(data, origin)
    parents, node = editor.find(path)
    added = _value(lines)[0]
    if node is None:
        return insert_key(data, origin, path[:-1], [f"{path[-1]}:", *lines])
    if isinstance(node, SequenceNode) and node.value:
        changes = editor.after_items(node, parents, lines, added)
    elif isinstance(node, SequenceNode) or node.tag == _NULL:
        changes = editor.into_empty(node, parents, lines, added)
    else:
        raise Unplaced("is no list")
    return editor.changed(changes, path, lambda value: [*(value or []), added])


def insert_key(data: bytes, origin: Origin, path: Path, lines: Sequence[str]) -> bytes:
    """The text with one key more at the end of the mapping at `path`: `key: value` and what follows, comments first.

    Raises Unplaced, also where the mapping has the key or merges others, which might.
    """
    editor = _Editor(data, origin)
    parents, node = editor.find(path)
    added: dict[str, Any] = _value(lines)
    if not isinstance(node, MappingNode) or not node.value:
        raise Unplaced("is no mapping with anything in it")
    if any(key.tag == _MERGE or key.value in added for key, _ in node.value):
        raise Unplaced("has the field, or merges what may have it")
    changes = editor.after_entries(node, parents, lines, added)
    return editor.changed(changes, path, lambda value: {**value, **added})


def _value(lines: Sequence[str]) -> Any:
    return exact.build("\n".join([*lines, ""]).encode()).value


class _Editor:
    """One document of a text, and additions to it as (offset, length to take out, text to put in)."""

    def __init__(self, data: bytes, origin: Origin) -> None:
        self._data = data
        self._origin = origin
        piece = data[origin.offset : origin.offset + origin.length]
        self._lead = len(exact.BOM) if piece.startswith(exact.BOM) else 0
        try:
            self._text = piece[self._lead :].decode()
            loader = yaml.CSafeLoader(self._text)
            self._root: Node | None = loader.get_single_node()
        except (UnicodeDecodeError, YAMLError) as problem:
            raise Unplaced("cannot be read") from problem
        self._break = "\r\n" if "\r\n" in self._text else "\n"
        self._json = self._text.lstrip().startswith("{")
        self._uses: Counter[int] = Counter()
        self._count(self._root)

    def find(self, path: Path) -> tuple[list[Node], Node | None]:
        """The nodes from the root to the parent of what is at the path, and that; None where only it is missing."""
        parents: list[Node] = []
        node = self._root
        steps = (*self._origin.path, *path)
        for at, step in enumerate(steps):
            if node is None:
                raise Unplaced("has nothing above it")
            if self._uses[id(node)] > 1:
                raise Unplaced("is shared with other places by an anchor")
            parents.append(node)
            node = _child(node, step)
            if node is None and at < len(steps) - 1:
                raise Unplaced("has nothing above it")
        if node is not None and self._uses[id(node)] > 1:
            raise Unplaced("is shared with other places by an anchor")
        return parents, node

    def after_items(
        self, node: SequenceNode, parents: list[Node], lines: Sequence[str], added: Any
    ) -> list[tuple[int, int, str]]:
        if node.flow_style:
            return self._inflow(node, node.value[-1], parents, lines, flow(added, json=self._json))
        return [self._block(_last(node), node.start_mark.column, lines)]

    def into_empty(
        self, node: Node, parents: list[Node], lines: Sequence[str], added: Any
    ) -> list[tuple[int, int, str]]:
        start, end = node.start_mark.index, node.end_mark.index
        if any(isinstance(parent, CollectionNode) and parent.flow_style for parent in parents) or self._json:
            return [(start, end - start, f"[{flow(added, json=self._json)}]")]
        key = next(key for key, value in parents[-1].value if value is node)
        if start == end:
            return [self._block(key.end_mark.index + 1, key.start_mark.column, lines)]
        lead = len(self._text[:start]) - len(self._text[:start].rstrip(" "))
        after = self._block(end, key.start_mark.column, lines)
        return [(start - lead, end - start + lead, ""), after]

    def after_entries(
        self, node: MappingNode, parents: list[Node], lines: Sequence[str], added: dict[str, Any]
    ) -> list[tuple[int, int, str]]:
        if node.flow_style:
            entries = flow(added, json=self._json)[1:-1]
            return self._inflow(node, node.value[-1][1], parents, lines, entries)
        return [self._block(_last(node), node.start_mark.column, lines)]

    def changed(self, changes: list[tuple[int, int, str]], path: Path, expected: Any) -> bytes:
        """The whole text with the changes, after it was read back and found to mean what it should."""
        text, at = "", 0
        for start, length, put in sorted(changes, key=lambda change: change[0]):
            text += self._text[at:start] + put
            at = start + length
        text += self._text[at:]
        before = exact.build(self._text.encode()).value
        wanted = _with(before, (*self._origin.path, *path), expected)
        try:
            found = exact.build(text.encode()).value
        except exact.Broken as problem:
            raise Unplaced("stands where nothing can be added") from problem
        if found != wanted:
            raise Unplaced("stands where nothing can be added")
        start = self._origin.offset + self._lead
        end = self._origin.offset + self._origin.length
        return self._data[:start] + text.encode() + self._data[end:]

    def _block(self, after: int, column: int, lines: Sequence[str]) -> tuple[int, int, str]:
        """Lines put in behind the line in which what stands before them ends, and behind remarks that belong to it."""
        text = self._text
        at = after
        if after and text[after - 1] == "\n":
            at = after  # a block scalar ends where the next line begins
        else:
            found = text.find("\n", after)
            at = len(text) if found < 0 else found + 1
        while (match := re.compile(r"( *)#[^\n]*(?:\n|\Z)").match(text, at)) and len(match[1]) > column:
            at = match.end()
        put = "".join(" " * column + line + self._break for line in lines)
        if at and text[at - 1] != "\n":
            put = self._break + put.removesuffix(self._break)
        return at, 0, put

    def _inflow(
        self, node: Node, last: Node, parents: list[Node], lines: Sequence[str], added: str
    ) -> list[tuple[int, int, str]]:
        """A piece put in before the closing bracket, with a comma behind what stands before it where there is none."""
        end, close = last.end_mark.index, node.end_mark.index - 1
        between = self._text[end:close]
        comma = re.sub(r"#[^\n]*", "", between).strip().startswith(",")
        changes = [] if comma else [(end, 0, ",")]
        remarks = [] if self._json else [line.strip() for line in lines if line.lstrip().startswith("#")]
        indent = " " * self._indent(node, parents)
        own_line = self._text.rfind("\n", 0, close) + 1
        if "\n" in between and not self._text[own_line:close].strip():
            put = "".join(f"{indent}{line}{self._break}" for line in (*remarks, added))
            return [*changes, (own_line, 0, put)]
        if not remarks:
            put = added if between.endswith(" ") else f" {added}"
            return [*changes, (close, 0, put)]
        put = "".join(f"{self._break}{indent}{line}" for line in (*remarks, added))
        return [*changes, (close, 0, put)]

    def _indent(self, node: Node, parents: list[Node]) -> int:
        """How far lines inside a flow collection are set in: as its first line that stands alone, or a step more."""
        for child in node.value:
            first = child[0] if isinstance(child, tuple) else child
            start = first.start_mark.index
            line = self._text.rfind("\n", 0, start) + 1
            if line > node.start_mark.index and not self._text[line:start].strip():
                return int(first.start_mark.column)
        line = self._text.rfind("\n", 0, node.start_mark.index) + 1
        text = self._text[line:]
        blocks = [p.start_mark.column for p in parents if isinstance(p, CollectionNode) and not p.flow_style]
        return max([len(text) - len(text.lstrip(" ")), *blocks]) + _STEP

    def _count(self, root: Node | None) -> None:
        left = [root] if root is not None else []
        while left:
            node = left.pop()
            self._uses[id(node)] += 1
            if self._uses[id(node)] == 1 and isinstance(node, CollectionNode):
                for child in node.value:
                    left += child if isinstance(child, tuple) else [child]


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(node, SequenceNode) and isinstance(step, int):
        return node.value[step] if 0 <= step < len(node.value) else None
    if isinstance(node, MappingNode):
        return next((value for key, value in reversed(node.value) if key.value == step), None)
    return None


def _last(node: Node) -> int:
    """Where the last thing in a node ends, remarks and empty lines behind it left out."""
    while isinstance(node, CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        key, node = last if isinstance(last, tuple) else (None, last)
        if key is not None and node.start_mark.index == node.end_mark.index:
            return int(key.end_mark.index) + 1
    return int(node.end_mark.index)


def _with(value: Any, path: Path, change: Any) -> Any:
    if not path:
        return change(value)
    if isinstance(value, list):
        return [_with(item, path[1:], change) if at == path[0] else item for at, item in enumerate(value)]
    return {**value, path[0]: _with(value.get(path[0]), path[1:], change)}
