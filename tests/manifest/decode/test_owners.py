"""Pods and their controllers: what is alike is one workload, what is not stands apart."""

from __future__ import annotations

import pytest

from licet.model.addresses import AddressSet
from licet.model.workload import Workload
from tests.manifest.decode.given import faults, given


def pod(
    name: str, owner: str, labels: str = "app: a", ip: str = "10.0.0.1", spec: str = "containers: [{image: i}]"
) -> str:
    """A running pod with one owner."""
    return (
        f"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{{labels}}}, ownerReferences: [{owner}]}},"
        f" spec: {{{spec}}}, status: {{phase: Running, podIP: {ip}}}}}"
    )


def controller(
    kind: str, name: str, labels: str = "app: a", more: str = "", spec: str = "containers: [{image: i}]"
) -> str:
    """A controller with this template."""
    return (
        f"{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: {name}{more}}},"
        f" spec: {{template: {{metadata: {{labels: {{{labels}}}}}, spec: {{{spec}}}}}}}}}"
    )


def owner(kind: str, name: str, version: str = "apps/v1") -> str:
    """A reference to a controller."""
    return f"{{apiVersion: {version}, kind: {kind}, name: {name}, controller: true}}"


def ids(*texts: str) -> list[str]:
    """The ids of the workloads of these objects."""
    return [str(workload.key) for workload in workloads(*texts)]


def workloads(*texts: str) -> tuple[Workload, ...]:
    """The workloads of these objects."""
    return given("\n---\n".join(texts)).cluster.workloads


def test_pods_of_one_absent_owner_are_one_workload_under_its_name() -> None:
    found = workloads(
        pod("p-1", owner("ReplicaSet", "w-5d4"), ip="10.0.0.1"),
        pod("q", owner("Node", "host", "v1"), ip="10.0.0.9"),
        pod("p-2", owner("ReplicaSet", "w-5d4"), ip="10.0.0.2"),
    )
    assert [str(w.key) for w in found] == ["default/w-5d4[ReplicaSet]", "default/q[Pod]"]
    assert found[0].addresses == AddressSet.of(["10.0.0.1", "10.0.0.2"])
    assert found[0].labels == {"app": "a"}
    assert (found[0].runtime_labels, found[0].owner) == (frozenset(), None)


def test_the_group_of_an_owner_is_its_api_versions() -> None:
    assert ids(pod("p", owner("Workflow", "f", "argoproj.io/v1alpha1"))) == ["default/f[Workflow.argoproj.io]"]
    assert ids(pod("p", owner("ReplicaSet", "r", "extensions/v1beta1"))) == ["default/r[ReplicaSet]"]
    assert ids(pod("p", "{name: internal, controller: true}")) == ["default/internal[Pod]"]


def test_the_controller_among_several_owners_counts() -> None:
    several = "{apiVersion: v1, kind: ConfigMap, name: c}, " + owner("StatefulSet", "s")
    assert ids(pod("p", several)) == ["default/s[StatefulSet]"]
    assert ids(pod("p", "null, {apiVersion: v1, kind: ConfigMap, name: c}")) == ["default/c[ConfigMap]"]
    assert ids(pod("p", "{apiVersion: v1, kind: Node, name: host, controller: true}")) == ["default/p[Pod]"]


def replica(number: int, more: str = "controller-revision-hash: r1") -> str:
    """A pod of a StatefulSet `s`."""
    labels = f"app: a, statefulset.kubernetes.io/pod-name: s-{number}, {more}"
    return pod(f"s-{number}", owner("StatefulSet", "s"), labels, f"10.0.0.{number + 1}")


