"""Findings as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TypeAlias

from licet import __version__
from licet.diag.diagnostic import Diagnostic, Fix, Severity
from licet.diag.place import Span
from licet.diag.render.json import encode
from licet.diag.report import Report, span_of

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool"

_LEVEL: dict[Severity, str] = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


def render(report: Report) -> str:
    """One SARIF log with one run; regions count columns in characters."""
    rules: list[str] = sorted({finding.code for finding in report.findings})
    number = {code: index for index, code in enumerate(rules)}
    seen: Counter[str] = Counter()
    results: list[Json] = [_result(finding, number[finding.code], seen) for finding in report.findings]
    driver: dict[str, Json] = {
        "name": "Licet",
        "semanticVersion": __version__,
        "rules": [{"id": code} for code in rules],
    }
    return encode(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
        }
    )


def _result(finding: Diagnostic, rule: int, seen: Counter[str]) -> Json:
    text = [finding.message, *finding.notes, *([f"help: {finding.help}"] if finding.help else [])]
    result: dict[str, Json] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVEL[finding.severity],
        "message": {"text": "\n".join(text)},
        "partialFingerprints": {"licet/v1": _fingerprint(finding, seen)},
    }
    span = span_of(finding)
    if span is not None:
        result["locations"] = [_location(span, finding.label)]
        if finding.fix is not None:
            result["fixes"] = [_fix(finding.fix, span)]
    related: list[Json] = [
        _location(other.where, other.label) for other in finding.related if isinstance(other.where, Span)
    ]
    if related:
        result["relatedLocations"] = related
    return result


def _location(span: Span, label: str) -> dict[str, Json]:
    physical: dict[str, Json] = {"artifactLocation": {"uri": _uri(span.source)}, "region": _region(span)}
    location: dict[str, Json] = {"physicalLocation": physical}
    if label:
        location["message"] = {"text": label}
    return location


def _fix(fix: Fix, span: Span) -> Json:
    replacement: Json = {"deletedRegion": _region(span), "insertedContent": {"text": fix.replacement}}
    change: Json = {"artifactLocation": {"uri": _uri(span.source)}, "replacements": [replacement]}
    return {"description": {"text": fix.title}, "artifactChanges": [change]}


def _region(span: Span) -> Json:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _uri(source: str) -> str:
    """A URI reference; a name that is no path, such as `<stdin>`, is escaped into one."""
    path = "".join(
        chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in source.encode("utf-8", "surrogateescape")
    )
    return f"file://{path}" if path.startswith("/") else path.removeprefix("./")


def _fingerprint(finding: Diagnostic, seen: Counter[str]) -> str:
    """Stays the same when lines above the finding come and go; equal findings of one file are numbered."""
    span = span_of(finding)
    base = "\0".join([finding.code, span.source if span else "", finding.message])
    seen[base] += 1
    return hashlib.sha256(f"{base}\0{seen[base]}".encode("utf-8", "replace")).hexdigest()[:32]
