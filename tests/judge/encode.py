"""The model back in the words of the Kubernetes API, for programs that know nothing of Licet."""

from __future__ import annotations

from typing import Any, TypeAlias

from licet.model.addresses import address_text
from licet.model.cluster import Cluster
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
from licet.model.ports import FIRST_PORT, LAST_PORT, NamedPort, PortRange, PortRule
from licet.model.selector import EVERYTHING, Operator, Selector
from licet.model.workload import Namespace, Workload

Json: TypeAlias = dict[str, Any]
PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


def cluster(value: Cluster) -> list[Json]:
    """Every object of the cluster; namespaces that no manifest declares are left out."""
    return [
        *(namespace(one) for one in value.namespaces.values() if one.declared),
        *(workload(one) for one in value.workloads),
        *(network_policy(one) for one in value.network_policies),
        *(cluster_policy(one) for one in value.cluster_policies),
    ]


def namespace(value: Namespace) -> Json:
    """A v1 Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": value.name, "labels": dict(value.labels)}}


def workload(value: Workload) -> Json:
    """A v1 Pod, or the apps/v1 object around its template."""
    metadata = {"name": value.key.name, "namespace": value.key.namespace}
    ports = [
        {"containerPort": port.number, "protocol": port.protocol.name} | ({"name": port.name} if port.name else {})
        for port in value.ports
    ]
    spec: Json = {"containers": [{"name": "main", "image": "example.com/main", "ports": ports}]}
    if value.host_network:
        spec["hostNetwork"] = True
    if value.key.kind == "Pod":
        body: Json = {"metadata": metadata | {"labels": dict(value.labels)}, "spec": spec}
        addresses = [
            address_text(first + i) for first, last in value.addresses.ranges() for i in range(last - first + 1)
        ]
        if addresses:
            body["status"] = {"podIP": addresses[0], "podIPs": [{"ip": address} for address in addresses]}
        return {"apiVersion": "v1", "kind": "Pod"} | body
    template = {"metadata": {"labels": dict(value.labels)}, "spec": spec}
    return {
        "apiVersion": f"{value.key.group}/v1",
        "kind": value.key.kind,
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": dict(value.labels)}, "template": template},
    }


def selector(value: Selector) -> Json:
    """A LabelSelector; one In of one value is written as matchLabels."""
    labels: dict[str, str] = {}
    expressions: list[Json] = []
    for requirement in value.requirements:
        if requirement.operator is Operator.IN and len(requirement.values) == 1 and requirement.key not in labels:
            labels[requirement.key] = requirement.values[0]
            continue
        expression: Json = {"key": requirement.key, "operator": requirement.operator.value}
        if requirement.values:
            expression["values"] = list(requirement.values)
        expressions.append(expression)
    written: Json = {"matchLabels": labels} if labels else {}
    return written | ({"matchExpressions": expressions} if expressions else {})


def network_policy(value: NetworkPolicy) -> Json:
    """A networking.k8s.io/v1 NetworkPolicy that names its policyTypes."""
    spec: Json = {"podSelector": selector(value.pods), "policyTypes": []}
    for direction in Direction:
        rules = value.rules(direction)
        if rules is not None:
            spec["policyTypes"].append(direction.value.capitalize())
            spec[direction.value] = [_network_rule(rule, direction) for rule in rules]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": value.key.name, "namespace": value.key.namespace},
        "spec": spec,
    }


def _network_rule(rule: NetworkRule, direction: Direction) -> Json:
    written: Json = {}
    if rule.peers is not None:
        written[PEERS[direction]] = [_network_peer(peer) for peer in rule.peers]
    if rule.ports is not None:
        written["ports"] = [_network_port(port) for port in rule.ports]
    return written


def _network_peer(peer: Peer) -> Json:
    match peer:
        case PodPeer(namespaces=None, pods=pods):
            return {"podSelector": selector(pods)}
        case PodPeer(namespaces=Selector() as namespaces, pods=pods):
            written = {"namespaceSelector": selector(namespaces)}
            return written | ({"podSelector": selector(pods)} if pods != EVERYTHING else {})
        case BlockPeer(text=text):
            cidr, _, excepted = text.partition(" except ")
            return {"ipBlock": {"cidr": cidr} | ({"except": excepted.split(", ")} if excepted else {})}
        case _:
            raise TypeError(f"NetworkPolicy has no {peer}")


def _network_port(port: PortRule) -> Json:
    match port:
        case NamedPort(name=name, protocol=protocol):
            assert protocol is not None, "a port name of NetworkPolicy has a protocol"
            return {"protocol": protocol.name, "port": name}
        case PortRange(protocol=protocol, first=first, last=last):
            written: Json = {"protocol": protocol.name}
            if (first, last) == (FIRST_PORT, LAST_PORT):
                return written
            return written | {"port": first} | ({"endPort": last} if last != first else {})


def cluster_policy(value: ClusterPolicy) -> Json:
    """A policy.networking.k8s.io ClusterNetworkPolicy, or one of its two forerunners."""
    new = value.key.kind == "ClusterNetworkPolicy"
    spec: Json = {}
    if new:
        spec["tier"] = value.tier.name.capitalize()
    if value.key.kind != "BaselineAdminNetworkPolicy":
        spec["priority"] = value.priority
    spec["subject"] = _pods(PodPeer(value.namespaces, value.pods))
    for direction in Direction:
        rules = [_cluster_rule(rule, direction, new) for rule in value.rules(direction)]
        if rules:
            spec[direction.value] = rules
    return {
        "apiVersion": f"policy.networking.k8s.io/{'v1alpha2' if new else 'v1alpha1'}",
        "kind": value.key.kind,
        "metadata": {"name": value.key.name},
        "spec": spec,
    }


def _cluster_rule(rule: ClusterRule, direction: Direction, new: bool) -> Json:
    action = "Allow" if rule.action is Action.ACCEPT and not new else rule.action.value
    written: Json = {"action": action, PEERS[direction]: [_cluster_peer(peer) for peer in rule.peers]}
    if rule.name:
        written["name"] = rule.name
    if rule.ports is not None and new:
        written["protocols"] = [_protocol(port) for port in rule.ports]
    elif rule.ports is not None:
        written["ports"] = [_old_port(port) for port in rule.ports]
    return written


def _cluster_peer(peer: Peer) -> Json:
    match peer:
        case PodPeer():
            return _pods(peer)
        case BlockPeer(text=text):
            return {"networks": [text]}
        case NodePeer(nodes=nodes):
            return {"nodes": selector(nodes)}
        case DomainPeer(names=names):
            return {"domainNames": list(names)}
        case UnknownPeer():
            return {"somethingNewer": {}}


def _pods(peer: PodPeer) -> Json:
    assert peer.namespaces is not None, "cluster policies have no namespace of their own"
    if peer.pods == EVERYTHING:
        return {"namespaces": selector(peer.namespaces)}
    return {"pods": {"namespaceSelector": selector(peer.namespaces), "podSelector": selector(peer.pods)}}


def _protocol(port: PortRule) -> Json:
    match port:
        case NamedPort(name=name):
            return {"destinationNamedPort": name}
        case PortRange(protocol=protocol, first=first, last=last) if first == last:
            return {protocol.name.lower(): {"destinationPort": {"number": first}}}
        case PortRange(protocol=protocol, first=first, last=last):
            return {protocol.name.lower(): {"destinationPort": {"range": {"start": first, "end": last}}}}


def _old_port(port: PortRule) -> Json:
    match port:
        case NamedPort(name=name):
            return {"namedPort": name}
        case PortRange(protocol=protocol, first=first, last=last) if first == last:
            return {"portNumber": {"protocol": protocol.name, "port": first}}
        case PortRange(protocol=protocol, first=first, last=last):
            return {"portRange": {"protocol": protocol.name, "start": first, "end": last}}
