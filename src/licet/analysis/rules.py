"""One rule of a policy, as the regions that it matches and the ports that it matches there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from licet.analysis import assumption, bits
from licet.analysis.grant import Grant, Grants, Reasons
from licet.analysis.population import Hits, NamedPorts, Population, union
from licet.model import intervals
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.policy import (
    Action,
    BlockPeer,
    ClusterPolicy,
    ClusterRule,
    Direction,
    DomainPeer,
    NetworkPolicy,
    NetworkRule,
    NodePeer,
    Peer,
    PodPeer,
    UnknownPeer,
)
from licet.model.ports import NamedPort, PortRange, PortRule, PortSet, Protocol
from licet.model.ternary import Ternary

NO_ADDRESSES = AddressSet()


class Match(msgspec.Struct, frozen=True):
    """What a rule matches: per region the ports matched for sure and possibly. Regions may overlap."""

    pods: tuple[tuple[int, Grant], ...]
    outside: tuple[tuple[AddressSet, Grant], ...]


class _Peers(msgspec.Struct, frozen=True, eq=False):
    """What a rule's peers match, whatever its ports. Compared by identity: equal rules share one object."""

    pods: Hits
    outside: AddressSet
    doubtful_outside: tuple[tuple[Reasons, AddressSet], ...] = ()


