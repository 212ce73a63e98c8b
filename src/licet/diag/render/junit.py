"""Findings as JUnit XML, for CI systems that show test results."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

import msgspec

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.report import Report, notes_of, span_of

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(msgspec.Struct, frozen=True):
    """One test: it passed where `failure` is None. `output` is shown beside a test that passed."""

    group: str
    name: str
    failure: Diagnostic | None = None
    output: str = ""


def cases(report: Report, fail_on: Severity) -> list[Case]:
    """A case a finding, failed where it is at least as bad as `fail_on`; one that passed where there are none."""
    if not report.findings:
        return [Case("licet", "no findings")]
    return [
        Case(finding.code, _title(finding), finding)
        if finding.severity >= fail_on
        else Case(finding.code, _title(finding), output=f"{finding.severity.word}: {_body(finding)}")
        for finding in report.findings
    ]


def render(tests: Iterable[Case]) -> str:
    """One XML document with one suite."""
    listed = list(tests)
    failures = sum(1 for case in listed if case.failure is not None)
    totals = f'name="licet" tests="{len(listed)}" failures="{failures}" errors="0"'
    rows = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites {totals}>",
        f'  <testsuite {totals} skipped="0">',
        *(_case(case) for case in listed),
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(rows) + "\n"


def _case(case: Case) -> str:
    head = f"    <testcase classname={_attribute(case.group)} name={_attribute(case.name)}"
    if case.failure is not None:
        failure = case.failure
        return (
            f"{head}>\n      <failure type={_attribute(failure.severity.word)} message={_attribute(failure.message)}>"
            f"{_content(_body(failure))}</failure>\n    </testcase>"
        )
    if case.output:
        return f"{head}>\n      <system-out>{_content(case.output)}</system-out>\n    </testcase>"
    return f"{head}/>"


def _title(finding: Diagnostic) -> str:
    span = span_of(finding)
    return f"{finding.message} ({span.source}:{span.line}:{span.column})" if span else finding.message


def _body(finding: Diagnostic) -> str:
    span = span_of(finding)
    rows = [f"{finding.severity.word}[{finding.code}]: {finding.message}"]
    if span is not None:
        rows.append(f"--> {span.source}:{span.line}:{span.column}")
    rows += [f"= {note}" for note in notes_of(finding)]
    if finding.help:
        rows.append(f"help: {finding.help}")
    return "\n".join(rows)


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _content(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"})
