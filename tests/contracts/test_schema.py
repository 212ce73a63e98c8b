"""Schemas and CustomResourceDefinitions are made from the models; what is published is what is made now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from licet.contracts.crd import definition, definition_text
from licet.contracts.schema import KINDS, schema, schema_text
from tests.conftest import Golden

_DEPLOY = Path(__file__).parents[2] / "deploy"
_FULL = list(yaml.safe_load_all((Path(__file__).parent / "full.yaml").read_text()))


@pytest.mark.parametrize("kind", KINDS)
def test_published_schemas_are_current(kind: str, golden: Golden) -> None:
    golden(_DEPLOY / "schemas" / f"{kind.lower()}.json", schema_text(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_published_definitions_are_current(kind: str, golden: Golden) -> None:
    golden(_DEPLOY / "crds" / f"{kind.lower()}s.yaml", definition_text(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_one_and_has_no_reference(kind: str) -> None:
    made = schema(kind)
    jsonschema.Draft202012Validator.check_schema(made)
    assert "$ref" not in schema_text(kind)


@pytest.mark.parametrize("document", _FULL, ids=lambda document: str(document["kind"]))
def test_the_full_example_fits(document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(schema(document["kind"])).validate(document)


_OPEN = {"x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"}
_NEVER = {"$ref", "allOf", "anyOf", "oneOf", "not", "const", "examples", "definitions", "patternProperties", "if"}


def _nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, inner in node.get("properties", {}).items():
        yield from _nodes(inner, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in node:
            yield from _nodes(node[name], f"{path}.{name}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_is_structural(kind: str) -> None:
    """Types everywhere and nothing that a structural schema may not have (apiextensions, "structural schema")."""
    root = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for path, node in _nodes(root):
        assert "type" in node or _OPEN & node.keys(), path
        assert not _NEVER & node.keys(), path
        assert not ("properties" in node and "additionalProperties" in node), path
        if node.get("type") == "array":
            assert "items" in node, path
        for key in node.get("x-kubernetes-list-map-keys", ()):
            assert key in node["items"]["required"], path


def test_every_field_of_every_kind_says_what_it_is() -> None:
    for kind in KINDS:
        root = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        for path, node in _nodes(root):
            inside = path.rpartition(".")[2] in ("items", "additionalProperties")
            assert inside or node.get("description") or "elector" in path, path
