"""Pods and the controllers that own them: what is alike is one workload.

What a controller makes is merged into the controller's own object where labels, ports, host network and
service account agree; labels that the controller sets itself do not count. But a StatefulSet's pods keep their names
for life: where several are given, they take its place, since a policy may tell them apart. Pods whose controller is not
in the manifests become one workload under its name where they agree in everything but what comes from their nodes: a
label that differs is then unknown. Whatever does not agree stands on its own, with `owner` set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

import msgspec

from licet.manifest.decode import findings
from licet.manifest.decode.fields import OwnerReference, Reader
from licet.manifest.decode.workloads import CONTROLLER_LABELS, NODE_LABELS
from licet.model.key import Key
from licet.model.workload import Workload

_HASHES = {"pod-template-hash": ("apps", "Deployment"), "rollouts-pod-template-hash": ("argoproj.io", "Rollout")}
_REPLICA_LABELS = ("statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index")
_LONGEST_CHAIN = 8


def owner_of(references: Iterable[OwnerReference | None], namespace: str, cluster: str) -> Key | None:
    """The controller among the owners, else the first owner; an owner of kind Node is none (a static pod).

    An owner without a kind is taken for a Pod.
    """
    named = [r for r in references if r is not None and r.name and r.kind != "Node"]
    chosen = next((r for r in named if r.controller), named[0] if named else None)
    if chosen is None:
        return None
    group, slash, _ = chosen.apiVersion.rpartition("/")
    group = "apps" if group == "extensions" else group
    return Key(cluster, group if slash else "", chosen.kind or "Pod", namespace, chosen.name)


def borrow(workloads: dict[Key, Workload], reader: Reader) -> None:
    """Give Rollouts with a `workloadRef` the template of what they name; those that name nothing are left out."""
    for key, target in reader.references.items():
        borrower = workloads.get(key)
        lender = workloads.get(target)
        if borrower is None:
            continue
        if lender is None:
            del workloads[key]
            reader.report(
                findings.unresolved(
                    borrower.origin,
                    ("spec", "workloadRef"),
                    f"names `{target}`, which is not there",
                    "add it to the paths",
                )
            )
            continue
        labels = _without(lender.labels, borrower.runtime_labels)
        workloads[key] = msgspec.structs.replace(
            lender,
            key=key,
            labels=labels,
            runtime_labels=borrower.runtime_labels,
            certain_labels=borrower.certain_labels,
            origin=borrower.origin,
        )


def unite(
    workloads: dict[Key, Workload], owners: Mapping[Key, Key], idle: Set[Key], reader: Reader
) -> tuple[Workload, ...]:
    """All workloads, those that belong together made one. `idle` are those that run no pod of their own."""
    left = dict(workloads)
    orphans: dict[Key, list[Workload]] = {}
    replicas: dict[Key, list[Workload]] = {}
    apart: dict[Key, list[Workload]] = {}
    parents = {
        child: _known_parent(workloads[child], owner, workloads)
        for child, owner in owners.items()
        if child in workloads
    }
    for child in sorted(parents, key=lambda key: -_depth(key, parents)):
        owner = parents[child]
        if owner not in workloads:
            if child.kind == "Pod" and child.group == "":
                orphans.setdefault(owner, []).append(left[child])
        elif owner in left and (child in idle or _agree(left[child], left[owner])):
            absorbed = left.pop(child)
            if not absorbed.labels.keys().isdisjoint(_REPLICA_LABELS):
                replicas.setdefault(owner, []).append(absorbed)
            host = left[owner]
            if absorbed.addresses:
                left[owner] = msgspec.structs.replace(host, addresses=host.addresses | absorbed.addresses)
        else:
            left[child] = msgspec.structs.replace(left[child], owner=owner)
            apart.setdefault(owner, []).append(left[child])
    for owner, differing in apart.items():
        model = workloads[owner]
        reader.report(
            findings.apart_from_owner(differing[0].origin, owner, len(differing), _difference([model, *differing]))
        )
    for owner, pods in replicas.items():
        if owner in left and _have_names(pods):
            del left[owner]
            left.update({pod.key: msgspec.structs.replace(pod, owner=owner) for pod in pods})
    return _with_siblings({key: left[key] for key in workloads if key in left}, orphans, reader)


def _known_parent(child: Workload, owner: Key, workloads: Mapping[Key, Workload]) -> Key:
    """The owner, or the Deployment or Rollout behind a ReplicaSet that is not in the manifests itself.

    Those controllers name a ReplicaSet after themselves and the hash that they label its pods with.
    """
    if owner in workloads or owner.kind != "ReplicaSet":
        return owner
    for label, (group, kind) in _HASHES.items():
        ending = "-" + child.labels.get(label, "")
        above = Key(owner.cluster, group, kind, owner.namespace, owner.name.removesuffix(ending))
        if len(ending) > 1 and owner.name.endswith(ending) and above in workloads:
            return above
    return owner


def _depth(key: Key, parents: Mapping[Key, Key]) -> int:
    depth = 0
    while (above := parents.get(key)) is not None and depth < _LONGEST_CHAIN:
        key = above
        depth += 1
    return depth


def _agree(child: Workload, owner: Workload) -> bool:
    return (
        child.ports == owner.ports
        and child.host_network == owner.host_network
        and child.service_account == owner.service_account
        and _without(child.labels, owner.runtime_labels) == _without(owner.labels, child.runtime_labels)
    )


def _have_names(pods: list[Workload]) -> bool:
    """Whether labels that a pod keeps for life tell these apart."""
    return any(pods[0].labels.get(key) != pod.labels.get(key) for pod in pods[1:] for key in _REPLICA_LABELS)


def _with_siblings(
    left: dict[Key, Workload], orphans: Mapping[Key, list[Workload]], reader: Reader
) -> tuple[Workload, ...]:
    """Pods of one absent owner become one workload at the place of the first, or stay apart."""
    instead: dict[Key, Workload | None] = {}
    for owner, pods in orphans.items():
        own = CONTROLLER_LABELS.get((owner.group, owner.kind), frozenset()) | NODE_LABELS
        if owner not in left and all(_alike(pods[0], pod, NODE_LABELS) for pod in pods):
            instead.update(dict.fromkeys([pod.key for pod in pods]))
            instead[pods[0].key] = _merged(owner, pods)
            continue
        instead.update({pod.key: msgspec.structs.replace(pod, owner=owner) for pod in pods})
        if not all(_alike(pods[0], pod, own) for pod in pods):
            reader.report(findings.apart_from_owner(pods[0].origin, owner, len(pods), _difference(pods)))
    if not instead:
        return tuple(left.values())
    found = [instead.get(key, workload) for key, workload in left.items()]
    return tuple([workload for workload in found if workload is not None])


def _alike(first: Workload, second: Workload, own: Set[str]) -> bool:
    return (
        first.ports == second.ports
        and first.host_network == second.host_network
        and first.service_account == second.service_account
        and _without(first.labels, own) == _without(second.labels, own)
    )


def _merged(owner: Key, pods: list[Workload]) -> Workload:
    addresses = pods[0].addresses
    for pod in pods[1:]:
        addresses |= pod.addresses
    varying = {key for key in NODE_LABELS if len({pod.labels.get(key) for pod in pods}) > 1}
    return msgspec.structs.replace(
        pods[0],
        key=owner,
        labels=_without(pods[0].labels, varying),
        runtime_labels=frozenset(varying).union(*[pod.runtime_labels for pod in pods]),
        certain_labels=frozenset(key for key in varying if all(key in pod.labels for pod in pods)),
        addresses=addresses,
    )


def _difference(workloads: list[Workload]) -> str:
    counts = {
        "ports": len({workload.ports for workload in workloads}),
        "host network": len({workload.host_network for workload in workloads}),
        "service account": len({workload.service_account for workload in workloads}),
    }
    return ", ".join(name for name, count in counts.items() if count > 1) or "labels"


def _without(labels: Mapping[str, str], keys: Set[str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key not in keys}