@pytest.mark.parametrize("given_owner", [False, True])
def test_replicas_of_a_stateful_set_keep_their_labels(given_owner: bool) -> None:
    """A policy may name one of them; that they differ from each other is nothing to report."""
    texts = [controller("StatefulSet", "s")] * given_owner + [replica(0), replica(1)]
    decoded = given("\n---\n".join(texts))
    assert faults(decoded) == []
    assert [(str(w.key), str(w.owner)) for w in decoded.cluster.workloads] == [
        ("default/s-0[Pod]", "default/s[StatefulSet]"),
        ("default/s-1[Pod]", "default/s[StatefulSet]"),
    ]
    labels = {"app": "a", "controller-revision-hash": "r1", "statefulset.kubernetes.io/pod-name": "s-1"}
    found = decoded.cluster.workloads[1]
    assert (dict(found.labels), found.runtime_labels) == (labels, frozenset())
    assert [str(at) for at in (w.addresses for w in decoded.cluster.workloads)] == [
        str(AddressSet.of([f"10.0.0.{i}"])) for i in (1, 2)
    ]


def test_one_replica_alone_does_not_speak_for_its_stateful_set() -> None:
    found = workloads(controller("StatefulSet", "s"), replica(0))
    assert [str(w.key) for w in found] == ["default/s[StatefulSet]"]
    assert "statefulset.kubernetes.io/pod-name" in found[0].certain_labels


def test_pods_of_an_absent_owner_in_two_zones_are_surely_in_some_zone() -> None:
    """The value of the label differs, so it is unknown; that there is one, each of them shows."""
    labels = ["app: a, topology.kubernetes.io/zone: eu-a", "app: a, topology.kubernetes.io/zone: eu-b"]
    found = workloads(*(pod(f"p-{i}", owner("ReplicaSet", "w"), text) for i, text in enumerate(labels)))
    assert [(str(w.key), dict(w.labels)) for w in found] == [("default/w[ReplicaSet]", {"app": "a"})]
    assert found[0].certain_labels == found[0].runtime_labels == {"topology.kubernetes.io/zone"}


def test_pods_that_differ_stand_apart_and_know_their_owner() -> None:
    decoded = given(
        "\n---\n".join(
            [
                pod("p-1", owner("ReplicaSet", "w"), "app: a"),
                pod("p-2", owner("ReplicaSet", "w"), "app: b"),
            ]
        )
    )
    assert [(str(w.key), str(w.owner)) for w in decoded.cluster.workloads] == [
        ("default/p-1[Pod]", "default/w[ReplicaSet]"),
        ("default/p-2[Pod]", "default/w[ReplicaSet]"),
    ]
    assert [(code, text) for code, text, _ in faults(decoded)] == [
        ("L0109", "2 pods differ from `default/w[ReplicaSet]` or from each other in labels")
    ]


def test_ports_host_network_and_account_keep_pods_apart_too() -> None:
    plain = "containers: [{image: i}]"
    for other in (
        "containers: [{image: i, ports: [{containerPort: 80}]}]",
        "hostNetwork: true, containers: [{image: i}]",
        "serviceAccountName: s, containers: [{image: i}]",
    ):
        found = ids(pod("p-1", owner("ReplicaSet", "w"), spec=plain), pod("p-2", owner("ReplicaSet", "w"), spec=other))
        assert found == ["default/p-1[Pod]", "default/p-2[Pod]"]


def test_pods_are_merged_into_their_owner_through_every_step() -> None:
    hashed = "app: a, pod-template-hash: 5d4"
    found = workloads(
        controller("Deployment", "w"),
        pod("w-5d4-x", owner("ReplicaSet", "w-5d4"), hashed, "10.0.0.1"),
        controller("ReplicaSet", "w-5d4", hashed, f", ownerReferences: [{owner('Deployment', 'w')}]"),
        pod("w-5d4-y", owner("ReplicaSet", "w-5d4"), hashed, "10.0.0.2"),
    )
    assert [str(w.key) for w in found] == ["default/w[Deployment]"]
    assert found[0].addresses == AddressSet.of(["10.0.0.1", "10.0.0.2"])
    assert found[0].labels == {"app": "a"}
    assert "pod-template-hash" in found[0].runtime_labels


def test_a_replica_set_that_is_not_given_is_known_by_its_name() -> None:
    """A Deployment names a ReplicaSet after itself and the hash that it labels pods with."""
    hashed = pod("w-5d4-x", owner("ReplicaSet", "w-5d4"), "app: a, pod-template-hash: 5d4")
    assert ids(controller("Deployment", "w"), hashed) == ["default/w[Deployment]"]
    assert ids(controller("Deployment", "v"), hashed) == ["default/v[Deployment]", "default/w-5d4[ReplicaSet]"]


