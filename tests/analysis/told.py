"""Findings as text, with nothing left out, for golden files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place


def lines(findings: Iterable[Diagnostic]) -> Iterator[str]:
    """Each finding, field by field; what a finding leaves out is left out."""
    for finding in findings:
        assert isinstance(finding.where, Place)
        path = ".".join(map(str, finding.where.path))
        yield f"{finding.severity.word}[{finding.code}] {finding.where.origin.source} {path}"
        for field in msgspec.structs.fields(Diagnostic):
            value = getattr(finding, field.name)
            if field.name not in ("code", "severity", "where") and value != field.default:
                yield f"  {field.name}: {value}"
        yield ""
