"""Findings for other programs: schema `licet.dev/findings/v1`."""

from __future__ import annotations

import msgspec

from licet.diag.diagnostic import Diagnostic, Fix
from licet.diag.place import Span
from licet.diag.report import Report, span_of

SCHEMA = "licet.dev/findings/v1"


class Where(msgspec.Struct, frozen=True, rename="camel"):
    """A region of a source: lines and columns from 1, columns in characters, the end exclusive."""

    source: str
    line: int
    column: int
    end_line: int
    end_column: int


class Related(msgspec.Struct, frozen=True, rename="camel"):
    """Another region that has a part in a finding."""

    where: Where
    label: str


class Finding(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One finding as every JSON output of Licet holds it; what is empty is left out."""

    code: str
    severity: str
    message: str
    where: Where | None = None
    label: str = ""
    help: str = ""
    notes: tuple[str, ...] = ()
    fix: Fix | None = None
    related: tuple[Related, ...] = ()


class Findings(msgspec.Struct, frozen=True, tag_field="schema", tag=SCHEMA):
    """The whole output."""

    findings: list[Finding]


def finding(value: Diagnostic) -> Finding:
    """A finding in the form in which it is written."""
    return Finding(
        code=value.code,
        severity=value.severity.word,
        message=value.message,
        where=where(value),
        label=value.label,
        help=value.help,
        notes=value.notes,
        fix=value.fix,
        related=tuple(
            Related(_region(other.where), other.label) for other in value.related if isinstance(other.where, Span)
        ),
    )


def where(value: Diagnostic) -> Where | None:
    """A finding's region in the form in which it is written."""
    span = span_of(value)
    return None if span is None else _region(span)


def _region(span: Span) -> Where:
    return Where(span.source, span.line, span.column, span.end_line, span.end_column)


def findings(report: Report) -> list[Finding]:
    """A report's findings in the form in which they are written, in its order."""
    return [finding(value) for value in report.findings]


def render(report: Report) -> str:
    """One JSON document."""
    return encode(Findings(findings(report)))


def encode(value: object) -> str:
    """A value as indented JSON with a line break at the end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode("utf-8", "replace") + "\n"
