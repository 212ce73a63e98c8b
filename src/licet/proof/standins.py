"""Pods that no manifest holds and policies may let in all the same: of each kind one that stands for them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from licet.contracts.agreement import Pods
from licet.diag.place import Origin
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import ClusterPolicy, NetworkPolicy, PodPeer
from licet.model.selector import Operator, Selector
from licet.model.ternary import Ternary
from licet.model.workload import METADATA_NAME, Namespace, Workload

_ELSEWHERE = "any other namespace"
"""No namespace can have this name, for the spaces in it."""
_ANY = "any"


class Staged(msgspec.Struct, frozen=True):
    """A cluster with stand-ins at the end of its workloads, and what people call each of them.

    `chameleon` is a pod in a namespace that no manifest holds, whose labels may be whatever a policy asks for.
    `assumptions` tell of ends for which no stand-in could be found.
    """

    cluster: Cluster
    names: dict[Key, str]
    chameleon: Key
    assumptions: tuple[str, ...]


def staged(cluster: Cluster, ends: Iterable[Pods]) -> Staged:
    """The cluster with a stand-in for each end that no workload matches, one stranger a namespace, and the chameleon.

    A stranger has no labels, so that only a rule for a whole namespace, or for all of them, lets it in.
    """
    wanted = tuple(dict.fromkeys(ends))
    namespaces = dict(cluster.namespaces)
    for end in wanted:
        namespaces.setdefault(end.namespace, Namespace(end.namespace, {METADATA_NAME: end.namespace}, declared=False))
    namespaces[_ELSEWHERE] = Namespace(_ELSEWHERE, {METADATA_NAME: _ELSEWHERE}, declared=True)
    names: dict[Key, str] = {}
    added: list[Workload] = []
    assumptions: list[str] = []
    by_namespace: dict[str, list[Workload]] = {}
    for workload in cluster.workloads:
        by_namespace.setdefault(workload.key.namespace, []).append(workload)
    for number, end in enumerate(wanted):
        if not end.pods.requirements or _is_there(end, by_namespace.get(end.namespace, ())):
            continue
        labels = _satisfying(end.pods)
        if labels is None:
            assumptions.append(f"nothing is proved of {end.text}: no pod that its selector matches is known")
            continue
        key = Key("", "", "Pod", end.namespace, f"{end.text} {number}")
        names[key] = end.text
        added.append(_pod(key, labels))
    for namespace in namespaces:
        if namespace != _ELSEWHERE:
            key = Key("", "", "Pod", namespace, "any other pod")
            names[key] = f"any other pod of {namespace}"
            added.append(_pod(key, {}))
    chameleon = Key("", "", "Pod", _ELSEWHERE, "any pod")
    names[chameleon] = "a pod of any other namespace"
    added.append(_pod(chameleon, {}, frozenset(_label_keys(cluster))))
    told = msgspec.structs.replace(cluster, namespaces=namespaces, workloads=(*cluster.workloads, *added))
    return Staged(told, names, chameleon, tuple(assumptions))


def _is_there(end: Pods, workloads: Iterable[Workload]) -> bool:
    return any(end.pods.matches(w.labels, w.runtime_labels) is Ternary.YES for w in workloads)


def _pod(key: Key, labels: dict[str, str], unknown: frozenset[str] = frozenset()) -> Workload:
    return Workload(key, labels, unknown, (), False, AddressSet(), "", Origin(""))


def _satisfying(selector: Selector) -> dict[str, str] | None:
    """Labels that the selector matches; None where the simplest ones do not do."""
    labels: dict[str, str] = {}
    for requirement in selector.requirements:
        if requirement.operator is Operator.IN:
            labels.setdefault(requirement.key, requirement.values[0])
        elif requirement.operator is Operator.EXISTS:
            labels.setdefault(requirement.key, _ANY)
    return labels if selector.matches(labels) is Ternary.YES else None


def _label_keys(cluster: Cluster) -> set[str]:
    """Every label of pods that some policy asks for."""
    found: set[str] = set()
    policies: tuple[NetworkPolicy | ClusterPolicy, ...] = (*cluster.network_policies, *cluster.cluster_policies)
    for policy in policies:
        found.update(r.key for r in policy.pods.requirements)
        for rule in (*(policy.ingress or ()), *(policy.egress or ())):
            for peer in rule.peers or ():
                if isinstance(peer, PodPeer):
                    found.update(r.key for r in peer.pods.requirements)
    return found
