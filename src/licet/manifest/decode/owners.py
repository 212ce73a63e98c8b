"""Pods and the controllers that own them: what is alike is one workload.

What a controller makes is merged into the controller's own object where labels, ports, host network and
service account agree; labels that the controller sets itself do not count. Pods whose controller is not in the
manifests become one workload under its name where they agree with each other in the same sense; a label of the
controller's own that differs among them is then unknown. Whatever does not agree stands on its own, with `owner` set.
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
            lender, key=key, labels=labels, runtime_labels=borrower.runtime_labels, origin=borrower.origin
        )


def unite(
    workloads: dict[Key, Workload], owners: Mapping[Key, Key], idle: Set[Key], reader: Reader
) -> tuple[Workload, ...]:
    """All workloads, those that belong together made one. `idle` are those that run no pod of their own."""
    left = dict(workloads)
    orphans: dict[Key, list[Workload]] = {}
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
    return _with_siblings(left, orphans, reader)


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


def _with_siblings(
    left: dict[Key, Workload], orphans: Mapping[Key, list[Workload]], reader: Reader
) -> tuple[Workload, ...]:
    """Pods of one absent owner become one workload at the place of the first, or stay apart."""
    instead: dict[Key, Workload | None] = {}
    for owner, pods in orphans.items():
        own = CONTROLLER_LABELS.get((owner.group, owner.kind), frozenset()) | NODE_LABELS
        if owner not in left and all(_alike(pods[0], pod, own) for pod in pods):
            instead.update(dict.fromkeys([pod.key for pod in pods]))
            instead[pods[0].key] = _merged(owner, pods, own)
            continue
        instead.update({pod.key: msgspec.structs.replace(pod, owner=owner) for pod in pods})
        if len(pods) > 1:
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


def _merged(owner: Key, pods: list[Workload], own: Set[str]) -> Workload:
    first = pods[0]
    varying = {key for key in own if any(pod.labels.get(key) != first.labels.get(key) for pod in pods)}
    addresses = first.addresses
    for pod in pods[1:]:
        addresses |= pod.addresses
    return msgspec.structs.replace(
        first,
        key=owner,
        labels=_without(first.labels, varying),
        runtime_labels=frozenset(varying).union(*[pod.runtime_labels for pod in pods]),
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
