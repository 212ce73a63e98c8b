"""Labels that find a workload's pods, and nobody else's, in this version and the next."""

from __future__ import annotations

import functools
import itertools
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.selector import Selector
from licet.model.ternary import Ternary
from licet.model.workload import Workload

Labels: TypeAlias = Mapping[str, str]

_PREFERRED = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app",
    "k8s-app",
    "name",
    "component",
    "tier",
    "role",
    "service",
    "app.kubernetes.io/part-of",
)
"""The most telling first; others follow in the order of the alphabet."""

_SET_AT_RUN_TIME = re.compile(
    r"(?:statefulset|apps|batch)\.kubernetes\.io/.*|topology\.kubernetes\.io/.*|(?:.*/)?job-name"
)
_CHANGES = re.compile(
    r"(?:.*[/_.-])?"
    r"(?:version|ver|revision|rev|hash|sha|sha1|sha256|commit|build|date|time|timestamp|checksum|digest|chart|tag|"
    r"generation|uid|canonical-revision)"
    r"(?:[_.-].*)?"
)
"""A key with such a word in it says which version this is, not which workload."""
_HUMP = re.compile("(?<=[a-z0-9])(?=[A-Z])")
"""Where a word begins in `appVersion`."""
_ASKED_TOGETHER = 3
"""Up to so many labels every combination is tried, beyond that one label is added after the other."""


def stable(key: str) -> bool:
    """Whether the label stays the same from pod to pod and from version to version."""
    words = _HUMP.sub("-", key).lower()
    return not (_SET_AT_RUN_TIME.fullmatch(key) or _CHANGES.fullmatch(words))


class Selected(msgspec.Struct, frozen=True):
    """Labels that find the workload's pods and nobody else's."""

    labels: Labels


class Confused(msgspec.Struct, frozen=True):
    """Every stable label that the workload's pods share, and the others that have them all."""

    labels: Labels
    others: tuple[Key, ...]


class OnHosts(msgspec.Struct, frozen=True):
    """Pods with the network of their nodes, which no selector finds."""


class Missing(msgspec.Struct, frozen=True):
    """No such workload in the manifests."""


Selection: TypeAlias = Selected | Confused | OnHosts | Missing


class Selections:
    """Chooses labels; each workload is looked at once."""

    def __init__(self, cluster: Cluster) -> None:
        self._members: dict[Key, list[Workload]] = {}
        by_namespace: dict[str, list[Workload]] = {}
        for workload in cluster.workloads:
            self._members.setdefault(workload.key, []).append(workload)
            if workload.owner is not None:
                self._members.setdefault(workload.owner, []).append(workload)
            by_namespace.setdefault(workload.key.namespace, []).append(workload)
        self._namespaces = {name: _Index(workloads) for name, workloads in by_namespace.items()}
        self._chosen: dict[Key, Selection] = {}
        self._among: dict[tuple[str, Selector], frozenset[bool]] = {}

    def of(self, key: Key) -> Selection:
        """How the pods of the workload are found."""
        if key not in self._chosen:
            self._chosen[key] = self._choose(key)
        return self._chosen[key]

    def members(self, key: Key) -> Sequence[Workload]:
        """The workload, and what of it stands on its own (`Workload.owner`)."""
        return self._members.get(key, [])

    def neighbours(self, namespace: str) -> Sequence[Workload]:
        """Every workload of the namespace."""
        index = self._namespaces.get(namespace)
        return index.workloads if index is not None else []

    def hosts_among(self, namespace: str, pods: Selector) -> frozenset[bool]:
        """For the known workloads that a selector may match, whether they have the network of their nodes."""
        if (namespace, pods) not in self._among:
            self._among[namespace, pods] = frozenset(
                workload.host_network
                for workload in self.neighbours(namespace)
                if workload.bears(pods) is not Ternary.NO
            )
        return self._among[namespace, pods]

    def _choose(self, key: Key) -> Selection:
        members = self.members(key)
        if not members:
            return Missing()
        if any(member.host_network for member in members):
            return OnHosts()
        return self._namespaces[key.namespace].choose(members)


class _Index:
    """The workloads of one namespace by label; sets of them are the bits of a number."""

    def __init__(self, workloads: list[Workload]) -> None:
        self.workloads = workloads
        self._at = {workload.key: at for at, workload in enumerate(workloads)}
        self._having: dict[tuple[str, str], int] = {}
        self._unknown: dict[str, int] = {}
        for at, workload in enumerate(workloads):
            for label in workload.labels.items():
                self._having[label] = self._having.get(label, 0) | 1 << at
            for name in workload.runtime_labels - workload.labels.keys():
                self._unknown[name] = self._unknown.get(name, 0) | 1 << at

    def choose(self, members: Sequence[Workload]) -> Selected | Confused:
        own = sum(1 << self._at[member.key] for member in members)
        shared = set(members[0].labels.items()).intersection(*[member.labels.items() for member in members])
        labels = sorted((label for label in shared if stable(label[0])), key=_rank)
        caught = {label: (self._having[label] | self._unknown.get(label[0], 0)) & ~own for label in labels}
        everyone = (1 << len(self.workloads)) - 1 & ~own
        others = _all(caught.values(), everyone)
        if others or not labels:
            return Confused(dict(labels), tuple(w.key for at, w in enumerate(self.workloads) if others >> at & 1))
        return Selected(dict(_fewest(labels, caught, everyone)))


def _fewest(
    labels: list[tuple[str, str]], caught: Mapping[tuple[str, str], int], everyone: int
) -> list[tuple[str, str]]:
    """The first smallest choice that catches nobody else; all labels together do."""
    for count in range(1, _ASKED_TOGETHER + 1):
        for chosen in itertools.combinations(labels, count):
            if not _all((caught[label] for label in chosen), everyone):
                return list(chosen)
    taken: list[tuple[str, str]] = []
    left = everyone
    for label in labels:
        if left & caught[label] != left:
            taken.append(label)
            left &= caught[label]
    return taken


def _all(sets: Iterable[int], everyone: int) -> int:
    return functools.reduce(operator.and_, sets, everyone)


def _rank(label: tuple[str, str]) -> tuple[int, str]:
    key = label[0]
    return (_PREFERRED.index(key) if key in _PREFERRED else len(_PREFERRED), key)
