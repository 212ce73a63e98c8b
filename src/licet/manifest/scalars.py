"""What a scalar means: the rules of the YAML library inside kubectl, and of the JSON that it goes through.

kubectl reads YAML with goyaml v2, which resolves plain scalars by YAML 1.1 with exceptions of its own (no
sexagesimals, timestamps stay strings, `0o17` and `08` are numbers), writes the result as JSON and reads that
again with integers kept. Both steps show in the value: `1.0` becomes 1, and 2**64 becomes a float.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

INT64: Final = range(-(2**63), 2**63)
UINT64: Final = range(2**64)

_TAG = "tag:yaml.org,2002:"
MERGE_TAG: Final = _TAG + "merge"
_STR, _BINARY, _TIMESTAMP = _TAG + "str", _TAG + "binary", _TAG + "timestamp"
_TYPES: dict[str, tuple[type, ...]] = {
    _TAG + "bool": (bool,),
    _TAG + "int": (int,),
    _TAG + "float": (float,),
    _TAG + "null": (type(None),),
}

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
PLAIN_STARTS: Final = frozenset("+-.0123456789~yYnNtTfFoO")
"""The first characters of plain scalars that may be anything but strings."""

_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]([0-7]+)|0([0-7]*)|([1-9][0-9]*))")
_BASES = (16, 2, 8, 8, 10)
_SIGNED_BINARY = re.compile(r"0b([-+][01]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_POINT_FLOAT = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")
_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9](?:\.[0-9]+)?"
_DATE = re.compile(
    r"[0-9]{4}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12][0-9]|3[01])"
    rf"(?: {_CLOCK}|[Tt]{_CLOCK}(?:Z|[-+][0-9]{{2}}:[0-9]{{2}}))?"
)
_WHOLE = 10**21
"""Go writes floats below this one without an exponent, and reads what has neither point nor exponent as an integer."""
_SHORT_POWER = 6
"""From this power of ten on, and below the fourth negative one, Go writes a key that is a float with an exponent."""


class Unfit(ValueError):
    """A scalar that kubectl refuses; the message says why, in words that follow the scalar."""


@lru_cache(maxsize=4096)
def resolve(text: str) -> Scalar:
    """The value of a plain, untagged scalar, as it is after the JSON in between. Raises Unfit."""
    return narrow(plain(text))


@lru_cache(maxsize=4096)
def resolve_key(text: str) -> str:
    """The string that a plain, untagged scalar is as a mapping's key. Raises Unfit."""
    return key(plain(text))


def plain(text: str) -> Scalar:
    """The typed value of a plain, untagged scalar: `resolve` of goyaml v2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in PLAIN_STARTS or text[0].isalpha():
        return text
    if text[0] == ".":
        return _finite(text, text) if _POINT_FLOAT.fullmatch(text) else text
    digits = text.replace("_", "")
    if match := _INTEGER.fullmatch(digits):
        number = _integer(match)
        if number in INT64 or (number in UINT64 and not match[1]):
            return number
    if _FLOAT.fullmatch(digits):
        return _finite(digits, text)
    if (match := _SIGNED_BINARY.fullmatch(digits)) and int(match[1], 2) in INT64:
        return int(match[1], 2)
    return text


def tagged(tag: str, text: str) -> Scalar:
    """The typed value of a scalar with a tag, plain or quoted. Raises Unfit."""
    if tag == _BINARY:
        return _binary(text)
    if tag == _TIMESTAMP:
        if _DATE.fullmatch(text):
            return text
    elif tag not in _TYPES:
        return text
    else:
        value = plain(text)
        if float in _TYPES[tag] and type(value) is int and value in INT64:
            return float(value)
        if type(value) in _TYPES[tag]:
            return value
    raise Unfit(f"is no `!!{tag.removeprefix(_TAG)}`")


def narrow(value: Scalar) -> Scalar:
    """A typed value after it was written as JSON and read again. Raises Unfit."""
    if type(value) is int:
        return value if value in INT64 else float(value)
    if type(value) is not float:
        return value
    if not math.isfinite(value):
        raise Unfit("is a number that JSON cannot hold")
    if value == int(value) and abs(value) < _WHOLE:
        whole = int(Decimal(repr(value)))
        return whole if whole in INT64 else value
    return value


def key(value: Scalar) -> str:
    """The string that a typed value is as a mapping's key. Raises Unfit."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            if value in INT64:
                return str(value)
            raise Unfit("is too large a number for a key")
        case float():
            return _short_float(value)
        case None:
            raise Unfit("is null, which cannot be a key")


def _integer(match: re.Match[str]) -> int:
    for digits, base in zip(match.groups()[1:], _BASES, strict=True):
        if digits is not None and len(digits) <= 64:
            return int(match[1] + (digits or "0"), base)
    return 2**64  # out of every range, like all that has more digits


def _finite(digits: str, text: str) -> float | str:
    value = float(digits)
    return value if math.isfinite(value) else text


def _binary(text: str) -> str:
    text = text.replace("\n", "").replace("\r", "")
    try:
        if len(text) % 4 == 0:
            return replaced(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        pass
    raise Unfit("is no base64")


def replaced(data: bytes) -> str:
    """Text in which every byte that is no UTF-8 stands as one U+FFFD, as Go reads and writes it."""
    return re.sub("[\udc80-\udcff]", "\ufffd", data.decode("utf-8", "surrogateescape"))


def _short_float(value: float) -> str:
    """The shortest digits that give the same 32-bit float: Go's `FormatFloat(value, 'g', -1, 32)`."""
    if math.isnan(value):
        return ".nan"
    try:
        single = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        single = math.copysign(math.inf, value)
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    if single == 0:
        return "-0" if math.copysign(1, single) < 0 else "0"
    digits = next(text for n in range(17) if _as_single(text := f"{single:.{n}e}") == single)
    mantissa, exponent = digits.split("e")
    power = int(exponent)
    if power < -4 or power >= _SHORT_POWER:
        return f"{mantissa}e{exponent}"
    return _positional(mantissa, power)


def _as_single(text: str) -> float:
    try:
        number: float = struct.unpack("f", struct.pack("f", float(text)))[0]
    except OverflowError:
        return math.inf
    return number


def _positional(mantissa: str, power: int) -> str:
    return format(Decimal(mantissa).scaleb(power), "f")
