"""Policies and rules that say the same as others."""

from __future__ import annotations

from collections.abc import Iterator

from licet.model.policy import Direction, NetworkPolicy, NetworkRule, Peer
from licet.model.ports import PortRule

_Meaning = tuple[frozenset[Peer] | None, frozenset[PortRule] | None]


def equal_policies(policies: tuple[NetworkPolicy, ...]) -> Iterator[tuple[int, int]]:
    """Pairs (position of a policy, position of the first one of its namespace that says the same)."""
    first: dict[tuple[object, ...], int] = {}
    for at, policy in enumerate(policies):
        said = (policy.key.namespace, policy.pods, _said(policy.ingress), _said(policy.egress))
        earlier = first.setdefault(said, at)
        if earlier != at:
            yield at, earlier


def equal_rules(policy: NetworkPolicy, direction: Direction) -> Iterator[tuple[int, int]]:
    """Pairs (position of a rule, position of the first one of its policy that says the same)."""
    rules = policy.rules(direction) or ()
    if len(rules) < 2:
        return
    first: dict[_Meaning, int] = {}
    for at, rule in enumerate(rules):
        earlier = first.setdefault(_meaning(rule), at)
        if earlier != at:
            yield at, earlier


def _said(rules: tuple[NetworkRule, ...] | None) -> frozenset[_Meaning] | None:
    return None if rules is None else frozenset(map(_meaning, rules))


def _meaning(rule: NetworkRule) -> _Meaning:
    return (
        None if rule.peers is None else frozenset(rule.peers),
        None if rule.ports is None else frozenset(rule.ports),
    )
