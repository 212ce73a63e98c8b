"""Which workloads a selector selects, without asking every one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from licet.model.selector import Operator, Selector
from licet.model.ternary import Ternary
from licet.model.workload import Workload


class Selection:
    """Workloads by namespace and by label."""

    def __init__(self, workloads: Iterable[Workload]) -> None:
        self._all: list[Workload] = []
        self._in: dict[str, list[Workload]] = {}
        self._bearing: dict[tuple[str, str], list[Workload]] = {}
        self._unsure: dict[str, list[Workload]] = {}
        for workload in workloads:
            self._all.append(workload)
            self._in.setdefault(workload.key.namespace, []).append(workload)
            for label in workload.labels.items():
                self._bearing.setdefault(label, []).append(workload)
            for key in workload.runtime_labels:
                self._unsure.setdefault(key, []).append(workload)

    def within(self, namespace: str) -> Sequence[Workload]:
        """The workloads of a namespace."""
        return self._in.get(namespace, ())

    def selected(self, selector: Selector, namespace: str | None = None) -> list[tuple[Workload, bool]]:
        """The workloads that a selector selects, in one namespace or in all, and whether each is certain."""
        found: list[tuple[Workload, bool]] = []
        for workload in self._candidates(selector, namespace):
            if namespace in (None, workload.key.namespace):
                fits = workload.bears(selector)
                if fits is not Ternary.NO:
                    found.append((workload, fits is Ternary.YES))
        return found

    def _candidates(self, selector: Selector, namespace: str | None) -> Sequence[Workload]:
        """The fewest workloads among which all that are selected are."""
        fewest: Sequence[Workload] = self._all if namespace is None else self.within(namespace)
        for requirement in selector.requirements:
            if requirement.operator is Operator.IN and requirement.key not in self._unsure:
                bearing = [self._bearing.get((requirement.key, value), ()) for value in requirement.values]
                if sum(map(len, bearing)) < len(fewest):
                    fewest = [workload for group in bearing for workload in group]
        return fewest
