"""Bytes to documents, exactly as kubectl would have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin, Path, Place, Span
from licet.diag.text import Text
from licet.manifest import exact, findings, json_stream
from licet.manifest.bounds import BYTES, exceeded
from licet.manifest.fast import UNSURE
from licet.manifest.locate import first_keys
from licet.manifest.shapes import Shapes
from licet.manifest.split import Piece, split
from licet.manifest.written import Written

_SNIFFED = 8192
_LIST = "List"
_TOLD = 100
"""Documents of one text that are told of one by one where they are no objects."""


class Document(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One object of a manifest, with text in `apiVersion` and `kind`; an item of a List is a document of its own."""

    origin: Origin
    content: dict[str, Any] | Written

    @property
    def value(self) -> dict[str, Any]:
        """All of it as plain data; parts may be shared with other documents: it is not to be changed."""
        return self.content.value if isinstance(self.content, Written) else self.content

    @property
    def api_version(self) -> str:
        """What its `apiVersion` says."""
        version: str = self.content.api_version if isinstance(self.content, Written) else self.content["apiVersion"]
        return version

    @property
    def kind(self) -> str:
        """What its `kind` says."""
        kind: str = self.content.kind if isinstance(self.content, Written) else self.content["kind"]
        return kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Document) and self.origin == other.origin and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.origin)


def read(texts: Iterable[Text]) -> tuple[list[Document], list[Diagnostic]]:
    """Every object in the texts, in order, and a finding for whatever is none."""
    documents: list[Document] = []
    diagnostics: list[Diagnostic] = []
    shapes = Shapes()
    for text in texts:
        _Reader(text, shapes, documents, diagnostics).read()
    return documents, diagnostics


