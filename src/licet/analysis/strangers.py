"""What policies let a pod of which nothing is known reach: an ingress controller, wherever it runs."""

from __future__ import annotations

import msgspec

from licet.analysis.grant import Grant, Grants
from licet.analysis.population import UNKNOWN_POD, Population
from licet.analysis.rows import Rows
from licet.analysis.rules import Rules
from licet.analysis.shelf import Shelf
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import Direction
from licet.model.profile import Profile
from licet.model.workload import Workload


def admitting_strangers(
    cluster: Cluster, profile: Profile, grants: Grants, workloads: tuple[Workload, ...], home: str = ""
) -> dict[Key, Grant]:
    """Per workload what its own ingress policies grant to such a pod.

    It runs in the namespace `home`, "" where that is not known.

    Asked apart from the rest, for few workloads, since a stranger makes every selector doubtful.
    """
    if not workloads:
        return {}
    around = {workload.key.namespace for workload in workloads}
    near = msgspec.structs.replace(
        cluster,
        workloads=workloads,
        network_policies=tuple(policy for policy in cluster.network_policies if policy.key.namespace in around),
    )
    population = Population(near, profile, stranger=home)
    rows = Rows(Shelf.of(near), population, grants, Rules(population, grants), Direction.INGRESS)
    found: dict[Key, Grant] = {}
    for workload in workloads:
        row = rows.of[population.class_of[workload.key]]
        found[workload.key] = next((g for g, part in row.pods.items() if part >> UNKNOWN_POD & 1), grants.denied)
    return found
