"""What a run found, ready to be rendered."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Span
from licet.diag.text import Text


class Report(msgspec.Struct, frozen=True):
    """Findings in the order in which they are shown, and the texts they stand in, by source name.

    A finding's `where` is a Span or None: whoever builds a report has turned places into spans.
    """

    findings: tuple[Diagnostic, ...] = ()
    texts: Mapping[str, Text] = {}

    def count(self, severity: Severity) -> int:
        """How many findings have exactly this severity."""
        return sum(1 for finding in self.findings if finding.severity is severity)

    def reaches(self, severity: Severity) -> bool:
        """Whether any finding is at least this bad."""
        return any(finding.severity >= severity for finding in self.findings)


def notes_of(finding: Diagnostic) -> list[str]:
    """The finding's notes, and in words whatever else has a part in it, for forms that show one place only."""
    seen = [
        f"{related.where.source}:{related.where.line}:{related.where.column}: {related.label}"
        for related in finding.related
        if isinstance(related.where, Span)
    ]
    return [*finding.notes, *seen]


def span_of(finding: Diagnostic) -> Span | None:
    """The finding's region of a text, where it has one."""
    return finding.where if isinstance(finding.where, Span) else None
