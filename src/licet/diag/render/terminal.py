"""Findings for people: a code, the line, a caret, the way out, and a count at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Span
from licet.diag.render.excerpt import Excerpts
from licet.diag.render.paint import PLAIN, Paint
from licet.diag.render.visible import visible
from licet.diag.report import Report, span_of

SHOWN_PER_CODE = 20
"""Findings of one code that are shown in full; the rest are counted."""


def render(report: Report, *, paint: Paint = PLAIN, width: int = 100, every: bool = False) -> str:
    """All findings, each followed by an empty line; empty where there are none.

    `every` shows also those that are otherwise only counted.
    """
    excerpts = Excerpts(report.texts)
    seen: Counter[str] = Counter()
    out: list[str] = []
    for finding in report.findings:
        seen[finding.code] += 1
        if every or seen[finding.code] <= SHOWN_PER_CODE:
            out += [*_finding(finding, excerpts, paint, width), ""]
    for code, number in seen.items():
        if not every and number > SHOWN_PER_CODE:
            rest = f"{number - SHOWN_PER_CODE} more of {code} not shown"
            out += [f"{paint.strong(rest)} (all of them with `--verbose`)", ""]
    return "\n".join(out) + "\n" if out else ""


def _finding(finding: Diagnostic, excerpts: Excerpts, paint: Paint, width: int) -> Iterator[str]:
    head = paint.severity(finding.severity, f"{finding.severity.word}[{finding.code}]")
    yield f"{head}: {paint.strong(visible(finding.message))}"
    span = span_of(finding)
    indent = ""
    if span is not None:
        indent = " " * len(str(span.line))
        yield f"{indent}{paint.faint('-->')} {visible(span.source)}:{span.line}:{span.column}"
        yield from excerpts.show(span, finding.label, finding.severity, paint, width)
    for related in finding.related:
        other = related.where
        if isinstance(other, Span):
            yield f"{indent}{paint.faint(':::')} {visible(other.source)}:{other.line}:{other.column}"
            yield from excerpts.show(other, related.label, Severity.INFO, paint, width)
    for note in finding.notes:
        yield f"{indent} {paint.faint('=')} {visible(note)}"
    if finding.help:
        yield f"{paint.hint('help')}: {visible(finding.help)}"
    if finding.fix is not None:
        yield f"{paint.hint('fix')}: {visible(finding.fix.title)}: `{visible(finding.fix.replacement)}`"


def count(report: Report) -> str:
    """Such as `1 error and 2 warnings`; empty where nothing was found."""
    parts = [
        counted(report.count(severity), noun)
        for severity, noun in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "note"))
        if report.count(severity)
    ]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def counted(number: int, noun: str) -> str:
    """Such as `1 error` or `2,000 errors`."""
    several = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else several}"
