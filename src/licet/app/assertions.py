"""What people say must hold, from the file that they keep it in."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.text import Text
from licet.manifest import documents
from licet.manifest.decode import assertions
from licet.model.assertion import Assertion
from licet.sources import SourceError, fetch


class Asserted(msgspec.Struct, frozen=True):
    """Assertions, what is wrong with the file, and its text by source name."""

    assertions: tuple[Assertion, ...]
    diagnostics: tuple[Diagnostic, ...]
    texts: Mapping[str, Text]


def load_assertions(file: str) -> Asserted:
    """What a file asserts. Raises SourceError where there is no such file, or nothing in it."""
    fetched = fetch([file])
    read, wrong = documents.read(fetched.texts)
    found, faults = assertions.decode(read)
    diagnostics = (*fetched.diagnostics, *wrong, *faults)
    if not found and not any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics):
        raise SourceError(f"`{file}` asserts nothing", f"begin it with `apiVersion: {assertions.VERSION}`")
    return Asserted(found, diagnostics, {text.source: text for text in fetched.texts})
