"""Findings as an answer, in the form that was asked for."""

from __future__ import annotations

from licet.diag.diagnostic import Severity
from licet.diag.render import github, junit, markdown, sarif
from licet.diag.report import Report

FORMATS = ("sarif", "junit", "github", "markdown")
"""The forms that other tools define, beside the table and the JSON that each command has of its own."""


def render(report: Report, form: str, fail_on: Severity) -> str:
    """The findings in one of FORMATS; a JUnit report has a test a finding."""
    match form:
        case "sarif":
            return sarif.render(report)
        case "junit":
            return junit.render(junit.cases(report, fail_on))
        case "github":
            return github.render(report)
        case "markdown":
            return markdown.render(report)
        case _:
            raise ValueError(form)
