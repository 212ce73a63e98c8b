"""Findings that people have decided to live with, where they stand: a comment, or an annotation of the object.

A comment `# licet: ignore L0460: why` covers the line that it stands in or, alone on its line, the next line that is
no comment. The annotation `licet.dev/ignore: "L0460: why"` covers its object; a semicolon parts several. Either may say
`until 2027-03-31` after the code, the last day on which it holds. Without a reason nothing is suppressed, nor is what
keeps documents and contracts from being read, and what guards consent.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import msgspec

from licet.checks import findings
from licet.checks.codes import CODES
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place, Span
from licet.diag.text import Text
from licet.manifest.documents import Document
from licet.manifest.quoted import quoted

ANNOTATION = "licet.dev/ignore"
_COMMENT = re.compile(r"(?:^|\s)#\s*licet:\s*ignore\b(.*)$")
_CLAIM = re.compile(r"\s*(?P<code>L\d{4})(?:\s+until\s+(?P<until>[^\s:]+))?\s*(?::\s*(?P<reason>.*?))?\s*")


class Suppression(msgspec.Struct, frozen=True):
    """One code that is not to be reported in the lines `first` to `last` of a source, both included."""

    code: str
    source: str
    first: int
    last: int
    where: Span
    until: date | None = None


def commented(texts: Iterable[Text]) -> tuple[list[Suppression], list[Diagnostic]]:
    """The suppressions that comments hold, and what is wrong with others."""
    found: list[Suppression] = []
    wrong: list[Diagnostic] = []
    for text in texts:
        if b"licet:" not in text.data:
            continue
        lines = text.data.decode("utf-8", "replace").split("\n")
        matches = [(at, line, match) for at, line in enumerate(lines) if (match := _COMMENT.search(line)) is not None]
        strings = quoted(text.data) if matches else []
        for at, line, match in matches:
            start = line.index("#", match.start())
            if _is_inside((at, start), strings):
                continue
            where = Span(text.source, at + 1, start + 1, at + 1, len(line.rstrip()) + 1)
            covered = at if line[:start].strip() else _next(lines, at)
            found.extend(_claims(match[1], where, (covered + 1, covered + 1), wrong))
    return found, wrong


def _is_inside(where: tuple[int, int], strings: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> bool:
    before = bisect(strings, where, key=lambda string: string[0])
    return before > 0 and where < strings[before - 1][1]


def _next(lines: Sequence[str], at: int) -> int:
    """The next line that is neither empty nor a comment; the comment's own where there is none."""
    below = (n for n in range(at + 1, len(lines)) if lines[n].strip() and not lines[n].lstrip().startswith("#"))
    return next(below, at)


def annotated(
    documents: Iterable[Document], texts: Iterable[Text], spans: Iterable[Span | None]
) -> tuple[list[Suppression], list[Diagnostic]]:
    """The suppressions that annotations of these documents hold; `spans` are those of `annotation_place` of each."""
    data = {text.source: text.data for text in texts}
    found: list[Suppression] = []
    wrong: list[Diagnostic] = []
    for document, where in zip(documents, spans, strict=True):
        origin = document.origin
        if where is None or origin.source not in data:
            continue
        first = data[origin.source].count(b"\n", 0, origin.offset) + 1
        last = first + data[origin.source].count(b"\n", origin.offset, origin.offset + origin.length)
        value = document.value["metadata"]["annotations"][ANNOTATION]
        if not isinstance(value, str):
            wrong.append(findings.bad_suppression(where, "is no text"))
            continue
        for claim in value.split(";"):
            found.extend(_claims(claim, where, (first, last), wrong))
    return found, wrong


def annotation_place(document: Document) -> Place | None:
    """Where a document's annotation of suppressions stands, if it has one."""
    metadata = document.value.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(annotations, dict) or ANNOTATION not in annotations:
        return None
    return Place(document.origin, ("metadata", "annotations", ANNOTATION))


def _claims(text: str, where: Span, lines: tuple[int, int], wrong: list[Diagnostic]) -> Iterator[Suppression]:
    match = _CLAIM.fullmatch(text)
    if match is None:
        wrong.append(findings.bad_suppression(where, "names no code" if text.strip() else "says nothing"))
        return
    if match["code"] not in CODES:
        close = difflib.get_close_matches(match["code"], sorted(CODES), n=1)
        wrong.append(findings.no_such_code(where, match["code"], close[0] if close else ""))
        return
    if not findings.may_be_suppressed(match["code"]):
        wrong.append(findings.lasting(where, match["code"]))
        return
    if not match["reason"]:
        wrong.append(findings.bad_suppression(where, f"of {match['code']} gives no reason"))
        return
    until = None
    if match["until"]:
        try:
            until = date.fromisoformat(match["until"])
        except ValueError:
            wrong.append(findings.bad_suppression(where, f"of {match['code']} ends on `{match['until']}`, no date"))
            return
    yield Suppression(match["code"], where.source, *lines, where, until)


class Sifted(msgspec.Struct, frozen=True):
    """Findings that are left, how many were suppressed, and what is wrong with suppressions themselves."""

    kept: tuple[Diagnostic, ...]
    suppressed: int
    wrong: tuple[Diagnostic, ...]


def sift(found: Iterable[Diagnostic], suppressions: Sequence[Suppression], today: date) -> Sifted:
    """Take out what is suppressed. The findings have spans; one without cannot be suppressed."""
    by_code: dict[tuple[str, str], list[int]] = {}
    for at, one in enumerate(suppressions):
        by_code.setdefault((one.code, one.source), []).append(at)
    used: set[int] = set()
    kept: list[Diagnostic] = []
    suppressed = 0
    for finding in found:
        span = finding.where
        covering = [
            at
            for at in (by_code.get((finding.code, span.source), ()) if isinstance(span, Span) else ())
            if isinstance(span, Span) and suppressions[at].first <= span.line <= suppressions[at].last
        ]
        used.update(covering)
        if any(_holds(suppressions[at], today) for at in covering):
            suppressed += 1
        else:
            kept.append(finding)
    wrong = [
        findings.over(one.where, one.code, one.until.isoformat())
        if one.until is not None and not _holds(one, today)
        else findings.unused(one.where, one.code)
        for at, one in enumerate(suppressions)
        if at not in used or not _holds(one, today)
    ]
    return Sifted(tuple(kept), suppressed, tuple(wrong))


def _holds(one: Suppression, today: date) -> bool:
    return one.until is None or today <= one.until
