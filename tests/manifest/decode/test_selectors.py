"""Label selectors."""

from __future__ import annotations

import pytest

from licet.diag.place import Path
from licet.model.selector import Operator, Requirement, Selector
from tests.manifest.decode.given import faults, given

POLICY = "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p}}, spec: {{podSelector: {}}}}}"


@pytest.mark.parametrize(
    ("selector", "requirements"),
    [
        ("{}", []),
        ("{matchLabels: {}}", []),
        ("{matchLabels: null, matchExpressions: null}", []),
        ("{matchLabels: {b: '1', a: ''}}", [("a", "In", ("",)), ("b", "In", ("1",))]),
        ("{matchExpressions: [{key: a, operator: In, values: [z, x, z]}]}", [("a", "In", ("x", "z"))]),
        ("{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}", [("a", "NotIn", ("x",))]),
        ("{matchExpressions: [{key: a, operator: Exists}]}", [("a", "Exists", ())]),
        ("{matchExpressions: [{key: a, operator: DoesNotExist, values: []}]}", [("a", "DoesNotExist", ())]),
        (
            "{matchLabels: {a: x}, matchExpressions:"
            " [{key: a, operator: In, values: [x]}, {key: b, operator: Exists}]}",
            [("a", "In", ("x",)), ("b", "Exists", ())],
        ),
    ],
)
def test_what_a_selector_asks(selector: str, requirements: list[tuple[str, str, tuple[str, ...]]]) -> None:
    decoded = given(POLICY.format(selector))
    assert faults(decoded) == []
    assert decoded.cluster.network_policies[0].pods == Selector.of(
        [Requirement(key, Operator(operator), values) for key, operator, values in requirements]
    )


@pytest.mark.parametrize(
    ("selector", "message", "path"),
    [
        ("{matchLabels: {'a b': x}}", "is not a label key: `a b`", ("matchLabels", "a b")),
        (
            "{matchLabels: {'A_/x': z}}",
            "has `A_` before the slash, which is not a DNS subdomain",
            ("matchLabels", "A_/x"),
        ),
        ("{matchLabels: {a/: z}}", "is not a label key: `a/`", ("matchLabels", "a/")),
        ("{matchLabels: {a: 'b c'}}", "is not a label value: `b c`", ("matchLabels", "a")),
        ("{matchLabels: {a: -b}}", "is not a label value: `-b`", ("matchLabels", "a")),
        (
            "{matchExpressions: [{key: a, operator: In, values: []}]}",
            "must not be empty for In",
            ("matchExpressions", 0, "values"),
        ),
        (
            "{matchExpressions: [{key: a, operator: NotIn}]}",
            "must not be empty for NotIn",
            ("matchExpressions", 0, "values"),
        ),
        (
            "{matchExpressions: [{key: a, operator: Exists, values: [x]}]}",
            "must be empty for Exists",
            ("matchExpressions", 0, "values"),
        ),
        ("{matchExpressions: [{key: a, operator: in, values: [x]}]}", "is `in`", ("matchExpressions", 0, "operator")),
        ("{matchExpressions: [null]}", "is missing", ("matchExpressions", 0, "operator")),
        ("{matchExpressions: [{operator: Exists}]}", "is not a label key: ``", ("matchExpressions", 0, "key")),
        (
            "{matchExpressions: [{key: a, operator: In, values: [x, 'y z']}]}",
            "is not a label value: `y z`",
            ("matchExpressions", 0, "values", 1),
        ),
    ],
)
def test_what_the_api_server_refuses_of_a_selector(selector: str, message: str, path: Path) -> None:
    """`ValidateLabelSelector` of apimachinery."""
    decoded = given(POLICY.format(selector))
    assert [(text.partition("` ")[2], where) for _, text, where in faults(decoded)] == [
        (message, ("spec", "podSelector", *path))
    ]
    assert decoded.cluster.network_policies == ()


def test_a_null_value_is_the_empty_string_and_told_every_time() -> None:
    decoded = given("\n---\n".join(POLICY.format("{matchLabels: {a: null}}").replace("p}", f"p{i}}}") for i in "12"))
    assert [code for code, _, _ in faults(decoded)] == ["L0111", "L0111"]
    asked = Selector((Requirement("a", Operator.IN, ("",)),))
    assert [policy.pods for policy in decoded.cluster.network_policies] == [asked, asked]


def test_the_longest_label_is_taken_and_one_longer_is_not() -> None:
    assert faults(given(POLICY.format(f"{{matchLabels: {{{'a' * 63}: {'b' * 63}}}}}"))) == []
    for long in (f"{'a' * 64}: b", f"a: {'b' * 64}"):
        assert [code for code, _, _ in faults(given(POLICY.format(f"{{matchLabels: {{{long}}}}}")))] == ["L0100"]
