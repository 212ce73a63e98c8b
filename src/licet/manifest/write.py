"""Plain data to YAML that reads like a manifest written by hand, and is read back as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*|(?:[0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}", re.ASCII)
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
"""What YAML 1.1 takes for something else than text, in any case."""
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What YAML wants escaped, of what JSON leaves as it is."""


def yaml(value: dict[str, Any]) -> str:
    """The document, in block style and in the order of its keys, without a separator.

    Data is dictionaries with text for keys, lists, text, whole numbers, truths and None.
    """
    return "".join(f"{line}\n" for line in _mapping(value, 0)) if value else "{}\n"


def _mapping(value: dict[str, Any], depth: int) -> Iterator[str]:
    for key, item in value.items():
        yield from _entry(f"{'  ' * depth}{_text(key)}:", item, depth)


def _entry(head: str, item: Any, depth: int) -> Iterator[str]:
    if isinstance(item, dict) and item:
        yield head
        yield from _mapping(item, depth + 1)
    elif isinstance(item, list) and item:
        yield head
        yield from _sequence(item, depth)
    else:
        yield f"{head} {_scalar(item)}"


def _sequence(items: list[Any], depth: int) -> Iterator[str]:
    """Items stand as far in as the key that they belong to, and what is in them two further, behind the dash."""
    indent = "  " * depth
    for item in items:
        if isinstance(item, dict) and item:
            lines = _mapping(item, depth + 1)
        elif isinstance(item, list) and item:
            lines = _sequence(item, depth + 1)
        else:
            yield f"{indent}- {_scalar(item)}"
            continue
        yield f"{indent}- {next(lines)[len(indent) + 2 :]}"
        yield from lines


def _scalar(value: Any) -> str:
    match value:
        case str():
            return _text(value)
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case int():
            return str(value)
        case dict():
            return "{}"
        case list():
            return "[]"
        case _:
            raise TypeError(f"{type(value).__name__} is no plain data")


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    quoted = msgspec.json.encode(value).decode()
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
