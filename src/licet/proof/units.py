"""Workloads as contracts see them, beside classes as policies see them: a set of units is a set of bits."""

from __future__ import annotations

from licet.analysis import bits
from licet.analysis.population import Population
from licet.model.key import Key


class Units:
    """Every (class, workload) that there is; two workloads that no policy tells apart are two units of one class.

    Position 0 is nobody, as in the population. `root` is the workload a unit is of: the owner of pods that differ from
    its template. `alone` are bare pods, which always reach themselves; `host` those on their node's network.
    """

    def __init__(self, population: Population) -> None:
        self.root: list[Key | None] = [None]
        self.class_of: list[int] = [0]
        self.by_root: dict[Key, list[int]] = {}
        self._of_class: list[list[int]] = [[]]
        for at, pod_class in enumerate(population.classes[1:], 1):
            members = (population.workloads[member] for member in pod_class.members)
            own: list[int] = []
            for root in dict.fromkeys(workload.subject for workload in members):
                own.append(len(self.root))
                self.by_root.setdefault(root, []).append(len(self.root))
                self.root.append(root)
                self.class_of.append(at)
            self._of_class.append(own)
        self.width = len(self.root)
        self.everyone = (1 << self.width) - 2
        self._same = self.width == population.width
        self._moved: dict[int, int] = {}
        self.host = self.of_classes(population.host)
        self.alone = bits.of((at for at, root in enumerate(self.root) if root and root.kind == "Pod"), self.width)

    def of_classes(self, classes: int) -> int:
        """The units of these classes."""
        if self._same:
            return classes
        found = self._moved.get(classes)
        if found is None:
            found = bits.of((unit for at in bits.indices(classes) for unit in self._of_class[at]), self.width)
            self._moved[classes] = found
        return found
