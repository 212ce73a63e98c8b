"""Findings that were there when the gate was set up: kept in a file, so that an existing platform starts clean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from licet.checks.findings import CHANGED_CONSENT
from licet.diag.diagnostic import Diagnostic
from licet.diag.report import span_of

SCHEMA: Final = "licet.dev/baseline/v1"


class Known(msgspec.Struct, frozen=True, order=True):
    """One finding, without its line: lines move. Equal findings of one file are counted."""

    code: str
    source: str
    message: str
    count: int = 1


class Baseline(msgspec.Struct, frozen=True):
    """What a baseline file holds."""

    findings: tuple[Known, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: Literal["licet.dev/baseline/v1"]
    findings: tuple[Known, ...]


class Compared(msgspec.Struct, frozen=True):
    """The findings that are new, and how many are known, and how many known ones are gone."""

    new: tuple[Diagnostic, ...]
    known: int
    gone: int


def baseline(found: Iterable[Diagnostic]) -> Baseline:
    """A baseline of these findings, in a fixed order; a change of consent is never known."""
    counts = Counter(_marks(finding) for finding in found if finding.code != CHANGED_CONSENT)
    return Baseline(tuple(sorted(Known(*marks, count) for marks, count in counts.items())))


def compare(found: Iterable[Diagnostic], known: Baseline) -> Compared:
    """Take out what a baseline holds, each as often as it holds it."""
    left = Counter({(one.code, one.source, one.message): one.count for one in known.findings})
    new: list[Diagnostic] = []
    met = 0
    for finding in found:
        marks = _marks(finding)
        if left[marks] > 0:
            left[marks] -= 1
            met += 1
        else:
            new.append(finding)
    return Compared(tuple(new), met, sum(left.values()))


def encode(value: Baseline) -> bytes:
    """The file: one finding a line, so that a change of it reads well."""
    rows = ",\n".join(f"  {msgspec.json.encode(known).decode()}" for known in value.findings)
    return f'{{"schema": "{SCHEMA}", "findings": [\n{rows}\n]}}\n'.encode()


def decode(data: bytes) -> Baseline:
    """Read a file; raises ValueError, with the reason, where it is no baseline."""
    try:
        return Baseline(msgspec.json.decode(data, type=_File).findings)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def _marks(finding: Diagnostic) -> tuple[str, str, str]:
    span = span_of(finding)
    return finding.code, span.source if span else "", finding.message
