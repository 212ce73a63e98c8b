"""Ids are written and read by one rule."""

from __future__ import annotations

import pytest

from licet.model.key import Key, Pattern

CHECKOUT = Key("", "apps", "Deployment", "shop", "checkout")
ROLLOUT = Key("eu-west", "argoproj.io", "Rollout", "bank", "ledger")
POLICY = Key("", "policy.networking.k8s.io", "ClusterNetworkPolicy", "", "base")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (CHECKOUT, "shop/checkout[Deployment]"),
        (ROLLOUT, "eu-west:bank/ledger[Rollout.argoproj.io]"),
        (POLICY, "base[ClusterNetworkPolicy.policy.networking.k8s.io]"),
    ],
)
def test_an_id_names_its_key(key: Key, text: str) -> None:
    """Written for people, and read back as a pattern that matches it."""
    assert str(key) == text
    assert Pattern.parse(text).matches(key)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("checkout", {CHECKOUT}),
        ("shop/checkout", {CHECKOUT}),
        ("shop/checkout[StatefulSet]", set()),
        ("bank/checkout", set()),
        ("bank/ledger[Rollout]", {ROLLOUT}),
        ("eu-west:bank/ledger", {ROLLOUT}),
        ("us-east:bank/ledger", set()),
        ("bank/ledger[Rollout.example.org]", set()),
    ],
)
def test_parts_that_are_left_out_match_anything(text: str, found: set[Key]) -> None:
    """A name as a user types it."""
    assert {key for key in (CHECKOUT, ROLLOUT, POLICY) if Pattern.parse(text).matches(key)} == found


@pytest.mark.parametrize("text", ["", "a/b/c", "a/", "/a", "a[", "a[]", "a[b]c", ":a/b"])
def test_another_form_is_refused(text: str) -> None:
    """Rather than read as something else."""
    with pytest.raises(ValueError, match=r".*"):
        Pattern.parse(text)
