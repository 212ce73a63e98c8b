"""Peers that are nobody, and port names that nobody has."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable

import msgspec

from licet.analysis import bits
from licet.analysis.lint.survey import Survey
from licet.analysis.lint.words import SIDE
from licet.analysis.population import Population, every
from licet.diag.place import Place
from licet.model.policy import (
    Action,
    BlockPeer,
    ClusterPolicy,
    ClusterRule,
    Direction,
    DomainPeer,
    NetworkPolicy,
    NetworkRule,
    Peer,
    PodPeer,
)
from licet.model.ports import NamedPort, Protocol
from licet.model.selector import EVERYTHING, Operator, Selector


class Absence(enum.Enum):
    """Why a peer is nobody."""

    LABELS = "no pod there has the labels"
    NAMESPACES = "the manifests hold no pod in such a namespace"
    ADDRESSES = "the exceptions take out the whole block"
    HOSTS = "only hostNetwork pods have the labels"


class Unused(msgspec.Struct, frozen=True):
    """A peer that matches nobody; `whole` where the rule has no other. `meant` is a label that comes close."""

    peer: Peer
    place: Place
    absence: Absence
    whole: bool
    meant: str = ""


class Nameless(msgspec.Struct, frozen=True):
    """A port name that no pod has which counts; `whole` where the rule has no other port."""

    port: NamedPort
    place: Place
    whole: bool
    meant: str = ""
    outside: bool = False
    """The rule leads to addresses only, where names mean nothing."""


class Peers:
    """Looks at rules one by one."""

    def __init__(self, survey: Survey) -> None:
        self._population = survey.population
        self._routed = survey.routed
        self._by_port_name = _classes_by_port_name(survey.population)

    def unused(
        self,
        policy: NetworkPolicy | ClusterPolicy,
        rule: NetworkRule | ClusterRule,
        direction: Direction,
        subjects: int,
    ) -> list[Unused]:
        """The peers of a rule that match nobody. `subjects` are the classes that the policy may apply to."""
        namespace = policy.key.namespace
        absent = [
            (at, peer, why)
            for at, peer in enumerate(rule.peers or ())
            if (why := self._absence(peer, namespace, direction, subjects)) is not None
        ]
        whole = len(absent) == len(rule.peers or ())
        return [
            Unused(
                peer,
                _peer_place(policy, rule, direction, at),
                why,
                whole,
                self._near(peer, namespace) if why is Absence.LABELS else "",
            )
            for at, peer, why in absent
        ]

    def _absence(self, peer: Peer, namespace: str, direction: Direction, subjects: int) -> Absence | None:
        if isinstance(peer, BlockPeer):
            return None if peer.addresses else Absence.ADDRESSES
        if not isinstance(peer, PodPeer) or self._among(peer, namespace, peer.pods):
            return None
        around = namespace if peer.namespaces is None else peer.namespaces
        if self._population.behind(around, peer.pods).possible:
            return Absence.HOSTS
        if self._population.behind(around, EVERYTHING).possible:
            return Absence.LABELS
        if direction is Direction.INGRESS and subjects & self._routed:
            return None  # an ingress controller may run there
        return Absence.NAMESPACES

    def _among(self, peer: PodPeer, namespace: str, pods: Selector) -> int:
        around = namespace if peer.namespaces is None else peer.namespaces
        return self._population.select(around, pods).possible

    def _near(self, peer: Peer, namespace: str) -> str:
        if not isinstance(peer, PodPeer):
            return ""
        return near(self._population, self._among(peer, namespace, EVERYTHING), peer.pods)

    def nameless(
        self,
        policy: NetworkPolicy | ClusterPolicy,
        rule: NetworkRule | ClusterRule,
        direction: Direction,
        subjects: int,
    ) -> list[Nameless]:
        """The names among a rule's ports that no pod has at which the rule's traffic arrives."""
        if not any(isinstance(port, NamedPort) for port in rule.ports or ()):
            return []
        arriving = subjects if direction is Direction.INGRESS else self._destinations(policy, rule)
        absent = [
            (at, port)
            for at, port in enumerate(rule.ports or ())
            if isinstance(port, NamedPort) and not self._named(port) & arriving
        ]
        field = "protocols" if policy.key.kind == "ClusterNetworkPolicy" else "ports"
        place = policy.place(direction, rule.index)
        whole = len(absent) == len(rule.ports or ())
        return [
            Nameless(port, place.at(field, at), whole, self._close(port, arriving), not arriving) for at, port in absent
        ]

    def _destinations(self, policy: NetworkPolicy | ClusterPolicy, rule: NetworkRule | ClusterRule) -> int:
        if rule.peers is None:
            return self._population.pods
        return every(self._matched(peer, policy) for peer in rule.peers)

    def _matched(self, peer: Peer, policy: NetworkPolicy | ClusterPolicy) -> int:
        match peer:
            case PodPeer():
                return self._among(peer, policy.key.namespace, peer.pods)
            case BlockPeer():
                return self._population.block(peer.addresses, isinstance(policy, NetworkPolicy)).possible
            case _:
                return self._population.host

    def _named(self, port: NamedPort) -> int:
        return every(
            where for protocol, where in self._by_port_name.get(port.name, ()) if port.protocol in (None, protocol)
        )

    def _close(self, port: NamedPort, arriving: int) -> str:
        """What may have been meant: the name under another protocol, or a name that comes close."""
        for protocol, where in self._by_port_name.get(port.name, ()):
            if where & arriving:
                return f"{protocol.name} {port.name}"
        there = [name for name, held in self._by_port_name.items() if every(where for _, where in held) & arriving]
        return next(iter(difflib.get_close_matches(port.name, there, 1)), "")


def denies_names(rule: ClusterRule) -> bool:
    """Whether a rule with domain names does anything but accept, which the API forbids (NPEP-133)."""
    return rule.action is not Action.ACCEPT and any(isinstance(peer, DomainPeer) for peer in rule.peers)


def near(population: Population, classes: int, selector: Selector) -> str:
    """A label of some of the classes that comes close to one that a selector asks for in vain, or nothing."""
    pods = [population.classes[at].labels for at in bits.indices(classes)]
    for requirement in selector.requirements:
        if requirement.operator is not Operator.IN:
            continue
        values = {labels[requirement.key] for labels in pods if requirement.key in labels}
        if values.isdisjoint(requirement.values):
            for value in requirement.values:
                if close := difflib.get_close_matches(value, sorted(values), 1):
                    return f"{requirement.key}: {close[0]}"
            if not values:
                keys = sorted({key for labels in pods for key in labels})
                if close := difflib.get_close_matches(requirement.key, keys, 1):
                    return f"{close[0]}: {requirement.values[0]}"
    return ""


def _peer_place(
    policy: NetworkPolicy | ClusterPolicy, rule: NetworkRule | ClusterRule, direction: Direction, at: int
) -> Place:
    """Where a peer stands. One entry of `networks` is a peer of its own, so behind it positions are not known."""
    place = policy.place(direction, rule.index)
    earlier: Iterable[Peer] = (rule.peers or ())[:at]
    if isinstance(policy, ClusterPolicy) and any(isinstance(peer, BlockPeer) for peer in earlier):
        return place
    return place.at(SIDE[direction], at)


def _classes_by_port_name(population: Population) -> dict[str, list[tuple[Protocol, int]]]:
    """Per port name, the classes that have it, protocol by protocol."""
    members: dict[tuple[str, Protocol], list[int]] = {}
    for at in bits.indices(population.has_named_ports):
        for name, protocol, _ in population.classes[at].named_ports:
            members.setdefault((name, protocol), []).append(at)
    found: dict[str, list[tuple[Protocol, int]]] = {}
    for (name, protocol), where in members.items():
        found.setdefault(name, []).append((protocol, bits.of(where, population.width)))
    return found
