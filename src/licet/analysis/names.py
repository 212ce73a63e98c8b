"""Under which names the classes of an answer are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from licet.model.key import Key
from licet.model.workload import Workload

if TYPE_CHECKING:
    from licet.analysis.reach import Reach

Names = list[tuple[int, str]]
"""(position in the input, id) of everything in a class."""


def names_of_classes(reach: Reach, merged: set[Key]) -> list[Names]:
    """The ids of each class's members; pods of the owners in `merged` stand together under their owner's."""
    workloads = reach.population.workloads
    shown: set[Key] = set()
    out: list[Names] = []
    for pod_class in reach.population.classes:
        names: Names = []
        for at in pod_class.members:
            key = shown_as(workloads[at], merged)
            if key not in shown:
                shown.add(key)
                names.append((at, str(key)))
        out.append(names)
    return out


def shown_as(workload: Workload, merged: set[Key]) -> Key:
    """The key under which a workload is shown: its owner's where that is among those merged."""
    return workload.owner if workload.owner is not None and workload.owner in merged else workload.key


def indistinguishable(reach: Reach) -> set[Key]:
    """Owners whose pods differ in labels or ports, but which no policy treats differently in either direction.

    Where the owner is itself a workload, its template counts as one more of its pods.
    """
    population = reach.population
    classes: dict[Key, set[int]] = {}
    for workload in population.workloads:
        if workload.owner is not None:
            classes.setdefault(workload.owner, set()).add(population.class_of[workload.key])
    for owner, members in classes.items():
        if owner in population.class_of:
            members.add(population.class_of[owner])
    return {owner for owner, members in classes.items() if _alike(reach, sorted(members))}


def _alike(reach: Reach, members: list[int]) -> bool:
    first, *others = members
    for other in others:
        if (
            reach.columns[first] != reach.columns[other]
            or reach.ingress[first].outside != reach.ingress[other].outside
            or reach.egress[first].outside != reach.egress[other].outside
        ):
            return False
    if any(len({grants.get(at) for at in members}) > 1 for grants in reach.routed.values()):
        return False
    columns = {id(column): column for column in reach.columns}.values()
    return all(len({part >> at & 1 for at in members}) == 1 for column in columns for part in column.values())
