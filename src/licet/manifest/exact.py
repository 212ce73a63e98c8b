"""The exact path: one document to the value that kubectl would have, whatever YAML it uses.

libyaml's parser gives the events, and what they mean is decided here by the rules of goyaml v2, the library
inside kubectl (its decode.go): typed keys become strings, the last of two equal keys wins, a merge overrides
what stands before it and yields to what comes after it. Nothing here recurses, and depth, nodes and what
aliases multiply are bounded while the events come in, so that no document can exhaust the stack or the memory.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

import msgspec
from yaml import (
    AliasEvent,
    DocumentEndEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
    YAMLError,
)
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.error import MarkedYAMLError
from yaml.reader import ReaderError

from licet.manifest import scalars
from licet.manifest.bounds import DEPTH, EXPANDED, NODES

BOM: Final = b"\xef\xbb\xbf"
UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
MERGE: Final = None
"""The key of a merge."""


class Broken(Exception):
    """A document that cannot be read: what is wrong and where, line and column counted from 0 in the document."""

    def __init__(
        self, kind: str, problem: str, line: int, column: int, context: str = "", context_line: int = 0
    ) -> None:
        super().__init__(problem)
        self.kind = kind
        self.problem = problem
        self.line = line
        self.column = column
        self.context = context
        self.context_line = context_line


class Repeat(msgspec.Struct, frozen=True):
    """A key that its mapping has already. Lines and columns count from 0 in the document."""

    key: str
    mapping: tuple[int, int]
    """Where the mapping starts."""
    line: int
    column: int
    end_column: int


class Built(msgspec.Struct, frozen=True):
    """A document's value, and what in it deserves a word though kubectl takes it."""

    value: Any
    repeats: tuple[Repeat, ...] = ()
    trailing: int | None = None
    """The line, counted from 0, of text after the document's end, which kubectl never reads."""


class _Frame:
    """An open mapping or sequence."""

    __slots__ = ("anchor", "before", "event", "flow", "height", "key", "merged", "merging", "value")

    def __init__(self, value: Any, event: Any, before: int) -> None:
        self.value = value
        self.event = event
        self.anchor = event.anchor
        self.flow = event.flow_style
        self.before = before
        self.height = 1
        self.key: str | None = None
        self.merging = False
        self.merged: set[str] | None = None


class _Anchored(msgspec.Struct, frozen=True):
    value: Any
    nodes: int
    height: int


def build(data: bytes) -> Built:
    """What kubectl makes of one document (the bytes between two separators). Raises Broken."""
    data = data.removeprefix(BOM).replace(b"\r\n", b"\n")
    if not data.endswith(b"\n"):
        data += b"\n"  # kubectl reads by lines, and ends each
    if data.startswith(UTF16):
        raise Broken("encoding", "it is in UTF-16", 0, 0)
    if (mark := _INNER_BOM.search(data)) is not None:
        line = data.count(b"\n", 0, mark.start(1))
        raise Broken("encoding", "a byte order mark stands in the middle of the document", line, 0)
    try:
        return _Builder(data).build()
    except MarkedYAMLError as error:
        raise _broken(error, data) from None
    except ReaderError as error:
        raise _unreadable(error, data) from None
    except scalars.Unfit as error:  # pragma: no cover - every raiser is wrapped with its place
        raise Broken("invalid", str(error), 0, 0) from None
    except YAMLError as error:  # pragma: no cover - the C parser raises the two above
        raise Broken("invalid", str(error), 0, 0) from None


