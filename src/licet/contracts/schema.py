"""JSON Schemas (draft 2020-12) of what Licet's own kinds look like, made from their models."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, Final

from msgspec import NODEFAULT, inspect

from licet.contracts import wire
from licet.contracts.rules import RULES
from licet.manifest.decode.fields import Meta
from licet.manifest.group import VERSION
from licet.manifest.platform import KIND as PLATFORM
from licet.manifest.platform import PlatformFields

Schema = dict[str, Any]

KINDS: Final[dict[str, type]] = {
    wire.CONTRACT: wire.Contract,
    wire.NAMESPACE_CONTRACT: wire.NamespaceContract,
    PLATFORM: PlatformFields,
}
"""The kinds that have a schema, with their models."""

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema(kind: str) -> Schema:
    """The JSON Schema of a kind, without references.

    It accepts what `decode` accepts, and beyond that only what it cannot know: names that stand twice in a list, a
    range of ports that runs backwards, days that no month has, blocks that are none.
    """
    made = _object(KINDS[kind])
    return {
        "$schema": _DRAFT,
        "$id": f"https://licet.dev/schemas/{VERSION.partition('/')[2]}/{kind}",
        "title": kind,
        **made,
    }


def schema_text(kind: str) -> str:
    """The schema as a file holds it."""
    return json.dumps(schema(kind), indent=1, ensure_ascii=False) + "\n"


def _object(model: type) -> Schema:
    if model is Meta:
        model = wire.Metadata
    node = inspect.type_info(model)
    assert isinstance(node, inspect.StructType)
    made: Schema = {
        "description": summary(model),
        "type": "object",
        "properties": {field.encode_name: _field(field) for field in node.fields},
        "required": [field.encode_name for field in node.fields if field.required],
        "additionalProperties": not node.forbid_unknown_fields,
    }
    if not made["required"]:
        del made["required"]
    conditions = [rule.schema for rule in RULES.get(model, ()) if rule.schema is not None]
    return {**made, "allOf": conditions} if conditions else made


def summary(model: type) -> str:
    """What a model is, in a sentence."""
    return (model.__doc__ or "").strip().partition("\n\n")[0]


def _field(field: inspect.Field) -> Schema:
    said, node = unwrapped(field.type)
    made = {**_type(node), **said}
    default = default_of(field)
    return made if default is None else {**made, "default": default}


def _type(node: inspect.Type) -> Schema:
    said, node = unwrapped(node)
    match node:
        case inspect.StructType(cls=model):
            return _object(model)
        case inspect.ListType(item_type=item):
            bounds = {"minItems": node.min_length, "maxItems": node.max_length}
            return {"type": "array", "items": _type(item), **_given(bounds), **said}
        case inspect.DictType(value_type=item):
            return {"type": "object", "additionalProperties": _type(item), **said}
        case inspect.UnionType(types=types):
            return {"anyOf": [_type(one) for one in types], **said}
    return {**scalar(node), **said}


def scalar(node: inspect.Type) -> Schema:
    """The schema of a value that holds no others."""
    match node:
        case inspect.StrType():
            pattern = node.pattern.replace(r"\Z", "$") if node.pattern else None
            return {
                "type": "string",
                **_given({"minLength": node.min_length, "maxLength": node.max_length, "pattern": pattern}),
            }
        case inspect.IntType():
            return {"type": "integer", **_given({"minimum": node.ge, "maximum": node.le})}
        case inspect.EnumType(cls=members):
            return {"type": "string", "enum": [member.value for member in members]}
        case inspect.LiteralType(values=values):
            return {"type": "string", "enum": list(values)}
        case inspect.BoolType():
            return {"type": "boolean"}
    return {}


def unwrapped(node: inspect.Type) -> tuple[Schema, inspect.Type]:
    """What is said about a type, and the type without that and without null, which stands for nothing given."""
    said: Schema = {}
    while True:
        if isinstance(node, inspect.Metadata):
            said = {**(node.extra_json_schema or {}), **said}
            node = node.type
        elif isinstance(node, inspect.UnionType) and any(isinstance(one, inspect.NoneType) for one in node.types):
            rest = tuple(one for one in node.types if not isinstance(one, inspect.NoneType))
            node = rest[0] if len(rest) == 1 else inspect.UnionType(rest)
        else:
            return {key: list(value) if isinstance(value, tuple) else value for key, value in said.items()}, node


def default_of(field: inspect.Field) -> str | None:
    """The word that a field has where it is left out; None where it has none."""
    default = field.default
    if isinstance(default, Enum):
        return str(default.value)
    return default if default is not NODEFAULT and isinstance(default, str) and default else None


def _given(said: Schema) -> Schema:
    return {key: value for key, value in said.items() if value is not None}
