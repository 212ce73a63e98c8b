"""Rules that match no less than others, whatever manifests do not tell."""

from __future__ import annotations

from licet.model.policy import BlockPeer, NetworkRule, Peer, PodPeer
from licet.model.ports import NO_PORTS, NamedPort, PortRange, PortRule, PortSet
from licet.model.selector import EVERYTHING, Selector


def implies(rule: NetworkRule, other: NetworkRule, end_port_is_sure: bool) -> bool:
    """Whether all that `rule` matches `other` surely matches too; both are of policies of one namespace."""
    if other.peers is not None and (
        rule.peers is None or not all(any(_within(a, b) for b in other.peers) for a in rule.peers)
    ):
        return False
    if other.ports is None:
        return True
    return rule.ports is not None and all(_port_within(port, other.ports, end_port_is_sure) for port in rule.ports)


def _within(a: Peer, b: Peer) -> bool:
    if a == b:
        return True
    if isinstance(a, PodPeer) and isinstance(b, PodPeer):
        return _asks_less(b.pods, a.pods) and _around(a.namespaces, b.namespaces)
    return isinstance(a, BlockPeer) and isinstance(b, BlockPeer) and not a.addresses - b.addresses


def _around(a: Selector | None, b: Selector | None) -> bool:
    if a is None or b is None:
        return a is b or b == EVERYTHING
    return _asks_less(b, a)


def _asks_less(wide: Selector, narrow: Selector) -> bool:
    return set(wide.requirements) <= set(narrow.requirements)


def _port_within(port: PortRule, others: tuple[PortRule, ...], end_port_is_sure: bool) -> bool:
    if port in others:
        return True
    if isinstance(port, NamedPort):
        return False
    if PortRange(port.protocol) in others:
        return True
    if not end_port_is_sure:
        return False
    numbers = PortSet.of(*(other for other in others if isinstance(other, PortRange)))
    return PortSet.of(port) - numbers == NO_PORTS
