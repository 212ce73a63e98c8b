"""The published schemas, and outputs that are held to them."""

from __future__ import annotations

import json

import jsonschema

from tests.cli.command import ROOT

SCHEMAS = ROOT / "docs" / "schema"


def checked(text: str) -> str:
    """Hold an output to the schema that it says it keeps to, and say which that is."""
    document = json.loads(text)
    _, name, version = document["schema"].split("/")
    hold(document, f"{name}.{version}")
    return f"{name}.{version}"


def hold(document: object, name: str) -> None:
    """Hold a document to this schema."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)
