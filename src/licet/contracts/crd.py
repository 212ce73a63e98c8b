"""CustomResourceDefinitions (apiextensions.k8s.io/v1) of Licet's own kinds, made from their models.

The schemas are structural: types everywhere, no references, no unknown fields kept; rules between fields are
expressions of the API server's own language (https://kubernetes.io/docs/reference/using-api/cel/).
"""

from __future__ import annotations

from typing import Any, Final

import yaml
from msgspec import inspect

from licet.contracts import wire
from licet.contracts.rules import RULES
from licet.contracts.schema import KINDS, Schema, default_of, scalar, summary, unwrapped
from licet.manifest.decode.fields import Meta
from licet.manifest.group import VERSION
from licet.manifest.platform import KIND as PLATFORM

_GROUP, _, _VERSION = VERSION.partition("/")
_KEYS: Final = {
    "serves": ["name"],
    "calls": ["name"],
    "peers": ["name"],
    "enforcers": ["name"],
    "gateways": ["namespace", "name"],
}
"""Lists that several owners may patch, with what tells their entries apart; others are written whole."""

_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def _column(name: str, path: str, *, priority: int = 0) -> Schema:
    column: Schema = {"name": name, "type": "string", "jsonPath": path}
    return {**column, "priority": priority} if priority else column


def _condition(name: str) -> Schema:
    return _column(name, f'.status.conditions[?(@.type=="{name}")].status')


_COLUMNS: Final = {
    wire.CONTRACT: [
        _column("Target", ".spec.targetRef.name"),
        _column("Kind", ".spec.targetRef.kind", priority=1),
        _column("Owner", ".spec.owner"),
        _column("Mode", ".spec.mode"),
        _condition("Accepted"),
        _condition("Proven"),
        _AGE,
    ],
    wire.NAMESPACE_CONTRACT: [_column("Isolate", ".spec.isolate"), _column("Mode", ".spec.mode"), _AGE],
    PLATFORM: [
        _column("Cluster", ".spec.cluster"),
        _column("Trust domain", ".spec.trustDomain"),
        _column("Mode", ".spec.mode"),
        _AGE,
    ],
}


def definition(kind: str) -> Schema:
    """The CustomResourceDefinition of a kind."""
    plural = f"{kind.lower()}s"
    model = KINDS[kind]
    root = _object(model)
    root["properties"]["metadata"] = {"type": "object"}
    root["properties"]["status"] = _status(kind)
    for field in ("apiVersion", "kind"):
        root["properties"][field] = {
            "type": "string",
            "description": root["properties"][field]["description"],
        }
    root["required"] = [name for name in root.get("required", ()) if name == "spec"] or ["spec"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{_GROUP}"},
        "spec": {
            "group": _GROUP,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "categories": ["licet"],
            },
            "scope": "Cluster" if kind == PLATFORM else "Namespaced",
            "versions": [
                {
                    "name": _VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": _COLUMNS[kind],
                    "schema": {"openAPIV3Schema": root},
                    "subresources": {"status": {}},
                }
            ],
        },
    }


def definition_text(kind: str) -> str:
    """The CustomResourceDefinition as a file holds it."""
    text: str = yaml.dump(definition(kind), Dumper=_Plain, sort_keys=False, width=120, allow_unicode=True)
    return text


class _Plain(yaml.SafeDumper):
    """Writes what stands twice twice: an API server takes no aliases for granted, and people read them badly."""

    def ignore_aliases(self, _: Any) -> bool:
        """Every value is written out."""
        return True


def _object(model: type) -> Schema:
    node = inspect.type_info(model)
    assert isinstance(node, inspect.StructType)
    made: Schema = {"description": summary(model), "type": "object"}
    required = [field.encode_name for field in node.fields if field.required]
    if required:
        made["required"] = required
    if model not in (wire.Metadata, Meta) and node.fields:
        made["properties"] = {field.encode_name: _field(field) for field in node.fields}
    rules = [{"rule": rule.cel, "message": rule.message} for rule in RULES.get(model, ())]
    return {**made, "x-kubernetes-validations": rules} if rules else made


def _field(field: inspect.Field) -> Schema:
    said, node = unwrapped(field.type)
    made = {**_type(node), **_said(said)}
    if made.get("type") == "array":
        keys = _KEYS.get(field.encode_name)
        made["x-kubernetes-list-type"] = "map" if keys else "atomic"
        if keys:
            made["x-kubernetes-list-map-keys"] = keys
    default = default_of(field)
    if default is not None:
        made["default"] = default
    return made


def _type(node: inspect.Type) -> Schema:
    said, node = unwrapped(node)
    match node:
        case inspect.StructType(cls=model):
            return _object(model)
        case inspect.ListType(item_type=item):
            bounds = {"minItems": node.min_length, "maxItems": node.max_length}
            given = {key: bound for key, bound in bounds.items() if bound is not None}
            return {"type": "array", "items": _type(item), **given, **_said(said)}
        case inspect.DictType(value_type=item):
            return {"type": "object", "additionalProperties": _type(item), **_said(said)}
        case inspect.UnionType(types=types):
            return {**_either(types), **_said(said)}
        case inspect.AnyType():
            return {"x-kubernetes-preserve-unknown-fields": True, **_said(said)}
    return {**scalar(node), **_said(said)}


def _either(types: tuple[inspect.Type, ...]) -> Schema:
    """A number or a text: what is asked of one of them does not touch the other."""
    made: Schema = {}
    for one in types:
        made.update(scalar(unwrapped(one)[1]))
    del made["type"]
    return {**made, "x-kubernetes-int-or-string": True}


def _said(said: Schema) -> Schema:
    """What an OpenAPI schema of Kubernetes may say: no examples."""
    return {key: value for key, value in said.items() if key != "examples"}


def _status(kind: str) -> Schema:
    """What a controller will say: whether the object was taken, resolved and proven, and of each call and enforcer."""
    conditions = _conditions()
    properties: Schema = {"observedGeneration": {"type": "integer", "format": "int64"}, "conditions": conditions}
    if kind == wire.CONTRACT:
        for name, what in (("calls", "call"), ("enforcers", "enforcer")):
            properties[name] = {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "description": f"The state of one {what}.",
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string"}, "conditions": conditions},
                },
            }
    return {"description": "What is so; written by Licet.", "type": "object", "properties": properties}


def _conditions() -> Schema:
    """A list of metav1.Condition."""
    return {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {"type": "string", "maxLength": 316},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
                "lastTransitionTime": {"type": "string", "format": "date-time"},
                "reason": {"type": "string", "minLength": 1, "maxLength": 1024},
                "message": {"type": "string", "maxLength": 32768},
            },
        },
    }
