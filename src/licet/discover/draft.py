"""Contracts as evidence has them: what each workload serves, to whom, and what it calls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from licet.contracts.contract import CidrPeer, DnsPeer, GatewayPeer, PlatformPart, PlatformPeer, SelfPeer, ServicePeer
from licet.discover.edge import Callee, Caller, Evidence
from licet.discover.names import API_SERVER, Names, targets
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.ports import PortRange, Protocol
from licet.model.service import Service
from licet.model.workload import Workload

Target: TypeAlias = Callee | SelfPeer
"""A Key is a workload's."""

NODES = PlatformPeer(PlatformPart.NODES)

_LONGEST_NAME = 63
_GUESSED = PortRange(Protocol.TCP, 443, 443)
_NOT_OF_NAMES = re.compile(r"[^a-z0-9]+")


class DraftCall(msgspec.Struct, frozen=True):
    """One call. `port` is the Service's where `target` is one, the pods' otherwise; None where it is not known."""

    name: str
    target: Target
    port: PortRange | None
    evidence: tuple[Evidence, ...]
    pods: tuple[tuple[Key, PortRange | None], ...] = ()
    """Whom it leads to, and the ports there."""
    guess: str = ""

    @property
    def doubt(self) -> str:
        """Why it may be none; empty where one piece of evidence leaves no doubt."""
        return self.guess or _doubt(self.evidence)


class DraftCaller(msgspec.Struct, frozen=True):
    """Somebody who is to be admitted, and why."""

    name: str
    peer: Caller
    evidence: tuple[Evidence, ...]

    @property
    def doubt(self) -> str:
        """As of a call."""
        return _doubt(self.evidence)


class DraftServe(msgspec.Struct, frozen=True):
    """Ports that are served, and to whom."""

    name: str
    port: PortRange
    callers: tuple[DraftCaller, ...]


class Draft(msgspec.Struct, frozen=True):
    """What there is to declare of one workload."""

    key: Key
    serves: tuple[DraftServe, ...]
    calls: tuple[DraftCall, ...]


def drafts(cluster: Cluster, found: Sequence[Evidence]) -> tuple[Draft, ...]:
    """A draft a workload, in their order. Pods that differ from their controller's template are drafted with it.

    Pods on their node's network are none: no policy tells them from the node, and as callers they are the nodes.
    """
    subject = {workload.key: workload.subject for workload in cluster.workloads}
    on_nodes = {subject[workload.key] for workload in cluster.workloads if workload.host_network}
    by_caller: dict[Key, list[Evidence]] = {}
    by_callee: dict[Key, list[Evidence]] = {}
    for one in (one.of_subjects(subject) for one in found):
        if isinstance(one.caller, Key):
            by_caller.setdefault(one.caller, []).append(one)
        if isinstance(one.callee, Key) and one.caller != one.callee:
            seen = msgspec.structs.replace(one, caller=NODES) if one.caller in on_nodes else one
            by_callee.setdefault(one.callee, []).append(seen)
    services = {(service.key.namespace, service.key.name): service for service in cluster.services}
    members: dict[Key, list[Workload]] = {}
    for workload in cluster.workloads:
        members.setdefault(subject[workload.key], []).append(workload)
    names = _service_ports(cluster, subject)
    return tuple(
        Draft(
            key,
            _serves(own, by_callee.get(key, ()), names.get(key, {})),
            _calls(key, by_caller.get(key, ()), services),
        )
        for key, own in members.items()
        if key not in on_nodes
    )


def entry_name(text: str, taken: Iterable[str], more: str = "") -> str:
    """A name for an entry of a list, of what the text allows; where it is taken `more` and then a number is added."""
    base = _NOT_OF_NAMES.sub("-", text.lower())[:_LONGEST_NAME].strip("-") or "unnamed"
    used = set(taken)
    if base not in used:
        return base
    if more and (longer := f"{base}-{more}"[:_LONGEST_NAME].strip("-")) not in used:
        return longer
    number = 2
    while (name := f"{base[: _LONGEST_NAME - 4]}-{number}") in used:
        number += 1
    return name


def port_text(port: PortRange) -> str:
    """A port as part of a name."""
    return _numbers(port) if port.protocol is Protocol.TCP else f"{_numbers(port)}-{port.protocol.name.lower()}"


def _numbers(port: PortRange) -> str:
    return str(port.first) if port.first == port.last else f"{port.first}-{port.last}"


def _doubt(evidence: Iterable[Evidence]) -> str:
    doubts = [one.doubt for one in evidence]
    return "" if "" in doubts else doubts[0]


