"""The fast path: documents in the plain style that nearly every manifest is written in, read line by line.

It knows block mappings and lists, scalars that begin and end on their line, flow collections that do too, and
block scalars. A line or an indentation outside of that makes it give up, and the exact path reads the document:
it never guesses, and what it reads is what the exact path would have read. Scalars go through the same rules.

Manifests repeat their lines, so a line is taken apart once and remembered; documents then share the strings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from licet.manifest import exact, scalars
from licet.manifest.bounds import NODES

UNSURE: Final = object()
"""Stands for a document that the exact path has to read."""

_DEPTH = 100
_REMEMBERED = 1 << 16
_REMEMBERED_LENGTH = 200
_FLOW_LENGTH = 512

_KEY = r"""(?P<key>[A-Za-z_/.][A-Za-z0-9_./-]{0,200}|[0-9][A-Za-z0-9_./-]{0,200}|"[^"\\]{0,200}"|'[^']{0,200}')"""
_ESCAPE = r"""\\(?:["\\nrtbf]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})"""
_VALUE = rf"""(?:
    (?P<plain>(?:[^\s\-?:,\[\]{{}}#&*!|>'"%@`]|-(?=[^\s]))(?:[^\s:]|:(?=[^\s])|\ +(?=[^\s#]))*+)
    |"(?P<simple>[^"\\]*)"
    |(?P<double>"(?:[^"\\]|{_ESCAPE})*")
    |'(?P<single>(?:[^']|'')*)'
    |(?P<flow>[\[{{].*[\]}}])
    |(?P<block>[|>][-+]?)
)"""
_ITEM = _VALUE.replace("(?P<", "(?P<_")
_LINE = re.compile(
    rf"(?P<indent>\ *)(?P<dashes>(?:-\ +)*)(?:{_KEY}:(?:\ +{_VALUE})?|{_ITEM})\ *(?:\ \#.*)?", re.VERBOSE
)
_SCALAR = re.compile(rf"\ *{_VALUE}\ *(?:\ \#.*)?", re.VERBOSE)
_IGNORED = re.compile(r" *(?:#.*)?")
_START = re.compile(r"---[ ]*(?: #.*)?")
_FOLD = re.compile(r"\n(\n*)")
_EMPTY = ("{}", "[]")

_NOTHING: Any = None
Token: TypeAlias = tuple[int, tuple[int, ...], int, str | None, Any]
"""Indentation, columns of the dashes, column of what follows them, the key or None, the value or one of these."""
NESTED: Final = object()
_BLOCKS: Final = {style: object() for style in ("|", "|-", "|+", ">", ">-", ">+")}
_STYLES: Final = {mark: style for style, mark in _BLOCKS.items()}
SKIPPED: Final[Token] = (-1, (), -1, None, None)


class Lines:
    """Reads documents and remembers the lines of those before."""

    def __init__(self) -> None:
        self.known: dict[str, Token] = {}

    def read(self, data: bytes) -> Any:
        """The document's value, or UNSURE."""
        lines = self.split(data)
        return UNSURE if lines is None else self.build(lines)

    def split(self, data: bytes) -> list[str] | None:
        """The document's lines, or None where it is nothing for this path."""
        if len(data) > NODES and _most_nodes(data) > NODES:
            return None
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        try:
            lines = data.decode().split("\n")
        except UnicodeDecodeError:
            return None
        if not lines[-1]:
            lines.pop()
        if lines and lines[0].startswith("---"):
            if not _START.fullmatch(lines[0]) or not lines[0].isprintable():
                return None
            lines[0] = ""
        return lines

    def build(self, lines: Sequence[Any], tokens: Mapping[Any, Token] | None = None) -> Any:
        """What the lines say, or UNSURE; `tokens` has what each of them says, where that is known."""
        known = self.known if tokens is None else tokens
        levels: list[tuple[int, Any]] = []
        """The open collections with their columns; a list may stand in the column of its mapping. The loop is in one
        piece because a call for every line would show in the time."""
        column, top = -1, _NOTHING
        root: Any = None
        pending: str | None = None
        index, count = 0, len(lines)
        while index < count:
            line = lines[index]
            index += 1
            token = known.get(line)
            if token is None:
                token = self.token(line)
                if token is None:
                    return UNSURE
            indent, dashes, inner, key, value = token
            if indent < 0:
                continue
            if pending is not None:
                if indent > column or (indent == column and dashes):
                    below: Any = [] if dashes else {}
                    top[pending] = below
                    levels.append((indent, below))
                    column, top = indent, below
                    if len(levels) > _DEPTH:
                        return UNSURE
                else:
                    top[pending] = None
                pending = None
            elif root is None:
                root = top = [] if dashes else {}
                column = indent
                levels.append((column, top))
            while column > indent:
                levels.pop()
                if not levels:
                    return UNSURE
                column, top = levels[-1]
            if column != indent:
                return UNSURE
            if dashes:
                if type(top) is not list:
                    return UNSURE
                for dash in dashes[1:]:
                    below = []
                    top.append(below)
                    levels.append((dash, below))
                    column, top = dash, below
                if len(levels) > _DEPTH:
                    return UNSURE
                if key is None:
                    if type(value) is object:
                        value, index = _block(lines, index, column, value)
                        if value is None:
                            return UNSURE
                    top.append(value)
                    continue
                below = {}
                top.append(below)
                levels.append((inner, below))
                column, top = inner, below
            else:
                if type(top) is list:
                    levels.pop()
                    if not levels:
                        return UNSURE
                    column, top = levels[-1]
                    if column != indent:
                        return UNSURE
                if key is None or key in top:
                    return UNSURE
            if type(value) is object:
                if value is NESTED:
                    pending = key
                    continue
                value, index = _block(lines, index, column, value)
                if value is None:
                    return UNSURE
            top[key] = value
        if pending is not None:
            top[pending] = None
        return root

    def token(self, line: str) -> Token | None:
        """What a line says, or None where it is none that this path knows."""
        if (known := self.known.get(line)) is not None:
            return known
        if not line.isprintable():
            return None
        if _IGNORED.fullmatch(line):
            token = SKIPPED
        else:
            match = _LINE.fullmatch(line)
            if match is None:
                return None
            try:
                token = _token(match)
            except _FAULTS:
                return None
        if len(line) <= _REMEMBERED_LENGTH:
            if len(self.known) >= _REMEMBERED:
                self.known.clear()
            self.known[line] = token
        return token

    def scalar(self, text: str) -> Any:
        """What a line says behind a key, its colon and one blank; UNSURE where this path does not know."""
        match = _SCALAR.fullmatch(text) if text.isprintable() else None
        if match is None:
            return UNSURE
        try:
            return _value(str(match.lastgroup), match[str(match.lastgroup)])
        except _FAULTS:
            return UNSURE


