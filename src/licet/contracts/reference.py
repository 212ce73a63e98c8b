"""The reference of Licet's own kinds, as tables of their models' fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from licet.contracts.rules import RULES
from licet.contracts.schema import KINDS, default_of, scalar, summary, unwrapped

_SKIPPED = ("apiVersion", "kind", "metadata", "status")


def tables() -> str:
    """A section for each kind, and in it one for each part that has fields, in the order in which they are met."""
    sections: list[str] = []
    told: set[type] = set()
    for kind, model in KINDS.items():
        sections.append(f"## {kind}\n\n{_sentence(model)}\n")
        for part in _parts(model):
            if part not in told and part is not model:
                told.add(part)
                sections.append(_section(part, kind))
    return "\n".join(sections)


def _parts(model: type) -> Iterator[type]:
    yield model
    for field in _fields(model):
        inner = _model(field.type)
        if inner is not None:
            yield from _parts(inner)


def _fields(model: type) -> tuple[inspect.Field, ...]:
    node = inspect.type_info(model)
    assert isinstance(node, inspect.StructType)
    skipped = _SKIPPED if model in KINDS.values() else ()
    return tuple(field for field in node.fields if field.encode_name not in skipped)


def _model(node: inspect.Type) -> type | None:
    """The model that a field holds, once or in a list."""
    _, node = unwrapped(node)
    match node:
        case inspect.StructType(cls=model):
            return model
        case inspect.ListType(item_type=item):
            return _model(item)
    return None


def _section(model: type, kind: str) -> str:
    lines = [f"### {title(model, kind)}", "", _sentence(model), ""]
    fields = _fields(model)
    if fields:
        lines += ["| field | type | meaning |", "|---|---|---|"]
        lines += [_row(field, kind) for field in fields]
        lines.append("")
    rules = RULES.get(model, ())
    if rules:
        lines += ["Rules between fields:", ""]
        lines += [f"- {rule.message}" for rule in rules]
        lines.append("")
    return "\n".join(lines)


def title(model: type, kind: str) -> str:
    """What a part is called in the reference."""
    name = model.__name__
    return f"`spec` of a {kind}" if name.endswith("Spec") else name


def _row(field: inspect.Field, kind: str) -> str:
    said, _ = unwrapped(field.type)
    name = f"`{field.encode_name}`" + (" (required)" if field.required else "")
    meaning = str(said.get("description", ""))
    default = default_of(field) or said.get("default")
    if default:
        meaning += f" Default: `{default}`."
    if examples := said.get("examples"):
        meaning += f" Such as `{_written(examples[0])}`."
    return f"| {name} | {_type(field.type, kind)} | {meaning} |"


def _written(value: object) -> str:
    """A value as people write it in a manifest."""
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")


def _type(node: inspect.Type, kind: str) -> str:
    said, node = unwrapped(node)
    if "enum" in said:
        return _words(said["enum"])
    match node:
        case inspect.StructType(cls=model):
            name = title(model, kind)
            return f"[{name}](#{name.lower().replace(' ', '-').replace('`', '')})"
        case inspect.ListType(item_type=item):
            return f"list of {_type(item, kind)}"
        case inspect.DictType():
            return "mapping of text to text"
        case inspect.UnionType(types=types):
            return " or ".join(_type(one, kind) for one in types)
    return _scalar(scalar(node))


def _scalar(schema: dict[str, Any]) -> str:
    match schema:
        case {"enum": words}:
            return _words(words)
        case {"type": "integer", "minimum": least, "maximum": most}:
            return f"{least} to {most}"
        case {"type": "string"}:
            return "text"
        case {"type": word}:
            return str(word)
    return "anything"


def _words(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _sentence(model: type) -> str:
    return summary(model).replace("\n", " ")
