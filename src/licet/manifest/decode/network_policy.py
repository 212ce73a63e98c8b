"""networking.k8s.io NetworkPolicy: `pkg/apis/networking` of Kubernetes says what is valid and what defaults are."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from licet.diag.place import Path
from licet.manifest.decode import findings
from licet.manifest.decode.blocks import without
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.selectors import LabelSelector, Selectors
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.policy import BlockPeer, NetworkPolicy, NetworkRule, Peer, PodPeer
from licet.model.ports import FIRST_PORT, LAST_PORT, NamedPort, PortRange, PortRule, Protocol

PROTOCOLS = {protocol.name: protocol for protocol in Protocol}
PORT_NAME = "at most 15 of a-z, 0-9 and single `-` between them, with a letter"
_PORT_NAME = re.compile(r"(?=[0-9-]*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*")
_WHOLE = {protocol: PortRange(protocol) for protocol in Protocol}


class IPBlock(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A peer by addresses."""

    cidr: str | None = None
    excluded: list[str | None] | None = msgspec.field(name="except", default=None)


class PeerFields(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """NetworkPolicyPeer."""

    podSelector: LabelSelector | None = None
    namespaceSelector: LabelSelector | None = None
    ipBlock: IPBlock | None = None


class PortFields(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """NetworkPolicyPort."""

    protocol: str | None = None
    port: int | str | None = None
    endPort: int | None = None


class IngressRule(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """NetworkPolicyIngressRule."""

    peers: list[PeerFields | None] | None = msgspec.field(name="from", default=None)
    ports: list[PortFields | None] | None = None


class EgressRule(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """NetworkPolicyEgressRule."""

    peers: list[PeerFields | None] | None = msgspec.field(name="to", default=None)
    ports: list[PortFields | None] | None = None


class Spec(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """NetworkPolicySpec."""

    podSelector: LabelSelector | None = None
    ingress: list[IngressRule | None] | None = None
    egress: list[EgressRule | None] | None = None
    policyTypes: list[str | None] | None = None


class NetworkPolicyFields(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """NetworkPolicy."""

    apiVersion: str
    kind: str
    metadata: Meta | None = None
    spec: Spec | None = None
    status: Any = None


def network_policy(wire: NetworkPolicyFields, key: Key, reader: Reader, selectors: Selectors) -> NetworkPolicy:
    """The policy; `reader.refused` where the API server would not take it.

    Without `policyTypes` ingress is governed, and egress where there is an egress rule
    (`SetDefaults_NetworkPolicy`). An absent spec is an empty one.
    """
    spec = wire.spec or Spec()
    types = spec.policyTypes
    if types:
        _check_types(types, reader)
        governs_ingress, governs_egress = "Ingress" in types, "Egress" in types
        if spec.ingress and not governs_ingress and not reader.refused:
            reader.report(findings.ungoverned(reader.origin, "ingress", "Ingress"))
        if spec.egress and not governs_egress and not reader.refused:
            reader.report(findings.ungoverned(reader.origin, "egress", "Egress"))
    else:
        governs_ingress, governs_egress = True, bool(spec.egress)
    ingress = _rules(spec.ingress, "ingress", "from", reader, selectors)
    egress = _rules(spec.egress, "egress", "to", reader, selectors)
    return NetworkPolicy(
        key,
        selectors.selector(spec.podSelector, ("spec", "podSelector")),
        ingress if governs_ingress else None,
        egress if governs_egress else None,
        reader.origin,
    )


def _check_types(types: list[str | None], reader: Reader) -> None:
    if len(types) > 2:
        reader.refuse(("spec", "policyTypes"), "has more than two entries", "name Ingress, Egress or both once")
    for i, name in enumerate(types):
        if name not in ("Ingress", "Egress"):
            reader.refuse(("spec", "policyTypes", i), f"is `{name or ''}`", "use `Ingress` or `Egress`")


def _rules(
    wires: list[IngressRule | None] | list[EgressRule | None] | None,
    direction: str,
    side: str,
    reader: Reader,
    selectors: Selectors,
) -> tuple[NetworkRule, ...]:
    """The rules of one direction; an entry that is null is an empty rule, which admits everything."""
    if not wires:
        return ()
    rules: list[NetworkRule] = []
    for i, wire in enumerate(wires):
        peers: list[Peer] = []
        ports: list[PortRule] = []
        if wire is not None:
            for j, peer in enumerate(wire.peers or ()):
                met = _known_peer(peer, selectors)
                peers.append(met or _peer(peer, ("spec", direction, i, side, j), reader, selectors))
            for j, port in enumerate(wire.ports or ()):
                known = _known_port(port)
                ports.append(known or _port(port, ("spec", direction, i, "ports", j), reader))
        rules.append(NetworkRule(i, tuple(peers) or None, tuple(ports) or None))
    return tuple(rules)


def _known_peer(wire: PeerFields | None, selectors: Selectors) -> PodPeer | None:
    """A peer whose selectors have been met before; None where there is more to look at."""
    if wire is None or wire.ipBlock is not None:
        return None
    pods, around = wire.podSelector, wire.namespaceSelector
    if pods is None and around is None:
        return None
    chosen = selectors.known(pods)
    namespaces = None if around is None else selectors.known(around)
    if chosen is None or (namespaces is None and around is not None):
        return None
    return PodPeer(namespaces, chosen)


def _peer(wire: PeerFields | None, path: Path, reader: Reader, selectors: Selectors) -> Peer:
    if wire is not None and wire.ipBlock is not None:
        if wire.podSelector is not None or wire.namespaceSelector is not None:
            reader.refuse(path, "has ipBlock beside a selector", "make two peers of it; each entry is an alternative")
        return _block(wire.ipBlock, (*path, "ipBlock"), reader)
    if wire is None or (wire.podSelector is None and wire.namespaceSelector is None):
        reader.refuse(
            path,
            "names no peer",
            "set podSelector, namespaceSelector or ipBlock; leave the whole list out to admit any peer",
        )
        return PodPeer(None, selectors.selector(None, path))
    namespaces = None
    if wire.namespaceSelector is not None:
        namespaces = selectors.selector(wire.namespaceSelector, (*path, "namespaceSelector"))
    return PodPeer(namespaces, selectors.selector(wire.podSelector, (*path, "podSelector")))


def _block(wire: IPBlock, path: Path, reader: Reader) -> BlockPeer:
    text = wire.cidr or ""
    if not text:
        reader.refuse((*path, "cidr"), "is missing", "name the block, such as `10.0.0.0/8`")
        return BlockPeer(AddressSet(), "")
    excluded = [part or "" for part in wire.excluded or ()]
    found = without(text, excluded, (*path, "cidr"), (*path, "except"), reader, lenient=True)
    return BlockPeer(found, f"{text} except {', '.join(excluded)}" if excluded else text)


def _known_port(wire: PortFields | None) -> PortRule | None:
    """The most usual of ports, one that is a number, made once each; None where there is more to look at."""
    if wire is None or type(wire.port) is not int or wire.endPort is not None:
        return None
    return _numbered(wire.protocol, wire.port)


@lru_cache(maxsize=1024)
def _numbered(protocol: str | None, port: int) -> PortRule | None:
    found = PROTOCOLS.get("TCP" if protocol is None else protocol)
    return PortRange(found, port, port) if found is not None and FIRST_PORT <= port <= LAST_PORT else None


def _port(wire: PortFields | None, path: Path, reader: Reader) -> PortRule:
    """One entry of `ports`; an absent protocol is TCP, and a port that is text is always a name."""
    if wire is None:
        return _WHOLE[Protocol.TCP]
    protocol = Protocol.TCP
    if wire.protocol is not None:
        protocol = PROTOCOLS.get(wire.protocol, protocol)
        if wire.protocol not in PROTOCOLS:
            reader.refuse((*path, "protocol"), f"is `{wire.protocol}`", "use TCP, UDP or SCTP")
    port, last = wire.port, wire.endPort
    if isinstance(port, int):
        if not FIRST_PORT <= port <= LAST_PORT:
            reader.refuse((*path, "port"), f"is {port}", "a port is a number from 1 to 65535")
        if last is None:
            return PortRange(protocol, port, port)
        if last < port:
            reader.refuse((*path, "endPort"), f"is {last}, before `port`, {port}", "make it at least `port`")
        if not FIRST_PORT <= last <= LAST_PORT:
            reader.refuse((*path, "endPort"), f"is {last}", "a port is a number from 1 to 65535")
        return PortRange(protocol, port, last)
    if last is not None:
        reader.refuse((*path, "endPort"), "needs a `port` that is a number", "give `port` a number")
    if port is None:
        return _WHOLE[protocol]
    check_port_name(port, (*path, "port"), reader)
    return NamedPort(port, protocol)


_PORT_DIGITS = 5
"""The digits of the highest port; Python makes no numbers of text that is thousands of digits long."""


def is_port_name(name: str) -> bool:
    """Whether this is an IANA service name, as the API server asks (`IsValidPortName`)."""
    return len(name) <= 15 and _is_service_name(name)


@lru_cache(maxsize=1024)
def _is_service_name(name: str) -> bool:
    return _PORT_NAME.fullmatch(name) is not None


def check_port_name(name: str, path: Path, reader: Reader) -> None:
    """Refuse what is no port name."""
    if is_port_name(name):
        return
    advice = PORT_NAME
    if name.isdecimal() and len(name) <= _PORT_DIGITS:
        advice = f"write `{int(name)}` without quotes for the number; text is a port's name"
    reader.refuse(path, f"is not a port name: `{name}`", advice)
