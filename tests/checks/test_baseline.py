"""What was there before is not held against anybody; what is new is, and what was put right is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.checks.baseline import Baseline, baseline, compare, decode, encode
from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Span

found = st.lists(
    st.builds(
        lambda code, source, text, line: Diagnostic(
            code, Severity.ERROR, text, Span(source, line, 1, line, 2) if source else None
        ),
        st.sampled_from(["L0001", "L0002"]),
        st.sampled_from(["", "a.yaml", "b.yaml"]),
        st.text(max_size=3),
        st.integers(1, 9),
    ),
    max_size=8,
)


@given(found, found)
def test_only_what_is_more_than_before_is_new(before: list[Diagnostic], after: list[Diagnostic]) -> None:
    compared = compare(after, decode(encode(baseline(before))))
    assert len(compared.new) + compared.known == len(after)
    assert compared.known + compared.gone == len(before)
    assert compare(after, baseline(after)).new == ()


@given(found)
def test_a_moved_line_changes_nothing(before: list[Diagnostic]) -> None:
    moved = [
        Diagnostic(f.code, f.severity, f.message, Span(f.where.source, f.where.line + 7, 1, f.where.line + 7, 2))
        if isinstance(f.where, Span)
        else f
        for f in before
    ]
    assert compare(moved, baseline(before)).new == ()
    assert encode(baseline(list(reversed(before)))) == encode(baseline(before))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"schema": "licet.dev/map/v1", "findings": []}', b'{"findings": 1}', b"{"]
)
def test_what_is_no_baseline_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode(data)


def test_an_empty_baseline_is_a_file_that_can_be_read() -> None:
    assert decode(encode(Baseline())) == Baseline()
