"""What people see of a finding."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Span
from licet.diag.render.paint import Paint
from licet.diag.render.terminal import count, render
from licet.diag.render.visible import columns, visible
from licet.diag.report import Report
from licet.diag.text import Text
from tests.diag.reports import HALF, HOSTILE, LEDGER, POLICY, REPORT, hostile


def test_a_finding_looks_as_the_house_style_says() -> None:
    assert render(Report((LEDGER,), REPORT.texts)) == (
        "error[L0214]: `shop/checkout` reaches `bank/ledger:5432`, which nobody agreed to\n"
        " --> k8s/bank/ledger-policy.yaml:3:9\n"
        "  |\n"
        "2 |     - from:\n"
        "3 |         - namespaceSelector: {}\n"
        "  |         ^^^^^^^^^^^^^^^^^^^^^ admits every namespace\n"
        "  = witness: shop/checkout[Deployment] -> bank/ledger[StatefulSet], TCP 5432\n"
        "help: name the caller, or let `bank/ledger` serve it (`licet rule L0214`)\n"
        "\n"
    )


def test_the_other_side_of_a_finding_is_shown_below_it() -> None:
    lines = render(Report((HALF,), REPORT.texts)).splitlines()
    assert lines[-6:] == [
        f" ::: {POLICY}:2:7",
        "  |",
        "1 | spec:",
        "2 |     - from:",
        "  |       ^^^^ whom it admits",
        "",
    ]


def test_silence_when_all_is_well() -> None:
    assert render(Report()) == ""


def test_findings_of_one_code_are_counted_after_the_twentieth() -> None:
    many = Report(tuple(Diagnostic("L0103", Severity.WARNING, f"kind {n}") for n in range(23)))
    text = render(many)
    assert text.count("warning[L0103]") == 20
    assert "3 more of L0103 not shown (all of them with `--verbose`)" in text
    assert render(many, every=True).count("warning[L0103]") == 23


@pytest.mark.parametrize(
    ("line", "column", "end", "caret"),
    [
        ("a: bad", 4, 7, "   ^^^"),
        ("\ta: bad", 5, 8, "       ^^^"),
        ("日本: bad", 5, 8, "      ^^^"),
        ("e\u0301: bad", 5, 8, "   ^^^"),
    ],
    ids=["plain", "tab", "wide", "combining"],
)
def test_the_caret_stands_under_what_is_meant(line: str, column: int, end: int, caret: str) -> None:
    found = Diagnostic("L0100", Severity.ERROR, "no", Span("f", 1, column, 1, end))
    under = render(Report((found,), {"f": Text("f", line.encode())})).splitlines()[4]
    assert under == f"  | {caret}"


def test_a_long_line_is_cut_round_the_mark() -> None:
    line = "x" * 500 + "BAD" + "y" * 500
    found = Diagnostic("L0100", Severity.ERROR, "no", Span("f", 1, 501, 1, 504))
    shown, under = render(Report((found,), {"f": Text("f", line.encode())}), width=60).splitlines()[3:5]
    assert len(shown) <= 60
    assert shown[under.index("^") :].startswith("BAD")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_marks_of_byte_order_are_no_part_of_a_line(encoding: str) -> None:
    found = Diagnostic("L0100", Severity.ERROR, "no", Span("f", 2, 1, 2, 2))
    text = render(Report((found,), {"f": Text("f", "a: 1\r\nb: 2\r\n".encode(encoding))}))
    assert "1 | a: 1\n2 | b: 2\n" in text


@given(st.text(max_size=60))
def test_nothing_that_a_manifest_says_can_move_the_cursor(text: str) -> None:
    shown = render(hostile(text))
    assert visible(shown.replace("\n", "")) == shown.replace("\n", "")


def test_a_name_cannot_hide_behind_direction_marks() -> None:
    assert visible("a\u202eb\u2066c\u200bd\x1b[1m") == "a\ufffdb\ufffdc\ufffdd\u241b[1m"
    assert "\u202e" not in render(hostile(HOSTILE))


@given(st.text(max_size=40))
def test_colours_add_nothing_but_colours(text: str) -> None:
    painted = render(hostile(text), paint=Paint(on=True))
    assert re.sub("\x1b\\[[0-9;]*m", "", painted) == render(hostile(text))


@given(st.integers(1, 5), st.integers(1, 400), st.integers(1, 400), st.binary(max_size=200), st.integers(1, 200))
def test_any_span_over_any_bytes_can_be_shown(line: int, column: int, end: int, data: bytes, width: int) -> None:
    found = Diagnostic("L0100", Severity.ERROR, "no", Span("f", line, column, line, end), label="here")
    assert render(Report((found,), {"f": Text("f", data)}), width=width).startswith("error[L0100]: no\n")


@pytest.mark.parametrize(
    ("severities", "said"),
    [
        ((), ""),
        ((3,), "1 error"),
        ((3, 3, 2), "2 errors and 1 warning"),
        ((3, 2, 1), "1 error, 1 warning and 1 note"),
    ],
)
def test_the_count_reads_as_a_sentence(severities: tuple[int, ...], said: str) -> None:
    assert count(Report(tuple(Diagnostic("L0001", Severity(s), "m") for s in severities))) == said


def test_wide_characters_take_two_columns() -> None:
    assert [columns(text) for text in ("ab", "日本", "e\u0301", "")] == [2, 4, 1, 0]