class _Builder:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.next = CParser(data).get_event
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Anchored | None] = {}
        self.repeats: list[Repeat] = []
        self.nodes = 1
        self.expanded = 0
        self.root: Any = None
        self.bare_tags = _BARE_TAG.search(data) is not None
        self.slashes = b"\\/" in data
        self.text: str | None = None

    def build(self) -> Built:
        self.next()  # the stream's start
        if type(self.next()) is StreamEndEvent:
            return Built(None)
        while True:
            event = self.next()
            kind = type(event)
            if kind is ScalarEvent:
                self.scalar(event)
            elif kind is MappingStartEvent:
                self.open(event, {})
            elif kind is SequenceStartEvent:
                self.open(event, [])
            elif kind is AliasEvent:
                self.alias(event)
            elif kind is DocumentEndEvent:
                return Built(self.root, tuple(self.repeats), self.trailing(event))
            else:
                self.close()

    def scalar(self, event: Any) -> None:
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.key is None and type(frame.value) is dict and not frame.merging:
            self.scalar_key(frame, event)
            return
        self.nodes += 1
        if self.nodes > NODES:
            self.too_many(event)
        text: str = event.value
        try:
            if event.tag is not None:
                value = scalars.narrow(scalars.tagged(event.tag, text))
            elif event.implicit[0] and (not text or text[0] in scalars.PLAIN_STARTS) and not self.is_bare(event):
                value = scalars.resolve(text)
            else:
                value = text
        except scalars.Unfit as error:
            self.fail(event, f"`{_shown(text)}` {error}")
        self.check_newer(frame, event)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, 1, 0)
        self.put(value, event)

    def scalar_key(self, frame: _Frame, event: Any) -> None:
        text: str = event.value
        if text == "<<" and (event.implicit[0] or event.tag == scalars.MERGE_TAG):
            frame.merging = True
            if event.anchor is not None:
                self.anchors[event.anchor] = _Anchored(text, 1, 0)
            return
        self.nodes += 1
        try:
            if event.tag is not None:
                typed = scalars.tagged(event.tag, text)
                key = scalars.key(typed)
                value = scalars.narrow(typed) if event.anchor is not None else None
            elif event.implicit[0] and (not text or text[0] in scalars.PLAIN_STARTS) and not self.is_bare(event):
                key = scalars.resolve_key(text)
                value = scalars.resolve(text) if event.anchor is not None else None
            else:
                value = key = text
        except scalars.Unfit as error:
            self.fail(event, f"`{_shown(text)}` {error}")
        self.check_newer(frame, event)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, 1, 0)
        self.begin(frame, key, event)

    def begin(self, frame: _Frame, key: str, event: Any) -> None:
        """Opens the place of a key's value."""
        frame.key = key
        if key not in frame.value:
            return
        if frame.merged is not None and key in frame.merged:
            frame.merged.discard(key)
            return
        if len(self.repeats) == _REPEATS:
            return
        start, end = event.start_mark, event.end_mark
        mapping = frame.event.start_mark
        column = end.column if end.line == start.line else start.column + 1
        self.repeats.append(Repeat(key, (mapping.line, mapping.column), start.line, start.column, column))

    def open(self, event: Any, value: Any) -> None:
        self.nodes += 1
        if self.nodes > NODES:
            self.too_many(event)
        if self.stack:
            frame = self.stack[-1]
            if type(frame.value) is dict and frame.key is None and not frame.merging:
                self.fail(event, "a mapping's key is a mapping or a list, which JSON cannot hold")
            if len(self.stack) >= DEPTH:
                self.too_deep(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.stack.append(_Frame(value, event, self.nodes - 1))

    def close(self) -> None:
        frame = self.stack.pop()
        if frame.anchor is not None:
            self.anchors[frame.anchor] = _Anchored(frame.value, self.nodes - frame.before, frame.height)
        if self.stack:
            outer = self.stack[-1]
            outer.height = max(outer.height, frame.height + 1)
        self.put(frame.value, frame.event)

    def alias(self, event: Any) -> None:
        name = event.anchor
        if name not in self.anchors:
            self.fail(event, f"there is no anchor `&{_shown(name)}` before this alias")
        target = self.anchors[name]
        if target is None:
            raise Broken("cyclic", f"`*{_shown(name)}` stands inside what it refers to", *_at(event))
        self.nodes += 1 + target.nodes
        self.expanded += target.nodes
        self.check_expansion(event)
        if self.stack:
            frame = self.stack[-1]
            if len(self.stack) + target.height > DEPTH:
                self.too_deep(event)
            frame.height = max(frame.height, target.height + 1)
            if type(frame.value) is dict and frame.key is None and not frame.merging:
                self.alias_key(frame, target, event)
                return
        self.put(target.value, event)

    def alias_key(self, frame: _Frame, target: _Anchored, event: Any) -> None:
        if isinstance(target.value, (dict, list)):
            self.fail(event, "a mapping's key is a mapping or a list, which JSON cannot hold")
        try:
            key = scalars.key(target.value)
        except scalars.Unfit as error:
            self.fail(event, f"`*{_shown(event.anchor)}` {error}")
        self.begin(frame, key, event)

    def put(self, value: Any, event: Any) -> None:
        """Places a finished value in what is open."""
        if not self.stack:
            self.root = value
            return
        frame = self.stack[-1]
        if type(frame.value) is list:
            frame.value.append(value)
        elif frame.merging:
            self.merge(frame, value, event)
        else:
            frame.value[frame.key] = value
            frame.key = None

    def merge(self, frame: _Frame, value: Any, event: Any) -> None:
        frame.merging = False
        sources = [value]
        if type(value) is list and type(event) is SequenceStartEvent:
            sources = value[::-1]  # the first of a list wins
        if frame.merged is None:
            frame.merged = set()
        for source in sources:
            if type(source) is not dict:
                self.fail(event, "`<<` merges a mapping or a list of mappings, and this is neither")
            frame.merged.update(source.keys() - frame.value.keys())
            frame.value.update(source)

    def check_expansion(self, event: Any) -> None:
        """The bound of goyaml on what aliases multiply, and ours."""
        if self.nodes > EXPANDED:
            raise Broken("expands", "its aliases expand to more than a million nodes", *_at(event))
        if self.expanded > 100 and self.nodes > 1000 and self.expanded / self.nodes > _allowed_ratio(self.nodes):
            raise Broken("expands", "nearly all of it comes from aliases, more than kubectl takes", *_at(event))

    def is_bare(self, event: Any) -> bool:
        """Whether the scalar has the tag `!`, which libyaml drops and goyaml takes for a string."""
        return self.bare_tags and _BARE_TAGGED.match(self.source(event)) is not None

    def source(self, event: Any) -> str:
        """The text that an event stands for."""
        if self.text is None:
            self.text = self.data.decode(errors="replace")
        return self.text[event.start_mark.index : event.end_mark.index]

    def trailing(self, event: Any) -> int | None:
        """The line of the first text after the document's end."""
        index = event.end_mark.index
        if index >= len(self.data):
            return None
        text = self.data.decode(errors="replace")
        match = _SUBSTANCE.search(text[index:])
        return None if match is None else text.count("\n", 0, index + match.start(1))

    def check_newer(self, frame: _Frame | None, event: Any) -> None:
        """Refuses what this libyaml has learnt since the version that goyaml was made from."""
        if frame is not None and frame.flow and not event.style and "?" in event.value:
            self.fail(event, "`?` between brackets starts a key for kubectl; quote the text that has it")
        if self.slashes and event.style == '"' and _ESCAPED_SLASH.search(self.source(event)):
            self.fail(event, "kubectl does not know the escape `\\/`; leave out the backslash")

    def too_deep(self, event: Any) -> NoReturn:
        raise Broken("deep", f"it is nested more than {DEPTH} levels deep", *_at(event))

    def too_many(self, event: Any) -> NoReturn:
        raise Broken("nodes", f"it has more than {NODES:,} nodes", *_at(event))

    def fail(self, event: Event, problem: str) -> NoReturn:
        raise Broken("invalid", problem, *_at(event))


def key_of(event: Any) -> str | None:
    """The string that a scalar in a key's place is, or MERGE. Raises Unfit."""
    if event.value == "<<" and (event.implicit[0] or event.tag == scalars.MERGE_TAG):
        return MERGE
    if event.tag is not None:
        return scalars.key(scalars.tagged(event.tag, event.value))
    return scalars.resolve_key(event.value) if event.implicit[0] else str(event.value)


_INNER_BOM = re.compile(rb"(?:\A|[\r\n]|\xc2\x85|\xe2\x80[\xa8\xa9])(\xef\xbb\xbf)")
_REPEATS = 100
"""How many repeated keys of one document are told."""
_BARE_TAG = re.compile(rb"!\s")
_BARE_TAGGED = re.compile(r"(?:&\S+\s+)?!(?:\s|$)")
_ESCAPED_SLASH = re.compile(r"(?<!\\)(?:\\\\)*\\/")
_SUBSTANCE = re.compile(r"^(?!\.\.\.\s*$)[ \t]*([^#\s].*)$", re.M)


def _allowed_ratio(nodes: int) -> float:
    """`allowedAliasRatio` of goyaml v2."""
    low, high = 400_000, 4_000_000
    if nodes <= low:
        return 0.99
    return 0.10 if nodes >= high else 0.99 - 0.89 * ((nodes - low) / (high - low))


def _at(event: Any) -> tuple[int, int]:
    return event.start_mark.line, event.start_mark.column


def _shown(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def _broken(error: MarkedYAMLError, data: bytes) -> Broken:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    context_line = error.context_mark.line if error.context_mark else line
    problem = error.problem or "it cannot be parsed"
    if "cannot start any token" in problem:
        text = data.decode(errors="replace")[mark.index : mark.index + 1] if mark else ""
        problem = "a tab stands where only spaces may" if text == "\t" else f"`{text}` cannot start a value"
    return Broken("invalid", problem.replace("'", "`"), line, column, error.context or "", context_line)


def _unreadable(error: ReaderError, data: bytes) -> Broken:
    before = data[: error.position]
    line = before.count(b"\n")
    column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace"))
    return Broken("encoding", str(error.reason), line, column)