class Rules:
    """Reads rules against a population, each only once."""

    def __init__(self, population: Population, grants: Grants) -> None:
        self._population = population
        self._grants = grants
        self._peers: dict[tuple[tuple[Peer, ...], str | None], _Peers] = {}
        self._ports: dict[tuple[tuple[PortRule, ...], bool], tuple[Grant, tuple[NamedPort, ...]]] = {}
        self._matches: dict[tuple[_Peers, Grant], Match] = {}
        self._anyone = _Peers(Hits(population.sources), EVERY_ADDRESS)
        self._by_port_name = _classes_by_port_name(population)

    def of_network_policy(
        self, policy: NetworkPolicy, rule: NetworkRule, direction: Direction, subject: NamedPorts
    ) -> Match:
        """`subject` are the named ports of the pods that the policy applies to: they count for ingress."""
        peers = self._anyone if rule.peers is None else self._find((rule.peers, policy.key.namespace))
        return self._match(peers, rule.ports, direction, subject, network_policy=True)

    def of_cluster_policy(
        self, policy: ClusterPolicy, rule: ClusterRule, direction: Direction, subject: NamedPorts
    ) -> tuple[Action, Match]:
        """The rule's match with the action it really has.

        A peer in which no known field is set fails the whole rule closed: an Accept rule matches no traffic, a Deny or
        Pass rule denies all (`ClusterNetworkPolicyEgressPeer`, policy.networking.k8s.io/v1alpha2).
        """
        if not any(self.is_unknown(policy, peer) for peer in rule.peers):
            peers = self._find((rule.peers, None))
            return rule.action, self._match(peers, rule.ports, direction, subject, network_policy=False)
        if rule.action is Action.ACCEPT:
            return rule.action, Match((), ())
        everything = ((self._population.sources, self._grants.open),)
        return Action.DENY, Match(everything, ((EVERY_ADDRESS, self._grants.open),))

    def is_unknown(self, policy: ClusterPolicy, peer: Peer) -> bool:
        """Whether the enforcer sees no field in a peer that it knows."""
        match peer:
            case UnknownPeer():
                return True
            case NodePeer() | DomainPeer():
                return policy.key.kind == "ClusterNetworkPolicy" and not self._population.profile.experimental
            case _:
                return False

    def _find(self, key: tuple[tuple[Peer, ...], str | None]) -> _Peers:
        found = self._peers.get(key)
        if found is None:
            peers, namespace = key
            found = self._peers[key] = self._resolve(peers, namespace)
        return found

    def _resolve(self, peers: tuple[Peer, ...], namespace: str | None) -> _Peers:
        if len(peers) == 1 and isinstance(peers[0], PodPeer):
            return _Peers(self._pods(peers[0], namespace), NO_ADDRESSES)
        hits: list[Hits] = []
        spans: list[tuple[int, int]] = []
        doubtful: list[tuple[Reasons, AddressSet]] = []
        for peer in peers:
            match peer:
                case PodPeer():
                    hits.append(self._pods(peer, namespace))
                case BlockPeer():
                    spans.extend(peer.addresses.spans)
                case NodePeer():
                    host = self._population.host
                    reasons = frozenset({assumption.NODES})
                    hits.append(Hits(0, ((reasons, host),) if host else ()))
                    if nodes := self._population.platform.node_addresses:
                        doubtful.append((reasons, nodes))
                case DomainPeer():
                    doubtful.append((frozenset({assumption.DOMAIN_NAMES}), EVERY_ADDRESS))
                case UnknownPeer():
                    pass
        outside = blocks = AddressSet(intervals.normal(spans))
        if blocks:
            hits.append(self._population.block(blocks, of_network_policy=namespace is not None))
            if namespace is not None:
                outside, doubts = self._population.outside_block(blocks)
                doubtful.extend(doubts)
        return _Peers(
            union(hits) if hits else Hits(0),
            outside,
            tuple((r, rest) for r, part in doubtful if (rest := part - outside)),
        )

    def _pods(self, peer: PodPeer, namespace: str | None) -> Hits:
        around = (namespace or "") if peer.namespaces is None else peer.namespaces
        return self._population.select(around, peer.pods)

    def _match(
        self,
        peers: _Peers,
        ports: tuple[PortRule, ...] | None,
        direction: Direction,
        subject: NamedPorts,
        network_policy: bool,
    ) -> Match:
        numeric, named = (self._grants.open, ()) if ports is None else self._split(ports, network_policy)
        if direction is Direction.INGRESS:
            for port in named:
                numeric = self._grants.either(numeric, self._on_subject(port, subject))
            return self._numeric(peers, numeric)
        match = self._numeric(peers, numeric)
        if not named:
            return match
        return Match(match.pods + tuple(self._by_name(peers.pods, named, network_policy)), match.outside)

    def _numeric(self, peers: _Peers, grant: Grant) -> Match:
        """Peers on ports that mean the same wherever they are."""
        hits = peers.pods
        if not (hits.doubtful or peers.outside or peers.doubtful_outside or grant is self._grants.denied):
            return Match(((hits.sure, grant),) if hits.sure else (), ())
        key = (peers, grant)
        found = self._matches.get(key)
        if found is None:
            outside = [(peers.outside, grant)] if peers.outside else []
            outside.extend((part, self._grants.perhaps(grant, r)) for r, part in peers.doubtful_outside)
            found = Match(tuple(self._doubted(peers.pods, grant)), tuple(outside))
            if grant is self._grants.denied:
                found = Match((), ())
            self._matches[key] = found
        return found

    def _by_name(self, hits: Hits, named: Iterable[NamedPort], network_policy: bool) -> Iterator[tuple[int, Grant]]:
        """Pods on the ports that names mean on each of them.

        To an enforcer that takes a hostNetwork pod for its node, it has no named ports.
        """
        if network_policy:
            hits = self._population.as_pods(hits)
        for port in named:
            for protocol, number, where in self._by_port_name.get(port.name, ()):
                if port.protocol in (None, protocol):
                    one = PortSet.of(PortRange(protocol, number, number))
                    for part, grant in self._doubted(hits, self._grants.grant(one, one)):
                        if hit := part & where:
                            yield hit, grant

    def _doubted(self, hits: Hits, grant: Grant) -> list[tuple[int, Grant]]:
        sure = [(hits.sure, grant)] if hits.sure else []
        return sure + [(part, self._grants.perhaps(grant, reasons)) for reasons, part in hits.doubtful]

    def _split(self, ports: tuple[PortRule, ...], network_policy: bool) -> tuple[Grant, tuple[NamedPort, ...]]:
        """Ports by number, and ports by name."""
        key = (ports, network_policy)
        found = self._ports.get(key)
        if found is None:
            ranges = [port for port in ports if isinstance(port, PortRange)]
            named = tuple(port for port in ports if isinstance(port, NamedPort))
            found = self._ports[key] = (self._granted(ranges, network_policy), named)
        return found

    def _granted(self, ranges: list[PortRange], network_policy: bool) -> Grant:
        may = PortSet.of(*ranges)
        honoured = self._population.profile.end_port
        if not network_policy or honoured is Ternary.YES:
            return self._grants.grant(may, may)
        firsts = PortSet.of(
            *(r if r == PortRange(r.protocol) else PortRange(r.protocol, r.first, r.first) for r in ranges)
        )
        if honoured is Ternary.NO:
            return self._grants.grant(firsts, firsts)
        return self._grants.grant(firsts, may, frozenset({assumption.END_PORT}))

    def _on_subject(self, port: NamedPort, subject: NamedPorts) -> Grant:
        found = PortSet.of(
            *(
                PortRange(p, number, number)
                for name, p, number in subject
                if name == port.name and port.protocol in (None, p)
            )
        )
        return self._grants.grant(found, found)


def _classes_by_port_name(population: Population) -> dict[str, list[tuple[Protocol, int, int]]]:
    """Per port name: what it means, and on which classes."""
    members: dict[tuple[str, Protocol, int], list[int]] = {}
    for at in bits.indices(population.has_named_ports):
        for port in population.classes[at].named_ports:
            members.setdefault(port, []).append(at)
    found: dict[str, list[tuple[Protocol, int, int]]] = {}
    for (name, protocol, number), where in members.items():
        found.setdefault(name, []).append((protocol, number, bits.of(where, population.width)))
    return found
