"""Selectors as Kubernetes defines them, and what they say of labels that are not known."""

from __future__ import annotations

import pytest

from licet.model.selector import EVERYTHING, Operator, Requirement, Selector
from licet.model.ternary import Ternary

NO, UNKNOWN, YES = Ternary


@pytest.mark.parametrize(
    ("operator", "values", "present", "absent"),
    [
        (Operator.IN, ("a", "b"), YES, NO),
        (Operator.IN, ("c",), NO, NO),
        (Operator.NOT_IN, ("a", "b"), NO, YES),
        (Operator.NOT_IN, ("c",), YES, YES),
        (Operator.EXISTS, (), YES, NO),
        (Operator.DOES_NOT_EXIST, (), NO, YES),
    ],
)
def test_each_operator(operator: Operator, values: tuple[str, ...], present: Ternary, absent: Ternary) -> None:
    """NotIn and DoesNotExist hold for a key that is missing; nothing is sure of one that is unknown."""
    requirement = Requirement("k", operator, values)
    assert requirement.matches({"k": "a"}, frozenset()) is present
    assert requirement.matches({}, frozenset()) is absent
    assert requirement.matches({}, frozenset({"k"})) is UNKNOWN
    assert requirement.matches({"k": "a"}, frozenset({"k"})) is present


def test_requirements_are_joined_by_and() -> None:
    """One that fails settles it, whatever is unknown."""
    a, b = Requirement("a", Operator.EXISTS), Requirement("b", Operator.EXISTS)
    both = Selector.of([a, b])
    assert both.matches({"a": "", "b": ""}) is YES
    assert both.matches({"a": ""}, frozenset({"b"})) is UNKNOWN
    assert both.matches({}, frozenset({"b"})) is NO
    assert EVERYTHING.matches({}, frozenset({"b"})) is YES


def test_one_selector_has_one_form() -> None:
    """So that equal selectors are found to be equal."""
    a, b = Requirement("a", Operator.IN, ("x",)), Requirement("b", Operator.EXISTS)
    assert Selector.of([b, a, b]) == Selector.of([a, b])