def test_old_replica_sets_run_nothing_and_vanish() -> None:
    old = controller("ReplicaSet", "w-old", "app: old", f", ownerReferences: [{owner('Deployment', 'w')}]")
    idle = old.replace("spec: {template", "spec: {replicas: 0, template")
    assert ids(controller("Deployment", "w"), idle) == ["default/w[Deployment]"]
    found = workloads(controller("Deployment", "w"), old)
    assert [(str(w.key), str(w.owner)) for w in found] == [
        ("default/w[Deployment]", "None"),
        ("default/w-old[ReplicaSet]", "default/w[Deployment]"),
    ]


def test_a_pod_that_differs_from_its_given_owner_stands_beside_it() -> None:
    found = workloads(
        controller("StatefulSet", "s"),
        pod("s-0", owner("StatefulSet", "s"), "app: a, statefulset.kubernetes.io/pod-name: s-0", "10.0.0.1"),
        pod("s-1", owner("StatefulSet", "s"), "app: a, extra: by-hand", "10.0.0.2"),
    )
    assert [str(w.key) for w in found] == ["default/s[StatefulSet]", "default/s-1[Pod]"]
    assert found[0].addresses == AddressSet.of(["10.0.0.1"])
    assert str(found[1].owner) == "default/s[StatefulSet]"


def test_a_job_of_a_cron_job_is_the_cron_jobs() -> None:
    cron = (
        "{apiVersion: batch/v1, kind: CronJob, metadata: {name: c}, spec: {jobTemplate: {spec:"
        " {template: {metadata: {labels: {app: a}}, spec: {containers: [{image: i}]}}}}}}"
    )
    job = (
        "{apiVersion: batch/v1, kind: Job,"
        f" metadata: {{name: c-1, ownerReferences: [{owner('CronJob', 'c', 'batch/v1')}]}},"
        " spec: {template: {metadata: {labels: {app: a}}, spec: {containers: [{image: i}]}}}}"
    )
    names = "app: a, job-name: c-1, batch.kubernetes.io/job-name: c-1"
    uids = "controller-uid: u, batch.kubernetes.io/controller-uid: u"
    running = pod("c-1-x", owner("Job", "c-1", "batch/v1"), f"{names}, {uids}")
    assert ids(cron, job, running) == ["default/c[CronJob]"]
    assert ids(job, running) == ["default/c-1[Job]"]


def test_pods_with_generated_names_have_owners_too() -> None:
    generated = pod("p", owner("ReplicaSet", "w")).replace("name: p", "generateName: w-")
    assert ids(generated, generated) == ["default/w[ReplicaSet]"]


def test_an_owned_rollout_that_refers_to_nothing_is_left_out_quietly() -> None:
    rollout = (
        "{apiVersion: argoproj.io/v1alpha1, kind: Rollout,"
        f" metadata: {{name: r, ownerReferences: [{owner('Deployment', 'x')}]}},"
        " spec: {workloadRef: {name: gone}}}"
    )
    assert ids(rollout) == []


def test_owners_in_a_circle_end() -> None:
    one = controller("ReplicaSet", "one", more=f", ownerReferences: [{owner('ReplicaSet', 'two')}]")
    two = controller("ReplicaSet", "two", more=f", ownerReferences: [{owner('ReplicaSet', 'one')}]")
    self_owned = controller("ReplicaSet", "me", more=f", ownerReferences: [{owner('ReplicaSet', 'me')}]")
    assert ids(one, two) == ["default/two[ReplicaSet]"]
    assert ids(self_owned) == ["default/me[ReplicaSet]"]


def test_an_owner_without_kind_never_takes_a_real_pods_place() -> None:
    found = ids(
        pod("p-1", "{name: real, controller: true}"),
        "{apiVersion: v1, kind: Pod, metadata: {name: real}, spec: {containers: [{image: i}]}}",
    )
    assert len(found) == len(set(found)) == 2
