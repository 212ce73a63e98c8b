"""Objects written as YAML, decoded."""

from __future__ import annotations

from typing import Any

from licet.diag.place import Path, Place
from licet.diag.text import Text
from licet.manifest.decode import Decoded, decode
from licet.manifest.documents import Document, read


def documents(text: str) -> list[Document]:
    """The documents of a YAML text."""
    found, wrong = read([Text("given.yaml", text.encode())])
    assert not wrong
    return found


def given(text: str, **options: Any) -> Decoded:
    """What the text decodes to."""
    return decode(documents(text), **options)


def faults(decoded: Decoded) -> list[tuple[str, str, Path]]:
    """Each finding as code, message and path."""
    found = []
    for finding in decoded.diagnostics:
        assert isinstance(finding.where, Place)
        assert finding.help
        found.append((finding.code, finding.message, finding.where.path))
    return found