class _Reader:
    """Reads one text."""

    def __init__(self, text: Text, shapes: Shapes, documents: list[Document], diagnostics: list[Diagnostic]) -> None:
        self.shapes = shapes
        self.source = text.source
        self.data = text.data
        self.documents = documents
        self.diagnostics = diagnostics
        self.templates: list[Span] = []
        self.strangers: Counter[str] = Counter()
        self.counted = (0, 0)

    def read(self) -> None:
        if self.data.startswith(exact.UTF16):
            self.diagnostics.append(findings.utf16(self.source))
        elif b"\0" in self.data[:_SNIFFED]:
            self.diagnostics.append(findings.binary(self.source))
        elif json_stream.is_json(self.data):
            self.json()
        else:
            self.yaml(0)
        if self.templates:
            self.diagnostics.append(findings.template(self.templates[0], len(self.templates) - 1))
        for code, count in self.strangers.items():
            if count > _TOLD:
                first = next(finding for finding in self.diagnostics if finding.code == code)
                self.diagnostics.append(findings.more_strangers(self.source, first, count - _TOLD))

    def yaml(self, start: int) -> None:
        for piece in split(self.data, start):
            origin = Origin(self.source, piece.offset, piece.length)
            if piece.refused:
                self.refused(piece)
            elif piece.length > BYTES:
                self.diagnostics.append(findings.too_large(Place(origin), piece.length))
            else:
                self.document(origin, self.data[piece.offset : piece.offset + piece.length])

    def document(self, origin: Origin, data: bytes) -> None:
        value = self.shapes.read(data)
        if type(value) is Written:
            self.documents.append(Document(origin, value))
            return
        if value is not UNSURE:
            self.accept(origin, value)
            return
        try:
            built = exact.build(data)
        except exact.Broken as error:
            self.broken(origin, data, error)
            return
        self.accept(origin, built.value)
        self.repeated(origin, data, built.repeats)
        if built.trailing is not None:
            line = data.split(b"\n")[built.trailing].decode(errors="replace").rstrip()
            column = len(line) - len(line.lstrip())
            self.diagnostics.append(findings.unread_rest(self.span(origin, data, built.trailing, column, len(line))))

    def json(self) -> None:
        for found in json_stream.values(self.data):
            if isinstance(found, json_stream.Unparsed):
                self.unparsed(found)
                return
            origin = Origin(self.source, found.offset, found.length)
            if found.length > BYTES:
                self.diagnostics.append(findings.too_large(Place(origin), found.length))
                continue
            if found.unfit:
                self.diagnostics.append(findings.unfit_number(Place(origin), found.unfit))
                continue
            match exceeded(found.value):
                case "deep":
                    self.diagnostics.append(findings.too_deep(Place(origin)))
                case "nodes":
                    self.diagnostics.append(findings.too_many_nodes(Place(origin)))
                case _:
                    self.accept(origin, found.value)
            if found.repeats:
                self.repeats(origin, self.data[found.offset : found.offset + found.length], found.repeats)

    def repeated(self, origin: Origin, data: bytes, repeats: Sequence[exact.Repeat]) -> None:
        if not repeats:
            return
        begin, lead = self.position(origin.offset)
        last = data.count(b"\n")  # YAML has line breaks that editors do not have
        for repeat, first in zip(repeats, first_keys(data, repeats), strict=True):
            line, shift = begin + min(repeat.line, last), lead if repeat.line == 0 else 1
            span = Span(self.source, line, repeat.column + shift, line, repeat.end_column + shift)
            self.diagnostics.append(findings.repeated_key(span, repeat.key, begin + min(first, last)))

    def repeats(self, origin: Origin, data: bytes, keys: Iterable[str]) -> None:
        """Finds keys that JSON repeats by reading it as YAML, which nearly all JSON is."""
        try:
            self.repeated(origin, data, exact.build(data).repeats)
        except exact.Broken:
            self.diagnostics.extend(findings.repeated_key(Place(origin), key, None) for key in keys)

    def unparsed(self, rest: json_stream.Unparsed) -> None:
        """Goes on as kubectl does: with YAML, unless two values and more have shown that the stream is JSON."""
        if rest.count <= 1:
            self.yaml(json_stream.resume(self.data, rest.offset))
            return
        line, column = self.position(rest.fault)
        self.diagnostics.append(findings.broken_json(Span(self.source, line, column, line, column + 1), rest.problem))

    def accept(self, origin: Origin, value: Any) -> None:
        """Takes a document's value: nothing, an object, or a list of objects."""
        if type(value) is dict:
            if "items" in value:
                self.items(origin, value)
            else:
                self.object(origin, value)
        elif value is not None and self.strange(findings.NOT_AN_OBJECT):
            self.diagnostics.append(findings.not_an_object(Place(origin), value))

    def strange(self, code: str) -> bool:
        """Counts a document that is no object; whether that is worth a finding of its own."""
        self.strangers[code] += 1
        return self.strangers[code] <= _TOLD

    def object(self, origin: Origin, value: dict[str, Any]) -> None:
        kind, version = value.get("kind"), value.get("apiVersion")
        if type(kind) is str and type(version) is str and kind and version:
            if kind != _LIST:
                self.documents.append(Document(origin, value))
        elif not kind and not version:
            if self.strange(findings.NOT_KUBERNETES):
                self.diagnostics.append(findings.not_kubernetes(Place(origin)))
        elif self.strange(findings.MISSING):
            field = "apiVersion" if type(kind) is str and kind else "kind"
            path: Path = (field,) if value.get(field) is not None else ()
            self.diagnostics.append(findings.missing(Place(origin, path), field, value.get(field)))

    def items(self, origin: Origin, value: dict[str, Any]) -> None:
        """Takes the items of a list, each with the kind and version that the list gives to those that have none."""
        items = value["items"]
        if type(value.get("kind")) is not str or not value["kind"]:
            self.object(origin, value)
            return
        if type(items) is not list:
            if items is not None:
                self.diagnostics.append(findings.bad_items(Place(origin, ("items",)), items))
            return
        given = {"apiVersion": value.get("apiVersion"), "kind": value["kind"].removesuffix(_LIST)}
        for index, item in enumerate(items):
            place = Origin(origin.source, origin.offset, origin.length, (*origin.path, "items", index))
            if type(item) is not dict:
                self.diagnostics.append(findings.bad_items(Place(place), item))
            elif not item.get("kind") and not item.get("apiVersion") and given["kind"]:
                self.accept(place, {**item, **given})
            else:
                self.accept(place, item)

    def refused(self, piece: Piece) -> None:
        line, column = self.position(piece.refused_offset)
        shown = piece.refused.decode(errors="replace").strip()
        span = Span(self.source, line, column, line, column + len(shown))
        shown = shown if len(shown) <= 40 else shown[:37] + "..."
        self.diagnostics.append(findings.refused_separator(span, shown))

    def broken(self, origin: Origin, data: bytes, error: exact.Broken) -> None:
        span = self.span(origin, data, error.line, error.column, error.column + 1)
        match error.kind:
            case "deep":
                self.diagnostics.append(findings.too_deep(span))
            case "nodes":
                self.diagnostics.append(findings.too_many_nodes(span))
            case "expands":
                self.diagnostics.append(findings.exploding(span, error.problem))
            case "cyclic":
                self.diagnostics.append(findings.cyclic(span, error.problem))
            case "encoding":
                self.diagnostics.append(findings.encoding(span, error.problem))
            case _ if b"{{" in data:
                self.templates.append(span)
            case _:
                context = error.context
                if context and error.context_line != error.line:
                    context += f" that began in line {self.line(origin) + error.context_line}"
                self.diagnostics.append(findings.broken(span, error.problem, context))

    def span(self, origin: Origin, data: bytes, line: int, column: int, end_column: int) -> Span:
        """A span of the text from lines and columns of a document, which count from 0."""
        lines = data.rstrip().count(b"\n")
        first = self.line(origin)
        if line > lines:  # at the end: point behind the last thing that stands there
            last = data.rstrip().rsplit(b"\n", 1)[-1].decode(errors="replace")
            return Span(self.source, first + lines, len(last) + 1, first + lines, len(last) + 2)
        return Span(self.source, first + line, column + 1, first + line, end_column + 1)

    def line(self, origin: Origin) -> int:
        """The line that the document begins in, counted from 1."""
        return self.position(origin.offset)[0]

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column of a byte, counted from 1."""
        known, lines = self.counted if self.counted[0] <= offset else (0, 0)
        lines += self.data.count(b"\n", known, offset)
        self.counted = (offset, lines)
        before = self.data[self.data.rfind(b"\n", 0, offset) + 1 : offset]
        return lines + 1, len(before.decode(errors="replace")) + 1
