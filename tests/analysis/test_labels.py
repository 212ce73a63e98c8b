"""The index answers for all items at once what a selector answers for each."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from licet.analysis.labels import LabelIndex
from licet.model.selector import Operator, Requirement, Selector
from licet.model.ternary import Ternary

KEYS, VALUES = ("a", "b", "c"), ("x", "y")
requirements = st.one_of(
    st.builds(
        Requirement,
        st.sampled_from(KEYS),
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        st.lists(st.sampled_from(VALUES), min_size=1, unique=True).map(lambda found: tuple(sorted(found))),
    ),
    st.builds(Requirement, st.sampled_from(KEYS), st.sampled_from([Operator.EXISTS, Operator.DOES_NOT_EXIST])),
)
items = st.tuples(
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES)),
    st.frozensets(st.sampled_from(KEYS)),
    st.booleans(),
    st.frozensets(st.sampled_from(KEYS)),
)


@given(st.lists(items, max_size=12), st.lists(requirements, max_size=3).map(Selector.of))
@example([({}, frozenset(), False, frozenset())], Selector.of([Requirement("b", Operator.DOES_NOT_EXIST)]))
@example(  # a sure no stays one, whatever is unknown after it and sure after that
    [({"a": "x"}, frozenset({"b"}), False, frozenset())],
    Selector.of(
        [
            Requirement("a", Operator.NOT_IN, ("x",)),
            Requirement("b", Operator.EXISTS),
            Requirement("c", Operator.DOES_NOT_EXIST),
        ]
    ),
)
def test_it_is_the_selector_item_by_item(
    given_items: list[tuple[dict[str, str], frozenset[str], bool, frozenset[str]]], selector: Selector
) -> None:
    """Sure and possible matches, with the reason named that makes the difference."""
    opaque = sum(1 << at for at, item in enumerate(given_items) if item[2])
    index = LabelIndex(
        ((at, labels, missing, there & missing) for at, (labels, missing, _, there) in enumerate(given_items)),
        len(given_items),
        opaque,
        (lambda key: f"label {key}", "opaque"),
    )
    sure, doubts = index.select(selector)
    for at, (labels, missing, is_opaque, there) in enumerate(given_items):
        hidden = frozenset(KEYS) if is_opaque else missing
        answer = selector.matches(labels, hidden, there & missing)
        reasons = {reason for reason, where in doubts.items() if where >> at & 1}
        assert bool(sure >> at & 1) == (answer is Ternary.YES)
        assert bool(reasons) == (answer is Ternary.UNKNOWN)
        if is_opaque:
            assert reasons <= {"opaque"}
        else:
            assert reasons <= {f"label {key}" for key in missing - labels.keys()}