class _Unclear(Exception):
    """A line that only the exact path can tell."""


_FAULTS = (scalars.Unfit, exact.Broken, _Unclear)


def _token(match: re.Match[str]) -> Token:
    indent = match.end("indent")
    dashes = tuple(indent + at for at, character in enumerate(match["dashes"]) if character == "-")
    inner = match.end("dashes")
    name, form = match["key"], str(match.lastgroup)
    value = _value(form.removeprefix("_"), match[form])
    if name is None:
        if not dashes:
            raise _Unclear
        return indent, dashes, inner, None, value
    return indent, dashes, inner, name[1:-1] if name[0] in "\"'" else scalars.resolve_key(name), value


def _value(form: str, text: str) -> Any:
    """The value that a line has in one of the forms; `NESTED` where it ends with its key."""
    match form:
        case "plain":
            return scalars.resolve(text)
        case "simple":
            return text
        case "double":
            return msgspec.json.decode(text)
        case "single":
            return text.replace("''", "'")
        case "flow":
            return _flow(text)
        case "block":
            return _BLOCKS[text]
    return NESTED


def _flow(text: str) -> Any:
    """A flow collection, closed where the text ends: its meaning does not hang on what stands around it."""
    if text in _EMPTY:
        return {} if text == "{}" else []
    if len(text) > _FLOW_LENGTH or text.count("[") + text.count("{") > _DEPTH:
        raise _Unclear
    built = exact.build(text.encode())
    if built.repeats or built.trailing is not None:
        raise _Unclear
    return built.value


def _block(lines: Sequence[str], index: int, column: int, mark: object) -> tuple[str | None, int]:
    """The text of a block scalar whose lines begin at `index`, and where it ends; None where it is unclear."""
    end, indent, count = index, 0, len(lines)
    blanks = 0
    while end < count:
        line = lines[end]
        text = line.lstrip(" ")
        if text:
            depth = len(line) - len(text)
            if not indent:
                if depth <= column or depth < blanks:
                    return None, end
                indent = depth
            elif depth < indent:
                break
        elif not indent:
            blanks = max(blanks, len(line))
        end += 1
    if not indent:
        return None, end
    parts = [line[indent:] for line in lines[index:end]]
    if not "".join(parts).isprintable():
        return None, end
    style = _STYLES[mark]
    text = "\n".join(parts)
    body = text.rstrip("\n")
    if style[0] == ">":
        if any(part.startswith(" ") for part in parts):
            return None, end  # lines that stand deeper are not folded
        start = len(body) - len(body.lstrip("\n"))
        body = body[:start] + _FOLD.sub(_folded, body[start:])
    match style[1:]:
        case "-":
            return body, end
        case "+":
            return body + text[len(text.rstrip("\n")) :] + "\n", end
    return body + "\n", end


def _folded(breaks: re.Match[str]) -> str:
    return breaks[1] or " "


def _most_nodes(data: bytes) -> int:
    """A count that the document's nodes cannot exceed."""
    return 2 + 2 * sum(data.count(mark) for mark in (b"\n", b",", b":", b"- ", b"[", b"{"))
