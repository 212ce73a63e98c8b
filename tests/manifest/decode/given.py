"""Objects written as YAML, decoded."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin, Place
from licet.manifest.decode import Decoded, decode


class Document(msgspec.Struct, frozen=True):
    """An object and where it came from."""

    origin: Origin
    value: dict[str, Any]


def documents(text: str) -> list[Document]:
    """The documents of a YAML text, numbered by their offsets."""
    values = [value for value in yaml.safe_load_all(text) if value is not None]
    return [Document(Origin("given.yaml", offset), value) for offset, value in enumerate(values)]


def given(text: str, **options: Any) -> Decoded:
    """What the text decodes to."""
    return decode(documents(text), **options)


def faults(decoded: Decoded) -> list[tuple[str, str, tuple[str | int, ...]]]:
    """Each finding as code, message and path."""
    return [(d.code, d.message, path(d)) for d in decoded.diagnostics]


def path(finding: Diagnostic) -> tuple[str | int, ...]:
    """Where in its object a finding points."""
    assert isinstance(finding.where, Place)
    return finding.where.path
