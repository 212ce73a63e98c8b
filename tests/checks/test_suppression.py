"""What people decided to live with stays silent for as long as they said, and no longer; and never without a reason."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from licet.app.report import Spans
from licet.checks.codes import CODES
from licet.checks.suppression import Suppression, annotated, annotation_place, commented, sift
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Span
from licet.diag.text import Text
from licet.manifest import documents

ROOT = Path(__file__).parents[2]
TODAY = date(2027, 3, 1)


def finding(line: int, code: str = "L0460", source: str = "m.yaml") -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, "wrong", Span(source, line, 1, line, 2))


def comments(text: str) -> tuple[list[Suppression], list[Diagnostic]]:
    return commented([Text("m.yaml", text.encode())])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1  # licet: ignore L0460: legacy\nb: 2\n", 1),
        ("a: 1\n# licet: ignore L0460: legacy\nb: 2\n", 3),
        ("# licet: ignore L0460: legacy\n# more of why\n\nb: 2\n", 4),
        ("a: 1  # licet: ignore L0460 until 2027-03-01: legacy\n", 1),
    ],
)
def test_a_comment_covers_its_line_or_the_next_one(text: str, line: int) -> None:
    found, wrong = comments(text)
    assert not wrong
    others = [finding(line + 1), finding(line, "L0461"), finding(line, source="n.yaml")]
    sifted = sift([finding(line), *others], found, TODAY)
    assert (sifted.kept, sifted.suppressed, sifted.wrong) == (tuple(others), 1, ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# licet: ignore L0460\n", "a suppression of L0460 gives no reason"),
        ("# licet: ignore L0460:  \n", "a suppression of L0460 gives no reason"),
        ("# licet: ignore\n", "a suppression says nothing"),
        ("# licet: ignore everything: please\n", "a suppression names no code"),
        ("# licet: ignore L9999: why\n", "a suppression names L9999, and no finding has that code"),
        ("# licet: ignore L0460 until tomorrow: why\n", "a suppression of L0460 ends on `tomorrow`, no date"),
    ],
)
def test_a_suppression_that_says_too_little_suppresses_nothing(text: str, message: str) -> None:
    found, wrong = comments(text)
    assert (found, [w.message for w in wrong]) == ([], [message])


def test_codes_are_those_that_the_page_of_findings_lists() -> None:
    """But for those of trust domains: what `licet identity doctor` finds stands in no manifest."""
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8").partition("\n## Identities")[0]
    assert frozenset(re.findall(r"^\| (L\d{4}) \|", page, re.MULTILINE)) == CODES


@pytest.mark.parametrize(
    "text",
    [
        "a: 'x # licet: ignore L0460: why'\n",
        'a: "x # licet: ignore L0460: why"\n',
        'b: {c: ["é", "x # licet: ignore L0460: why", 1]}\n',
        'a: "x\n  # licet: ignore L0460: why\n  y"\n',
        '---\na: 1\n---\r\n{"a": "x # licet: ignore L0460: why"}\n',
    ],
)
def test_what_stands_in_quotes_is_no_comment(text: str) -> None:
    assert comments(text) == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        'a: "it\'s"  # licet: ignore L0460: why\n',
        "a: it's  # licet: ignore L0460: why, and don't ask\n",
        "# don't\na: 1 # licet: ignore L0460: why\n",
        "a: |\n  it's\n  b: 1  # licet: ignore L0460: why\n",
        "a: {{ .Values.a }}\nb: 1  # licet: ignore L0460: why\n",
    ],
)
def test_quotes_elsewhere_leave_a_comment_what_it_is(text: str) -> None:
    found, wrong = comments(text)
    assert ([one.code for one in found], wrong) == (["L0460"], [])


@pytest.mark.parametrize("value", ["7", "true", "[L0460: why]", "null", ""])
def test_an_annotation_that_is_no_text_suppresses_nothing(value: str) -> None:
    text = Text(
        "m.yaml",
        f"apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations: {{licet.dev/ignore: {value}}}\n".encode(),
    )
    read, _ = documents.read([text])
    place = annotation_place(read[0])
    assert place is not None
    found, [wrong] = annotated(read, [text], [Spans({"m.yaml": text}).of(place)])
    assert (found, wrong.code, wrong.message) == ([], "L0462", "a suppression is no text")


def test_after_its_last_day_a_suppression_is_told_of_and_the_finding_is_back() -> None:
    found, _ = comments("a: 1  # licet: ignore L0460 until 2027-02-28: legacy\n")
    sifted = sift([finding(1)], found, TODAY)
    assert sifted.kept == (finding(1),)
    assert [w.message for w in sifted.wrong] == ["the suppression of L0460 ended on 2027-02-28"]


def test_a_suppression_of_nothing_is_found() -> None:
    found, _ = comments("a: 1  # licet: ignore L0460: legacy\n")
    [told] = sift([], found, TODAY).wrong
    assert (told.code, told.severity) == ("L0464", Severity.WARNING)


def test_an_annotation_covers_its_object_and_no_other() -> None:
    one = "apiVersion: v1\nkind: Service\nmetadata:\n  name: %s\n  annotations: {%s}\nspec: {}\n"
    text = Text(
        "m.yaml",
        (
            one % ("a", 'licet.dev/ignore: "L0460: legacy; L0461 until 2027-05-01: soon"') + "---\n" + one % ("b", "")
        ).encode(),
    )
    read, _ = documents.read([text])
    spans = Spans({"m.yaml": text})
    places = [annotation_place(document) for document in read]
    found, wrong = annotated(read, [text], [spans.of(place) if place else None for place in places])
    assert not wrong
    sifted = sift([finding(2), finding(2, "L0461"), finding(9)], found, TODAY)
    assert (sifted.kept, sifted.suppressed, sifted.wrong) == ((finding(9),), 2, ())
