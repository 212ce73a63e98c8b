"""Under which names the classes of an answer are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from licet.model.key import Key

if TYPE_CHECKING:
    from licet.analysis.reach import Reach

Names = list[tuple[int, Key]]
"""(position in the input, key) of everything in a class."""


def names_of_classes(reach: Reach) -> list[Names]:
    """The names of each class's members.

    Pods of one owner that differ in labels or ports are shown as their owner where nothing tells them apart: no
    policy treats them differently in either direction. Otherwise each pod stands for itself.
    """
    population = reach.population
    merged = _indistinguishable(reach)
    shown: set[Key] = set()
    out: list[Names] = []
    for pod_class in population.classes:
        names: Names = []
        for at in pod_class.members:
            workload = population.workloads[at]
            key = workload.owner if workload.owner is not None and workload.owner in merged else workload.key
            if key not in shown:
                shown.add(key)
                names.append((at, key))
        out.append(names)
    return out


def _indistinguishable(reach: Reach) -> set[Key]:
    population = reach.population
    classes: dict[Key, set[int]] = {}
    for workload in population.workloads:
        if workload.owner is not None:
            classes.setdefault(workload.owner, set()).add(population.class_of[workload.key])
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
