"""From findings as rooms make them to findings as they are shown: places become lines and columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from licet.diag.diagnostic import Diagnostic, Related
from licet.diag.place import Place, Span
from licet.diag.report import Report
from licet.diag.text import Text
from licet.manifest.locate import Locator


class Spans:
    """Finds regions of texts; places in one document after each other cost one look at it."""

    def __init__(self, texts: Mapping[str, Text]) -> None:
        self._texts = texts
        self._locators: dict[str, Locator] = {}
        self._known: dict[Place, Span] = {}

    def find(self, places: Iterable[Place]) -> None:
        """Look many places up at once, document by document, and keep nothing of them but their regions."""
        locator: Locator | None = None
        for place in sorted(set(places), key=lambda p: (p.origin.source, p.origin.offset)):
            text = self._texts.get(place.origin.source)
            if text is not None:
                if locator is None or locator.text is not text:
                    locator = Locator(text)
                self._known[place] = locator.locate(place)

    def of(self, place: Place) -> Span | None:
        """The region of a place; None where its text is not at hand."""
        if place in self._known:
            return self._known[place]
        source = place.origin.source
        if source not in self._texts:
            return None
        if source not in self._locators:
            self._locators[source] = Locator(self._texts[source])
        return self._locators[source].locate(place)


def report(diagnostics: Iterable[Diagnostic], texts: Mapping[str, Text], most: int | None = None) -> Report:
    """The findings in their order, each with its region of a text.

    To find a region costs a second look at the document, so beyond `most` findings of one code the region is left out.
    """
    seen: Counter[str] = Counter()
    spans = Spans(texts)
    findings: list[Diagnostic] = []
    for diagnostic in diagnostics:
        seen[diagnostic.code] += 1
        where = diagnostic.where
        if isinstance(where, Place):
            wanted = most is None or seen[diagnostic.code] <= most
            diagnostic = (
                _placed(diagnostic, where, spans)
                if wanted
                else msgspec.structs.replace(diagnostic, where=None, related=())
            )
        findings.append(diagnostic)
    return Report(tuple(findings), texts)


def _placed(diagnostic: Diagnostic, where: Place, spans: Spans) -> Diagnostic:
    related = [(other.label, spans.of(other.where)) for other in diagnostic.related if isinstance(other.where, Place)]
    return msgspec.structs.replace(
        diagnostic,
        where=spans.of(where),
        related=tuple(Related(span, label) for label, span in related if span is not None),
    )
