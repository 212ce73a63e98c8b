"""Where a text in YAML holds strings in quotes: what looks like a comment there is none."""

from __future__ import annotations

import contextlib
from typing import Any

from yaml import ScalarEvent, StreamEndEvent, YAMLError
from yaml.cyaml import CParser  # type: ignore[attr-defined]

_QUOTES = ("'", '"')


def quoted(data: bytes) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Start and end of each string in quotes, in their order, as line and column counted from 0.

    Of a text that breaks off it is those before the break.
    """
    strings: list[tuple[tuple[int, int], tuple[int, int]]] = []
    with contextlib.suppress(YAMLError):
        parser = CParser(data)
        while (kind := type(event := _next(parser))) is not StreamEndEvent:
            if kind is ScalarEvent and event.style in _QUOTES:
                start, end = event.start_mark, event.end_mark
                strings.append(((start.line, start.column), (end.line, end.column)))
    return strings


def _next(parser: Any) -> Any:
    return parser.get_event()
