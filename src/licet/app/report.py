"""From findings as rooms make them to findings as they are shown: places become lines and columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place, Span
from licet.diag.report import Report
from licet.diag.text import Text
from licet.manifest.locate import locate


def report(diagnostics: Iterable[Diagnostic], texts: Mapping[str, Text], most: int | None = None) -> Report:
    """The findings in their order, each with its region of a text.

    To find a region costs a second look at the document, so beyond `most` findings of one code the region is left out.
    """
    seen: Counter[str] = Counter()
    findings: list[Diagnostic] = []
    for diagnostic in diagnostics:
        seen[diagnostic.code] += 1
        wanted = most is None or seen[diagnostic.code] <= most
        findings.append(_placed(diagnostic, texts) if wanted else msgspec.structs.replace(diagnostic, where=None))
    return Report(tuple(findings), texts)


def _placed(diagnostic: Diagnostic, texts: Mapping[str, Text]) -> Diagnostic:
    if not isinstance(diagnostic.where, Place):
        return diagnostic
    return msgspec.structs.replace(diagnostic, where=span(diagnostic.where, texts))


def span(place: Place, texts: Mapping[str, Text]) -> Span | None:
    """The region of a place; None where its text is not at hand."""
    text = texts.get(place.origin.source)
    return locate(text, place) if text is not None else None
