"""What policies let a pod of which nothing is known reach: an ingress controller, wherever it runs."""

from __future__ import annotations

from licet.analysis import assumption
from licet.analysis.grant import Grant, Grants
from licet.analysis.population import UNKNOWN_POD, Population
from licet.analysis.rows import Rows
from licet.analysis.rules import Rules
from licet.analysis.shelf import Shelf
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import Direction
from licet.model.profile import Profile


def admitting_strangers(near: Cluster, profile: Profile, grants: Grants, home: str = "") -> dict[Key, Grant]:
    """Per workload of `near` what its own ingress policies grant to such a pod.

    `near` is a cluster cut down to few workloads and the policies that apply to them, since a stranger makes every
    selector doubtful. The stranger runs in the namespace `home`, "" where that is not known.
    """
    population = Population(near, profile, stranger=home)
    rows = Rows(Shelf.of(near), population, grants, Rules(population, grants), Direction.INGRESS)
    found: dict[Key, Grant] = {}
    for workload in near.workloads:
        row = rows.of[population.class_of[workload.key]]
        grant = next((g for g, part in row.pods.items() if part >> UNKNOWN_POD & 1), grants.denied)
        # a hostNetwork pod is its node to the others, and the stranger may run on that very node
        found[workload.key] = grants.softened(grant, assumption.HOST_NETWORK) if workload.host_network else grant
    return found
