"""What existing NetworkPolicies say: edges whose both sides they name by labels, or by addresses."""

from __future__ import annotations

from collections.abc import Iterator

from licet.contracts.contract import CidrPeer
from licet.diag.place import Place
from licet.discover.edge import Evidence
from licet.model.addresses import EVERY_V4, EVERY_V6
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import BlockPeer, Direction, NetworkPolicy, NetworkRule, PodPeer
from licet.model.ports import NamedPort, PortRange
from licet.model.ternary import Ternary
from licet.model.workload import METADATA_NAME, Workload

_DNS = 53


def evidence_of(cluster: Cluster) -> Iterator[Evidence]:
    """The edges that rules name. A rule that selects whatever is there, or any port, names nobody."""
    for policy in cluster.network_policies:
        if not policy.pods.requirements:
            continue
        subjects = _selected(cluster, policy)
        for direction in Direction:
            for rule in policy.rules(direction) or ():
                yield from _of_rule(cluster, policy, direction, rule, subjects)


def _of_rule(
    cluster: Cluster, policy: NetworkPolicy, direction: Direction, rule: NetworkRule, subjects: list[Workload]
) -> Iterator[Evidence]:
    side = "from" if direction is Direction.INGRESS else "to"
    text = f"{direction.value}[{rule.index}] of {policy.key}"
    for at, peer in enumerate(rule.peers or ()):
        place = policy.place(direction, rule.index).at(side, at)
        match peer:
            case BlockPeer(addresses=addresses, text=block):
                if not (EVERY_V4 - addresses and EVERY_V6 - addresses):
                    continue
                for subject in subjects:
                    outside = CidrPeer(addresses, block)
                    yield from _edges(subject, outside, direction, rule, place, text)
            case PodPeer(pods=pods) if pods.requirements:
                for other in cluster.workloads:
                    if not other.host_network and _is_peer(cluster, policy, peer, other):
                        for subject in subjects:
                            yield from _edges(subject, other, direction, rule, place, text)
            case _:
                pass


def _edges(
    subject: Workload, other: Workload | CidrPeer, direction: Direction, rule: NetworkRule, place: Place, text: str
) -> Iterator[Evidence]:
    end: Key | CidrPeer = other if isinstance(other, CidrPeer) else other.key
    caller, callee = (subject.key, end) if direction is Direction.EGRESS else (end, subject.key)
    listening = subject if direction is Direction.INGRESS else other
    for port in _ports(rule, listening):
        if port is None or port.first != _DNS:
            doubt = "" if port is not None else "the policy names no port"
            yield Evidence(caller, callee, place, text, port=port, doubt=doubt)


def _ports(rule: NetworkRule, listening: Workload | CidrPeer) -> list[PortRange | None]:
    """The ports of the callee's pods; None stands for any."""
    if rule.ports is None:
        return [None]
    found: list[PortRange | None] = []
    for port in rule.ports:
        match port:
            case PortRange():
                found.append(port)
            case NamedPort(name=name, protocol=protocol) if isinstance(listening, Workload):
                numbers = listening.port_numbers(name, protocol)
                found += [PortRange(own, number, number) for own, number in numbers]
            case NamedPort():
                pass
    return found


def _selected(cluster: Cluster, policy: NetworkPolicy) -> list[Workload]:
    return [
        workload
        for workload in cluster.workloads
        if workload.key.namespace == policy.key.namespace
        and not workload.host_network
        and policy.pods.matches(workload.labels, workload.runtime_labels) is Ternary.YES
    ]


def _is_peer(cluster: Cluster, policy: NetworkPolicy, peer: PodPeer, workload: Workload) -> bool:
    if peer.pods.matches(workload.labels, workload.runtime_labels) is not Ternary.YES:
        return False
    if peer.namespaces is None:
        return workload.key.namespace == policy.key.namespace
    home = cluster.namespaces[workload.key.namespace]
    unknown = frozenset[str]()
    if not home.declared:
        unknown = frozenset(r.key for r in peer.namespaces.requirements) - {METADATA_NAME}
    return peer.namespaces.matches(home.labels, unknown) is Ternary.YES
