"""Findings as Markdown, for a comment under a pull request or a job's summary."""

from __future__ import annotations

import re

from licet.diag.diagnostic import Diagnostic
from licet.diag.render.terminal import SHOWN_PER_CODE, count
from licet.diag.render.visible import visible
from licet.diag.report import Report, notes_of, span_of

_CODE = re.compile("`([^`]*)`")
_BAR = re.compile(r"(?<!\\)\|")
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|<>&@~:])")


def render(report: Report) -> str:
    """A heading with the count, then a list; each code's findings beyond the first twenty are only counted."""
    if not report.findings:
        return "### Licet: nothing wrong\n"
    shown: dict[str, list[Diagnostic]] = {}
    for finding in report.findings:
        shown.setdefault(finding.code, []).append(finding)
    rows = [f"### Licet: {count(report)}", ""]
    for rule, findings in shown.items():
        for finding in findings[:SHOWN_PER_CODE]:
            rows += _item(finding)
        if len(findings) > SHOWN_PER_CODE:
            rows.append(f"- {len(findings) - SHOWN_PER_CODE:,} more of {rule}")
    return "\n".join(rows) + "\n"


def _item(finding: Diagnostic) -> list[str]:
    span = span_of(finding)
    place = f" at {code(f'{span.source}:{span.line}:{span.column}')}" if span else ""
    rows = [f"- **{finding.severity.word} {finding.code}**{place}: {prose(finding.message)}"]
    rows += [f"  - {prose(note)}" for note in notes_of(finding)]
    if finding.help:
        rows.append(f"  - help: {prose(finding.help)}")
    return rows


def prose(text: str) -> str:
    """Text whose backticks mark what the user wrote, with nothing else in it taken for markup."""
    out: list[str] = []
    last = 0
    text = visible(text)
    for match in _CODE.finditer(text):
        out += [plain(text[last : match.start()]), code(match[1])]
        last = match.end()
    return "".join([*out, plain(text[last:])])


def plain(text: str) -> str:
    """Text with every character that Markdown might take for markup escaped."""
    return _MARKUP.sub(r"\\\1", visible(text))


def code(text: str) -> str:
    """Text as a code span; backticks in it become a look-alike."""
    text = visible(text).replace("`", "\u02cb")
    return f"`{text}`" if text.strip() else "`\u2423`"


def cell(markdown: str) -> str:
    """Markdown for inside a table, where a bar would end the cell, in a code span too."""
    return _BAR.sub(r"\|", markdown)
