"""A table of pages is a dictionary in ascending order that a change leaves as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.analysis.pages import Pages

numbers = st.integers(0, 400)
tables = st.dictionaries(numbers, st.text(max_size=2))


@given(tables, tables, st.sets(numbers))
def test_a_table_is_a_dictionary(first: dict[int, str], come: dict[int, str], out: set[int]) -> None:
    """Before and after a change, whatever goes and comes."""
    table = Pages.of(first.items())
    gone = out & first.keys()
    changed = table.changed(come, gone)
    after = {at: value for at, value in first.items() if at not in gone} | come
    for found, expected in ((table, first), (changed, after)):
        assert list(found.numbers()) == sorted(expected)
        assert list(found) == [expected[at] for at in sorted(expected)]
        assert len(found) == len(expected)
        assert {at: found.get(at) for at in range(401)} == {at: expected.get(at) for at in range(401)}
        assert [at for at in range(401) if at in found] == sorted(expected)
        assert all(found[at] == expected[at] for at in expected)


def test_pages_that_stayed_are_shared() -> None:
    """One change copies one page of many, and a page that nothing is left on goes."""
    table = Pages.of((at, str(at)) for at in range(640))
    changed = table.changed({70: "other"}, range(128, 192))
    assert [number for number in range(10) if changed._pages.get(number) is not table._pages[number]] == [1, 2]
    assert 2 not in changed._pages
    assert changed != table
    assert changed == Pages.of((at, "other" if at == 70 else str(at)) for at in range(640) if not 128 <= at < 192)


def test_what_is_not_there_cannot_go() -> None:
    """Wrong use is an error, not silence."""
    table = Pages.of([(3, "three")])
    with pytest.raises(KeyError):
        table.changed({}, [4])
    with pytest.raises(KeyError):
        table[64]
