"""A value has one text: that of RFC 8785, by an implementation that is not ours."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from licet.audit.canonical import canonical
from licet.audit.errors import NotCanonicalError
from licet.audit.event import Detail

_EXACT = 2**53 - 1
TEXT = st.text(st.characters(codec="utf-8"))
DETAILS: st.SearchStrategy[Detail] = st.recursive(
    st.none() | st.booleans() | st.integers(-_EXACT, _EXACT) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(TEXT, DETAILS, max_size=6))
@example({"\U0001f600": 1, "￿": 2})
@example({"a": '\x7f\b\t\n\f\r\x00\x1f"\\/', "é": "é"})
@example({"b": {"b": [], "a": {}}, "a": True})
def test_it_is_the_text_of_the_standard(value: dict[str, Detail]) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [2**53, -(2**53), 1.5, float("nan"), b"bytes", (1,), {1: "key"}, "\ud800", {"\udfff": 1}, object()],
)
def test_what_has_no_one_text_is_refused(value: object) -> None:
    with pytest.raises(NotCanonicalError):
        canonical({"value": [value]})  # type: ignore[list-item]  # which is what is tested


def test_what_is_nested_without_end_is_refused() -> None:
    value: dict[str, Detail] = {}
    value["itself"] = value
    with pytest.raises(NotCanonicalError, match="nested too deep"):
        canonical(value)
