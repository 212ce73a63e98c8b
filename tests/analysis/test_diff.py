"""A difference holds each packet whose verdict changed, in the one list where it belongs, and no other packet."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from licet.analysis.diff import Difference, diff
from licet.analysis.reach import Reach, reach
from licet.model.addresses import AddressSet, range_from_text
from licet.model.cluster import Cluster
from licet.model.edge import Edge
from licet.model.key import Key
from licet.model.ports import Protocol
from licet.model.verdict import Verdict
from tests.clusters import border_addresses, border_ports, random_cluster, random_profile

End = Key | int


def changed(rng: Random, cluster: Cluster) -> Cluster:
    """The cluster after somebody worked on it: policies and workloads gone, and policies of another come."""
    other = random_cluster(rng)
    come = tuple(p for p in other.network_policies if p.key.namespace in cluster.namespaces)
    kept = tuple(p for p in cluster.network_policies if rng.random() < 0.6 and p.key not in {c.key for c in come})
    return msgspec.structs.replace(
        cluster,
        workloads=tuple(w for w in cluster.workloads if rng.random() < 0.8),
        network_policies=(*kept, *come),
    )


def verdict(answer: Reach, src: End, dst: End, protocol: Protocol, port: int) -> Verdict:
    """An endpoint that is not there reaches nothing."""
    here = answer.population.class_of
    if any(isinstance(end, Key) and end not in here for end in (src, dst)):
        return Verdict.DENY
    return answer.verdict(src, dst, protocol, port)


def holds(edges: tuple[Edge, ...], src: End, dst: End, protocol: Protocol, port: int) -> bool:
    """Whether some edge has this packet."""
    return any(_among(edge.src, src) and _among(edge.dst, dst) and (protocol, port) in edge.ports for edge in edges)


def _among(names: tuple[str, ...], end: End) -> bool:
    if isinstance(end, Key):
        return str(end) in names
    return any(a <= end <= b for name in names if "/" not in name for a, b in range_from_text(name).spans)


def expected(difference: Difference, before: Verdict, after: Verdict) -> tuple[Edge, ...] | None:
    """The list that a change of verdict belongs in."""
    if before is after:
        return None
    return {
        Verdict.ALLOW: difference.allowed,
        Verdict.DENY: difference.denied,
        Verdict.UNDETERMINED: difference.unsettled,
    }[after]


@pytest.mark.parametrize("seed", range(120))
def test_every_packet_is_told_apart(seed: int) -> None:
    """Random clusters, a change, and packets at the borders of both."""
    rng = Random(seed)
    old_cluster, profile = random_cluster(rng), random_profile(rng)
    new_cluster = changed(rng, old_cluster)
    old, new = reach(old_cluster, profile), reach(new_cluster, profile)
    difference = diff(old, new)
    assert bool(difference) == bool(difference.allowed or difference.denied or difference.unsettled)
    ends: list[End] = [w.key for w in old_cluster.workloads]
    borders = (*border_addresses(old_cluster), *border_addresses(new_cluster))
    addresses = [at for at in borders if not old_cluster.platform.pod_addresses & AddressSet(((at, at),))]
    ports = [*border_ports(old_cluster), *border_ports(new_cluster)]
    for _ in range(60):
        src: End = rng.choice(ends) if rng.random() < 0.8 else rng.choice(addresses)
        dst: End = rng.choice(ends) if isinstance(src, int) or rng.random() < 0.8 else rng.choice(addresses)
        if src == dst and isinstance(src, Key) and src.kind == "Pod":
            continue
        packet = (src, dst, rng.choice(list(Protocol)), rng.choice(ports))
        wanted = expected(difference, verdict(old, *packet), verdict(new, *packet))
        for edges in (difference.allowed, difference.denied, difference.unsettled):
            assert holds(edges, *packet) == (edges is wanted and wanted is not None), packet


def test_nothing_changes_between_equals() -> None:
    """Silence where all is the same, whatever the cluster."""
    for seed in range(30):
        rng = Random(seed)
        cluster, profile = random_cluster(rng), random_profile(rng)
        assert not diff(reach(cluster, profile), reach(cluster, profile))
