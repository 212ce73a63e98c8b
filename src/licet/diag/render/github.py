"""Findings as annotations of GitHub Actions: one workflow command a line."""

from __future__ import annotations

from collections.abc import Mapping

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.render.visible import visible
from licet.diag.report import Report, notes_of, span_of

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report) -> str:
    """One line a finding; empty where there are none."""
    return "".join(map(_finding, report.findings))


def _finding(finding: Diagnostic) -> str:
    properties = {"title": f"{finding.code}: {visible(finding.message)}"}
    span = span_of(finding)
    if span is not None:
        properties |= {"file": span.source, "line": str(span.line), "endLine": str(span.end_line)}
        if span.line == span.end_line:
            properties |= {"col": str(span.column), "endColumn": str(max(span.end_column - 1, span.column))}
    parts = [finding.message, *notes_of(finding), *([f"help: {finding.help}"] if finding.help else [])]
    return annotation(_COMMAND[finding.severity], properties, "\n".join(map(visible, parts)))


def annotation(command: str, properties: Mapping[str, str], text: str) -> str:
    """One workflow command, `error`, `warning` or `notice`, as a line."""
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{command} {listed}::{_data(text)}\n"


def _data(text: str) -> str:
    """Escaped as the runner reads messages (actions/toolkit, `escapeData`)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escaped as the runner reads properties (actions/toolkit, `escapeProperty`)."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
