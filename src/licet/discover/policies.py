"""What existing NetworkPolicies say: edges whose both sides they name by labels, or by addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from licet.contracts.contract import CidrPeer
from licet.diag.place import Place
from licet.discover.edge import Evidence
from licet.discover.selection import Selection
from licet.model.addresses import EVERY_V4, EVERY_V6
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import BlockPeer, Direction, NetworkPolicy, NetworkRule, PodPeer
from licet.model.ports import NamedPort, PortRange
from licet.model.selector import Selector
from licet.model.ternary import Ternary
from licet.model.workload import METADATA_NAME, Workload

_DNS = 53


def evidence_of(cluster: Cluster, selection: Selection) -> Iterator[Evidence]:
    """The edges that rules name. A rule that selects whatever is there, or any port, names nobody."""
    for policy in cluster.network_policies:
        if not policy.pods.requirements:
            continue
        subjects = _seen(selection.selected(policy.pods, policy.key.namespace))
        for direction in Direction:
            for rule in policy.rules(direction) or ():
                yield from _of_rule(cluster, selection, policy, direction, rule, subjects)


def _of_rule(
    cluster: Cluster,
    selection: Selection,
    policy: NetworkPolicy,
    direction: Direction,
    rule: NetworkRule,
    subjects: list[Workload],
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
                home = policy.key.namespace if peer.namespaces is None else None
                for other in _seen(selection.selected(pods, home)):
                    if _is_home(cluster, peer.namespaces, other.key.namespace):
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


def _seen(selected: Iterable[tuple[Workload, bool]]) -> list[Workload]:
    """Those that are certainly selected, and that policies see: pods on their node's network they do not."""
    return [workload for workload, certain in selected if certain and not workload.host_network]


def _is_home(cluster: Cluster, namespaces: Selector | None, name: str) -> bool:
    if namespaces is None:
        return True
    home = cluster.namespaces[name]
    unknown = frozenset[str]()
    if not home.declared:
        unknown = frozenset(r.key for r in namespaces.requirements) - {METADATA_NAME}
    return namespaces.matches(home.labels, unknown) is Ternary.YES
