"""The workloads of a cluster by the names that they go by."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from licet.model.cluster import Cluster
from licet.model.key import Key, Pattern
from licet.model.selector import Operator, Selector
from licet.model.ternary import Ternary
from licet.model.workload import Workload


class Roster:
    """Finds workloads by name and by labels.

    `members` holds them by the name that people know: a pod that a controller made goes by its owner's.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.members: dict[Key, list[Workload]] = {}
        self._labelled: dict[tuple[str, str, str], list[Key]] = {}
        self._names: dict[tuple[str, str], list[Key]] = {}
        self._namespaces: dict[str, list[Key]] = {}
        for workload in cluster.workloads:
            key = workload.subject
            if key not in self.members:
                self.members[key] = []
                self._names.setdefault((key.namespace, key.name), []).append(key)
                self._namespaces.setdefault(key.namespace, []).append(key)
            self.members[key].append(workload)
            for label, value in workload.labels.items():
                keys = self._labelled.setdefault((key.namespace, label, value), [])
                if not keys or keys[-1] != key:
                    keys.append(key)

    def named(self, pattern: Pattern) -> list[Key]:
        """The workloads that a pattern with a namespace names; its cluster is not looked at."""
        return [
            key
            for key in self._names.get((pattern.namespace or "", pattern.name), ())
            if pattern.kind in (None, key.kind) and pattern.group in (None, key.group)
        ]

    def in_namespace(self, namespace: str) -> list[Key]:
        """The workloads of a namespace."""
        return self._namespaces.get(namespace, [])

    def selected(self, namespace: str, selector: Selector) -> list[Key]:
        """The workloads of a namespace of which some pod surely matches."""
        asked = next((r for r in selector.requirements if r.operator is Operator.IN), None)
        if asked is None:
            candidates = self.in_namespace(namespace)
        else:
            found = (self._labelled.get((namespace, asked.key, value), ()) for value in asked.values)
            candidates = list(dict.fromkeys(key for keys in found for key in keys))
        return [key for key in candidates if self.matches(key, selector)]

    def matches(self, key: Key, selector: Selector) -> bool:
        """Whether some pod of a workload surely has these labels."""
        return any(member.bears(selector) is Ternary.YES for member in self.members[key])

    def close(self, pattern: Pattern) -> str:
        """What may have been meant, as `namespace/name`: that name elsewhere, or a close one; "" for neither."""
        elsewhere = [key for key in self.members if key.name == pattern.name]
        if elsewhere:
            return f"{elsewhere[0].namespace}/{elsewhere[0].name}"
        names = {key.name: key for key in self._near(pattern.namespace or "")}
        best = difflib.get_close_matches(pattern.name, names, 1)
        return f"{names[best[0]].namespace}/{names[best[0]].name}" if best else ""

    def _near(self, namespace: str) -> Iterator[Key]:
        yield from self._namespaces.get(namespace, ())
