"""JSON manifests: a stream of JSON values, as kubectl reads it where the text begins with a brace.

Numbers without point and exponent are integers where 64 bits hold them; of two equal keys the last wins; a
byte that is no UTF-8 and a lone surrogate become U+FFFD: what Go's JSON reader does with each.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from licet.manifest import scalars
from licet.manifest.bounds import DEPTH

LOOKAHEAD: Final = 4096
_SPACES = re.compile(r"[ \t\r\n]*")
_LONG_DIGITS = re.compile(rb"[0-9]{19}")
_RESUMED = re.compile(rb"[ \t\r\v\f]*\n?")
_SURROGATES = re.compile("[\ud800-\udfff]")
_decode = msgspec.json.Decoder().decode


class Value(msgspec.Struct, frozen=True):
    """One JSON value of the stream; `offset` and `length` count bytes."""

    offset: int
    length: int
    value: Any
    repeats: tuple[str, ...] = ()
    unfit: str = ""
    """A number in it that no 64 bits hold, for which kubectl refuses the value."""


class Unparsed(msgspec.Struct, frozen=True):
    """What follows the last readable value: not JSON, at `offset` where the rest begins and `fault` where it fails."""

    offset: int
    fault: int
    problem: str
    count: int


def is_json(data: bytes) -> bool:
    """Whether kubectl takes the stream for JSON: the first thing in it is an opening brace."""
    return data[:LOOKAHEAD].lstrip().startswith(b"{")


def values(data: bytes) -> Iterator[Value | Unparsed]:
    """The values of the stream; Unparsed, last, where the stream stops being JSON."""
    quick = _one(data)
    if quick is not None:
        yield quick
        return
    yield from _Stream(data).values()


def _one(data: bytes) -> Value | None:
    """The whole stream as one value, where nothing in it needs the slow way."""
    if b"\\u0022" in data or _LONG_DIGITS.search(data):
        return None
    try:
        value = _decode(data)
        if msgspec.json.encode(value).count(b'"') != data.count(b'"'):
            return None  # a key was given twice: its quotes are gone
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    start = len(data) - len(data.lstrip())
    return Value(start, len(data.rstrip()) - start, value)


class _Stream:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.text = data.decode("utf-8", "surrogateescape")
        self.exact = len(self.text) == len(data)
        self.repeats: list[str] = []
        self.unfit = ""
        self.decoder = json.JSONDecoder(
            object_pairs_hook=self.pairs, parse_int=self.integer, parse_float=self.float, parse_constant=_constant
        )

    def values(self) -> Iterator[Value | Unparsed]:
        position, offset, count = 0, 0, 0
        while True:
            blank = _SPACES.match(self.text, position)
            start = blank.end() if blank else position
            if start == len(self.text):
                return
            begin = offset + self.bytes(position, start)
            self.repeats, self.unfit = [], ""
            try:
                value, end = self.decoder.raw_decode(self.text, start)
            except json.JSONDecodeError as error:
                fault = begin + self.bytes(start, min(error.pos, len(self.text)))
                yield Unparsed(offset, fault, error.msg, count)
                return
            except _Constant as error:
                yield Unparsed(offset, begin, str(error), count)
                return
            except RecursionError:
                yield Unparsed(offset, begin, f"it is nested more than {DEPTH} levels deep", count)
                return
            length = self.bytes(start, end)
            yield Value(begin, length, value, tuple(self.repeats), self.unfit)
            position, offset, count = end, begin + length, count + 1

    def bytes(self, start: int, end: int) -> int:
        """How many bytes of the data the characters between two positions are."""
        return end - start if self.exact else len(self.text[start:end].encode("utf-8", "surrogateescape"))

    def integer(self, text: str) -> int | float:
        """An integer, or the float that it is beyond 64 bits."""
        if len(text) < 21 and (number := int(text)) in scalars.INT64:
            return number
        return self.float(text)

    def float(self, text: str) -> float:
        """A float; one that is infinite makes its value unfit."""
        number = float(text)
        if math.isinf(number):
            self.unfit = text if len(text) <= 40 else text[:37] + "..."
        return number

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in pairs:
            name = _SURROGATES.sub("\ufffd", key)
            if name in result:
                self.repeats.append(name)
            result[name] = _clean(value)
        return result


def _clean(value: Any) -> Any:
    if type(value) is str:
        return _SURROGATES.sub("\ufffd", value)
    if type(value) is list:
        return [_clean(item) for item in value]
    return value


def _constant(text: str) -> Any:
    raise _Constant(f"`{text}` is not JSON")


class _Constant(ValueError):
    """`NaN` and the like, which Python takes for JSON."""


def resume(data: bytes, offset: int) -> int:
    """Where kubectl goes on with YAML: behind blanks up to the first line break."""
    rest = _RESUMED.match(data, offset)
    return offset if rest is None else rest.end()
