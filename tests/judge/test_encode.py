"""The encoder that speaks to the judges is itself held to account: what it writes is read back as it was."""

from __future__ import annotations

from random import Random
from typing import TypeVar

import msgspec

from licet.diag.place import Origin
from licet.manifest.decode import decode
from licet.manifest.documents import Document
from licet.model.policy import ClusterPolicy, NetworkPolicy
from licet.model.workload import Workload
from tests.clusters import random_cluster
from tests.judge import encode

HERE = Origin("encoded.yaml")
T = TypeVar("T", NetworkPolicy, ClusterPolicy)


def test_policies_and_pods_are_read_back() -> None:
    for seed in range(200):
        cluster = random_cluster(Random(seed))
        read = decode(Document(HERE, written) for written in encode.cluster(cluster)).cluster
        assert list(read.network_policies) == _from_here(cluster.network_policies), f"seed {seed}"
        assert list(read.cluster_policies) == _from_here(cluster.cluster_policies), f"seed {seed}"
        assert list(map(_pods, read.workloads)) == list(map(_pods, cluster.workloads)), f"seed {seed}"


def _from_here(policies: tuple[T, ...]) -> list[T]:
    return [msgspec.structs.replace(policy, origin=HERE) for policy in policies]


def _pods(workload: Workload) -> tuple[object, ...]:
    """What of a workload is written: addresses only stand on bare pods, and labels set at run time nowhere."""
    addresses = workload.addresses if workload.key.kind == "Pod" else None
    return workload.key, dict(workload.labels), workload.ports, workload.host_network, addresses