def _calls(key: Key, found: Iterable[Evidence], services: Mapping[tuple[str, str], Service]) -> tuple[DraftCall, ...]:
    """The calls of one workload, each once: by Service where one is named, and what policies say of it added to it."""
    groups: dict[tuple[Target, PortRange | None], list[Evidence]] = {}
    later: list[Evidence] = []
    for one in found:
        target, port = _target(key, one, services)
        if isinstance(target, Key) or (port is None and target != API_SERVER):
            later.append(one)
        else:
            groups.setdefault((target, port), []).append(one)
    for one in later:
        at = _met(one, groups)
        groups.setdefault(at or _target(key, one, services), []).append(one)
    names: list[str] = []
    made: list[DraftCall] = []
    for (target, port), evidence in groups.items():
        name = entry_name(_target_name(target), names, port_text(port) if port is not None else "")
        names.append(name)
        guess = ""
        if port is None and isinstance(target, DnsPeer | CidrPeer):
            port, guess = _GUESSED, "no port is written, 443 is a guess"
        pods = tuple(dict.fromkeys((one.callee, one.port) for one in evidence if isinstance(one.callee, Key)))
        made.append(DraftCall(name, target, port, tuple(evidence), pods, guess))
    return tuple(made)


def _target(key: Key, one: Evidence, services: Mapping[tuple[str, str], Service]) -> tuple[Target, PortRange | None]:
    """What a call that the evidence speaks of is written to, and on which port."""
    if one.callee == key:
        return SelfPeer(), one.port
    if isinstance(one.callee, PlatformPeer):
        return one.callee, None
    if one.service is None:
        return one.callee, one.port
    service = services.get((one.service.namespace, one.service.name))
    if service is not None and one.service_port is None and one.port is not None and isinstance(one.callee, Key):
        return one.callee, one.port  # a headless Service whose list of ports has not this one
    protocol = one.port.protocol if one.port is not None else Protocol.TCP
    port = PortRange(protocol, one.service_port, one.service_port) if one.service_port is not None else None
    return one.service, port


def _met(
    one: Evidence, groups: Mapping[tuple[Target, PortRange | None], list[Evidence]]
) -> tuple[Target, PortRange | None] | None:
    """The call that other evidence shows already and that this one can be taken to speak of."""
    for at, evidence in groups.items():
        for other in evidence:
            if other.callee == one.callee and (one.port is None or one.port == other.port):
                return at
    return None


def _target_name(target: Target) -> str:
    match target:
        case Key(name=name) | ServicePeer(name=name) | DnsPeer(name=name):
            return name
        case CidrPeer(text=text):
            return f"cidr-{text.partition(' ')[0]}"
        case SelfPeer():
            return "self"
        case PlatformPeer():
            return "api-server"


def _service_ports(cluster: Cluster, subject: Mapping[Key, Key]) -> dict[Key, dict[PortRange, str]]:
    """Per workload the pods' ports that Services lead to, and what the Services call them."""
    found: dict[Key, dict[PortRange, str]] = {}
    names = Names(cluster)
    for service in cluster.services:
        for workload, _ in names.behind(service):
            own = found.setdefault(subject[workload.key], {})
            for port in service.ports:
                for number in targets(port, workload):
                    own.setdefault(PortRange(port.protocol, number, number), port.name)
    return found


def _serves(
    workloads: Sequence[Workload], found: Iterable[Evidence], services: Mapping[PortRange, str]
) -> tuple[DraftServe, ...]:
    """What pods declare, what Services lead to, and what is called without either; callers on each."""
    found = list(found)
    ports: dict[PortRange, str] = {}
    for workload in workloads:
        for declared in workload.ports:
            port = PortRange(declared.protocol, declared.number, declared.number)
            ports.setdefault(port, declared.name or services.get(port, ""))
    for port, name in services.items():
        ports.setdefault(port, name)
    for one in found:
        if one.port is not None and not any(one.port.holds(port) for port in ports):
            ports[one.port] = ""
    made: list[DraftServe] = []
    for port, name in ports.items():
        unnamed = f"{port.protocol.name}-{_numbers(port)}"
        taken = [serve.name for serve in made]
        callers = [one for one in found if one.port is None or one.port.holds(port)]
        made.append(DraftServe(entry_name(name or unnamed, taken, port_text(port)), port, _callers(callers)))
    return tuple(made)


def _callers(found: Iterable[Evidence]) -> tuple[DraftCaller, ...]:
    groups: dict[Caller, list[Evidence]] = {}
    for one in found:
        groups.setdefault(one.caller, []).append(one)
    made: list[DraftCaller] = []
    for peer, evidence in groups.items():
        base, more = _caller_name(peer)
        made.append(DraftCaller(entry_name(base, [m.name for m in made], more), peer, tuple(evidence)))
    return tuple(made)


def _caller_name(peer: Caller) -> tuple[str, str]:
    """What to call somebody who is admitted, and what to add where that is taken."""
    match peer:
        case Key(name=name, namespace=namespace) | GatewayPeer(name=name, namespace=namespace):
            return name, namespace
        case CidrPeer(text=text):
            return f"cidr-{text.partition(' ')[0]}", ""
        case PlatformPeer(part=part):
            return part.value, ""
