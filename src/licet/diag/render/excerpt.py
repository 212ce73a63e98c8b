"""The lines of a source around a span, with a caret under what is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping

from licet.diag.diagnostic import Severity
from licet.diag.place import Span
from licet.diag.render.masks import masked
from licet.diag.render.paint import Paint
from licet.diag.render.visible import columns, visible
from licet.diag.text import Text

_BREAK = re.compile(rb"\r\n|\r|\n")
_TAB = "    "
_LEAST_WINDOW = 20


class Excerpts:
    """Lines of texts by number. Each text is searched for its line breaks once, when first asked for."""

    def __init__(self, texts: Mapping[str, Text]) -> None:
        self._texts = texts
        self._cut: dict[str, tuple[bytes, list[int]]] = {}
        self._shown: dict[tuple[str, int], str | None] = {}

    def line(self, source: str, number: int) -> str | None:
        """One line without its break and its secrets, counted from 1; None where there is no such source or line."""
        if (source, number) not in self._shown:
            line = self._line(source, number)
            self._shown[source, number] = None if line is None else masked(line, self._line(source, number - 1) or "")
        return self._shown[source, number]

    def _line(self, source: str, number: int) -> str | None:
        if source not in self._texts or number < 1:
            return None
        if source not in self._cut:
            data = _as_utf8(self._texts[source].data)
            self._cut[source] = data, [0, *(match.end() for match in _BREAK.finditer(data))]
        data, starts = self._cut[source]
        if number > len(starts):
            return None
        end = starts[number] if number < len(starts) else len(data)
        return data[starts[number - 1] : end].rstrip(b"\r\n").decode("utf-8", "replace")

    def show(self, span: Span, label: str, severity: Severity, paint: Paint, width: int) -> list[str]:
        """The span's first line under the one before it, with carets and the label; nothing where it is not at hand."""
        line = self.line(span.source, span.line)
        if line is None:
            return []
        gutter = len(str(span.line))
        room = max(width - gutter - 3, _LEAST_WINDOW)
        rows = [paint.faint(f"{'':{gutter}} |")]
        before = self.line(span.source, span.line - 1)
        if before is not None and before.strip():
            rows.append(paint.faint(f"{span.line - 1:>{gutter}} | ") + _window(_spread(before), 0, 0, room)[0])
        start = min(max(span.column - 1, 0), len(line))
        end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line)
        lead, marked = _spread(line[:start]), _spread(line[start : max(end, start)])
        shown, offset, length = _window(lead + marked + _spread(line[max(end, start) :]), len(lead), len(marked), room)
        rows.append(paint.faint(f"{span.line:>{gutter}} | ") + shown)
        carets = "^" * max(columns(shown[offset : offset + length]), 1)
        under = f"{carets} {visible(label)}" if label else carets
        pad = " " * columns(shown[:offset])
        rows.append(paint.faint(f"{'':{gutter}} | ") + pad + paint.severity(severity, under))
        return rows

    def block(self, span: Span, most: int, paint: Paint, width: int) -> list[str]:
        """The span's line and those below it that are indented as far, at most so many; nothing if not at hand."""
        depth = span.column - 1
        shown = [self.line(span.source, span.line)]
        while len(shown) <= most:
            line = self.line(span.source, span.line + len(shown))
            if line is None or not line[:depth].isspace() or not line.strip():
                break
            shown.append(line)
        gutter = len(str(span.line + len(shown) - 1))
        room = max(width - gutter - 3, _LEAST_WINDOW)
        rows = [
            paint.faint(f"{number:>{gutter}} | ") + _window(_spread(line), 0, 0, room)[0]
            for number, line in enumerate(shown[:most], span.line)
            if line is not None
        ]
        return [*rows, paint.faint(f"{'':{gutter}} | …")] if len(shown) > most else rows


def _as_utf8(data: bytes) -> bytes:
    """The text as YAML reads it: UTF-16 where a byte order mark says so, UTF-8 otherwise, without the mark."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").encode()
    return data.removeprefix(b"\xef\xbb\xbf")


def _spread(text: str) -> str:
    return visible(text.replace("\t", _TAB))


def _window(text: str, offset: int, length: int, room: int) -> tuple[str, int, int]:
    """The part of a line that fits, around what is marked: the text, and where the mark is in it now."""
    if len(text) <= room:
        return text, offset, length
    first = max(0, offset - room // 3) if offset + min(length, room // 2) > room - 1 else 0
    part = text[first : first + room]
    shift = offset - first
    if first:
        part = "…" + part[1:]
    if first + room < len(text):
        part = part[:-1] + "…"
    return part, shift, min(length, len(part) - shift)
