"""Whether a value has the form of a wire type, and everything in it that has not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from licet.contracts import findings
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place

T = TypeVar("T")

_WORDS: dict[type[inspect.Type], str] = {
    inspect.StrType: "a string",
    inspect.EnumType: "a string",
    inspect.LiteralType: "a string",
    inspect.IntType: "a whole number",
    inspect.BoolType: "true or false",
    inspect.ListType: "a list",
    inspect.DictType: "a mapping",
    inspect.StructType: "a mapping",
    inspect.NoneType: "null",
}


def shape(value: object, wire: type[T], place: Place) -> T | list[Diagnostic]:
    """The value as the wire type, or every fault for which it is none; `place` is where the value stands."""
    try:
        return msgspec.convert(value, wire)
    except (msgspec.ValidationError, UnicodeError):
        faults = list(_faults(value, inspect.type_info(wire), {}, place))
        return faults or [findings.wrong_value(place, "holds text that is not Unicode", "write it in UTF-8")]


def _faults(value: object, node: inspect.Type, extra: dict[str, Any], place: Place) -> Iterator[Diagnostic]:
    node, extra = _bare(node, extra)
    match node:
        case inspect.AnyType():
            return
        case inspect.UnionType(types=types):
            options = [_bare(option, extra) for option in types]
            fitting = [option for option in options if _fits(value, option[0])]
            if _is_quoted(value, [option for option, _ in options]):
                yield findings.quoted_number(place, str(value))
            elif fitting:
                yield from _faults(value, *fitting[0], place)
            else:
                due = " or ".join(
                    dict.fromkeys(_WORDS[type(n)] for n, _ in options if not isinstance(n, inspect.NoneType))
                )
                yield findings.wrong_type(place, _word(value), due)
        case _ if _is_quoted(value, [node]):
            yield findings.quoted_number(place, str(value))
        case _ if not _fits(value, node):
            yield findings.wrong_type(place, _word(value), _WORDS[type(node)])
        case inspect.StructType():
            assert isinstance(value, dict)
            yield from _fields(value, node, place)
        case inspect.ListType():
            assert isinstance(value, list)
            yield from _length(value, node, place)
            for at, item in enumerate(value):
                yield from _faults(item, node.item_type, {}, place.at(at))
        case inspect.DictType():
            assert isinstance(value, dict)
            for key, item in value.items():
                yield from _faults(item, node.value_type, {}, place.at(key))
        case inspect.EnumType() | inspect.LiteralType():
            words = _words(node)
            if value not in words:
                yield findings.wrong_word(place, str(value), words)
        case inspect.StrType():
            assert isinstance(value, str)
            yield from _text(value, node, extra, place)
        case inspect.IntType():
            assert isinstance(value, int)
            if (node.ge is not None and value < node.ge) or (node.le is not None and value > node.le):
                yield findings.wrong_value(place, f"is {_shown(value)}", extra["form"])


def _fields(value: dict[Any, Any], node: inspect.StructType, place: Place) -> Iterator[Diagnostic]:
    known = _known(node.cls)
    for key, item in value.items():
        field = known.get(key)
        if field is not None:
            yield from _faults(item, field.type, {}, place.at(key))
        elif node.forbid_unknown_fields:
            yield findings.unknown_field(place, str(key), list(known), set(known).difference(value))
    for name, field in known.items():
        if field.required and name not in value:
            yield findings.missing(place, name, _description(field))


@cache
def _known(wire: type) -> dict[str, inspect.Field]:
    node = inspect.type_info(wire)
    assert isinstance(node, inspect.StructType)
    return {field.encode_name: field for field in node.fields}


def _description(field: inspect.Field) -> str:
    json_schema = field.type.extra_json_schema if isinstance(field.type, inspect.Metadata) else None
    return str((json_schema or {}).get("description", ""))


def _length(value: list[Any], node: inspect.ListType, place: Place) -> Iterator[Diagnostic]:
    if node.min_length is not None and len(value) < node.min_length:
        yield findings.wrong_value(place, "is empty", "name at least one, or leave the field out")
    if node.max_length is not None and len(value) > node.max_length:
        yield findings.wrong_value(place, f"has {len(value)} entries", f"at most {node.max_length} are taken")


def _text(value: str, node: inspect.StrType, extra: dict[str, Any], place: Place) -> Iterator[Diagnostic]:
    if node.min_length is not None and len(value) < node.min_length:
        yield findings.wrong_value(place, "is empty", "write something, or leave the field out")
    elif node.max_length is not None and len(value) > node.max_length:
        yield findings.wrong_value(place, f"has {len(value)} characters", f"at most {node.max_length} are taken")
    elif node.pattern is not None and re.search(node.pattern, value) is None:
        yield findings.wrong_value(place, f"is {_shown(value)}", extra["form"])


def _bare(node: inspect.Type, extra: dict[str, Any]) -> tuple[inspect.Type, dict[str, Any]]:
    """A type without what is said about it, and that."""
    while isinstance(node, inspect.Metadata):
        extra = {**extra, **(node.extra or {})}
        node = node.type
    return node, extra


def _fits(value: object, node: inspect.Type) -> bool:
    match node:
        case inspect.AnyType():
            return True
        case inspect.NoneType():
            return value is None
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case inspect.StrType() | inspect.EnumType() | inspect.LiteralType():
            return isinstance(value, str)
        case inspect.ListType():
            return isinstance(value, list)
    return isinstance(value, dict)


def _is_quoted(value: object, nodes: Iterable[inspect.Type]) -> bool:
    """Whether a number is due here, and stands in quotes."""
    is_due = any(isinstance(node, inspect.IntType) for node in nodes)
    return is_due and isinstance(value, str) and value.isascii() and value.isdecimal()


def _words(node: inspect.EnumType | inspect.LiteralType) -> tuple[str, ...]:
    if isinstance(node, inspect.EnumType):
        members: type[Enum] = node.cls
        return tuple(member.value for member in members)
    return tuple(str(value) for value in node.values)


def _word(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int() | float():
            return f"the number {_shown(value)}"
        case str():
            return "a string"
        case list():
            return "a list"
    return "a mapping"


def _shown(value: object) -> str:
    text = f"`{value}`" if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:76]}..."
