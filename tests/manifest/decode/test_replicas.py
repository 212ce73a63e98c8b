"""Pods of one owner as a cluster tells them: what differs only by where they run makes no difference."""

from __future__ import annotations

from tests.manifest.decode.given import given


def pod(name: str, zone: str) -> str:
    """A pod of a ReplicaSet that is not in the manifests, on a node of a zone."""
    return f"""---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  labels: {{app: web, pod-template-hash: 7d9f, topology.kubernetes.io/zone: {zone}, topology.kubernetes.io/region: eu}}
  ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: web-7d9f, controller: true}}]
spec: {{nodeName: n-{zone}, containers: [{{name: c, image: i}}]}}
status: {{phase: Running}}
"""


def test_pods_of_one_zone_are_one_workload() -> None:
    found = given(pod("web-7d9f-1", "eu-a") + pod("web-7d9f-2", "eu-a"))
    assert [str(w.key) for w in found.cluster.workloads] == ["default/web-7d9f[ReplicaSet]"]
    assert found.diagnostics == []


def test_pods_of_two_zones_are_one_workload() -> None:
    """The zone is set from the node when a pod is bound (KEP-4742), as is known of every other workload."""
    found = given(pod("web-7d9f-1", "eu-a") + pod("web-7d9f-2", "eu-b"))
    assert [str(w.key) for w in found.cluster.workloads] == ["default/web-7d9f[ReplicaSet]"]
    assert found.diagnostics == []
