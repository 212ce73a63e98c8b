"""What drafts and fixes put into the texts of contracts, and where the evidence for it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from licet.app.report import Spans
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Origin, Place
from licet.diag.text import Text
from licet.discover import findings
from licet.discover.edge import Evidence
from licet.discover.owner import Owner
from licet.discover.update import Addition
from licet.manifest.edit import Unplaced, insert_item, insert_key


class Whereabouts:
    """Says where evidence stands."""

    def __init__(self, texts: Mapping[str, Text]) -> None:
        self._texts = texts
        self._spans = Spans(texts)

    def locate(self, places: Iterable[Place]) -> None:
        """Find many places beforehand, which costs one look at each document."""
        self._spans.find(places)

    def of(self, told: Evidence | Owner) -> str:
        """The file and the line."""
        span = self._spans.of(told.place)
        if span is None:
            return told.place.origin.source
        line = span.line
        below = told.below if isinstance(told, Evidence) else None
        if below is not None and self._is_block_scalar(span.source, line, span.column):
            line += below + 1
        return f"{span.source}:{line}"

    def _is_block_scalar(self, source: str, line: int, column: int) -> bool:
        text = self._texts[source].data.split(b"\n")[line - 1].decode(errors="replace")
        return text[column - 1 : column] in ("|", ">")


def amended(data: bytes, additions: Sequence[tuple[Origin, Addition]]) -> tuple[bytes, list[Diagnostic]]:
    """A text with additions to its documents, and a finding for each that it has no place for, at its list.

    They are made from the end of the text on, so that what is still to be changed stays where it was.
    """
    refused: list[Diagnostic] = []
    grown: dict[int, int] = {}
    for origin, addition in sorted(additions, key=lambda each: -each[0].offset):
        length = origin.length + grown.get(origin.offset, 0)
        now = Origin(origin.source, origin.offset, length, origin.path)
        insert = insert_key if addition.key else insert_item
        try:
            added = insert(data, now, addition.path, addition.lines)
        except Unplaced as problem:
            where = Place(origin, addition.path)
            refused.append(findings.unplaced(where, addition.what, str(problem), addition.lines))
            continue
        grown[origin.offset] = grown.get(origin.offset, 0) + len(added) - len(data)
        data = added
    return data, refused
