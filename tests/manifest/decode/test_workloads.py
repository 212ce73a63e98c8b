"""Workloads: which pods a manifest makes, and what of their labels is known."""

from __future__ import annotations

import pytest

from licet.diag.place import Path
from licet.manifest.decode import PodTemplateKind
from licet.model.addresses import AddressSet
from licet.model.ports import Protocol
from licet.model.workload import ContainerPort, Workload
from tests.manifest.decode.given import faults, given

NODE = {"topology.kubernetes.io/zone", "topology.kubernetes.io/region"}
TEMPLATE = "{metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: i}]}}"


def only(text: str, **options: object) -> Workload:
    """The one workload of a text without fault."""
    decoded = given(text, **options)
    assert faults(decoded) == []
    (workload,) = decoded.cluster.workloads
    return workload


def deployment(spec: str, metadata: str = "{labels: {app: a}}") -> str:
    """A Deployment with this pod spec."""
    return (
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: w},"
        f" spec: {{template: {{metadata: {metadata}, spec: {spec}}}}}}}"
    )


@pytest.mark.parametrize(
    ("version", "kind", "id", "runtime"),
    [
        ("apps/v1", "Deployment", "default/w[Deployment]", {"pod-template-hash"}),
        ("apps/v1beta1", "Deployment", "default/w[Deployment]", {"pod-template-hash"}),
        ("extensions/v1beta1", "Deployment", "default/w[Deployment]", {"pod-template-hash"}),
        (
            "apps/v1",
            "StatefulSet",
            "default/w[StatefulSet]",
            {"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "controller-revision-hash"},
        ),
        (
            "extensions/v1beta1",
            "DaemonSet",
            "default/w[DaemonSet]",
            {"controller-revision-hash", "pod-template-generation"},
        ),
        ("apps/v1", "ReplicaSet", "default/w[ReplicaSet]", set()),
        ("v1", "ReplicationController", "default/w[ReplicationController]", set()),
        ("argoproj.io/v1alpha1", "Rollout", "default/w[Rollout.argoproj.io]", {"rollouts-pod-template-hash"}),
    ],
)
def test_kinds_with_a_template(version: str, kind: str, id: str, runtime: set[str]) -> None:
    found = only(f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: w}}, spec: {{template: {TEMPLATE}}}}}")
    assert str(found.key) == id
    assert found.labels == {"app": "a"}
    assert found.runtime_labels == runtime | NODE


def test_a_label_that_the_template_gives_is_known() -> None:
    found = only(deployment("{containers: [{image: i}]}", "{labels: {pod-template-hash: x}}"))
    assert found.labels == {"pod-template-hash": "x"}
    assert found.runtime_labels == NODE


@pytest.mark.parametrize(
    ("kind", "certain"),
    [
        ("apps/v1, kind: Deployment", {"pod-template-hash"}),
        (
            "apps/v1, kind: StatefulSet",
            {"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "controller-revision-hash"},
        ),
        ("apps/v1, kind: DaemonSet", {"controller-revision-hash"}),
        ("apps/v1, kind: ReplicaSet", set()),
        ("batch/v1, kind: Job", {"controller-uid", "batch.kubernetes.io/controller-uid"}),
        ("argoproj.io/v1alpha1, kind: Rollout", {"rollouts-pod-template-hash"}),
        (
            "serving.knative.dev/v1, kind: Service",
            {"pod-template-hash", "serving.knative.dev/revision", "serving.knative.dev/revisionUID"},
        ),
    ],
)
def test_labels_that_every_pod_gets(kind: str, certain: set[str]) -> None:
    """Not the zone and region, which a node may lack; not what the template gives, which is known."""
    found = only(f"{{apiVersion: {kind}, metadata: {{name: w}}, spec: {{template: {TEMPLATE}}}}}")
    assert found.certain_labels == certain
    assert found.certain_labels <= found.runtime_labels


def test_labels_that_every_pod_of_a_job_gets() -> None:
    """The index of an Indexed one, and a name that is not known yet; with `manualSelector` none of its own."""
    names = {"job-name", "batch.kubernetes.io/job-name"}
    index = "batch.kubernetes.io/job-completion-index"
    jobs = {
        JOB % "completionMode: Indexed,": {*UIDS, index},
        JOB % "manualSelector: true,": set(),
        JOB % "manualSelector: true, completionMode: Indexed,": {index},
        (JOB % "").replace("name: j", "generateName: j-"): UIDS | names,
        CRON_JOB: UIDS | names,
    }
    assert [only(text).certain_labels for text in jobs] == list(jobs.values())


JOB = "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {%s template: " + TEMPLATE + "}}"
CRON_JOB = (
    "{apiVersion: batch/v1beta1, kind: CronJob, metadata: {name: c},"
    f" spec: {{jobTemplate: {{spec: {{template: {TEMPLATE}}}}}}}}}"
)
UIDS = {"controller-uid", "batch.kubernetes.io/controller-uid"}
NAMED = {"app": "a", "job-name": "j", "batch.kubernetes.io/job-name": "j"}


@pytest.mark.parametrize(
    ("more", "labels", "runtime"),
    [
        ("", NAMED, UIDS),
        ("completionMode: NonIndexed,", NAMED, UIDS),
        ("completionMode: Indexed,", NAMED, {*UIDS, "batch.kubernetes.io/job-completion-index"}),
        ("manualSelector: true,", {"app": "a"}, set()),
    ],
)
def test_the_pods_of_a_job_bear_its_name(more: str, labels: dict[str, str], runtime: set[str]) -> None:
    found = only(JOB % more)
    assert found.labels == labels
    assert found.runtime_labels == runtime | NODE


def test_the_pods_of_a_cron_job_bear_names_that_nobody_knows_yet() -> None:
    found = only(CRON_JOB)
    assert str(found.key) == "default/c[CronJob]"
    assert found.labels == {"app": "a"}
    assert found.runtime_labels == UIDS | NODE | {"job-name", "batch.kubernetes.io/job-name"}


def test_objects_with_generated_names_never_take_each_others_place() -> None:
    job = "{apiVersion: batch/v1, kind: Job, metadata: {generateName: migrate-}, spec: {template: " + TEMPLATE + "}}"
    decoded = given(f"{job}\n---\n{job}\n---\n{job}")
    assert faults(decoded) == []
    assert [w.key.name for w in decoded.cluster.workloads] == ["migrate-*", "migrate-*2", "migrate-*3"]
    assert decoded.cluster.workloads[0].labels == {"app": "a"}
    assert decoded.cluster.workloads[0].runtime_labels >= {"job-name", "batch.kubernetes.io/job-name"}


def test_ports_are_those_of_containers_then_of_sidecars() -> None:
    found = only(
        deployment(
            """{
              initContainers: [{image: i, ports: [{containerPort: 1}]},
                               {image: i, restartPolicy: Always, ports: [{name: mesh, containerPort: 15090}]}],
              containers: [{image: i, ports: [{containerPort: 80}, {name: dns, containerPort: 53, protocol: UDP}]},
                           {image: i, ports: null},
                           {image: i, ports: [{name: s, containerPort: 9, protocol: SCTP}]}]}"""
        )
    )
    assert found.ports == (
        ContainerPort("", Protocol.TCP, 80),
        ContainerPort("dns", Protocol.UDP, 53),
        ContainerPort("s", Protocol.SCTP, 9),
        ContainerPort("mesh", Protocol.TCP, 15090),
    )


@pytest.mark.parametrize(
    ("spec", "host_network", "account"),
    [
        ("{containers: [{image: i}]}", False, "default"),
        ("{containers: [{image: i}], hostNetwork: true, serviceAccountName: s}", True, "s"),
        ("{containers: [{image: i}], hostNetwork: null, serviceAccount: old}", False, "old"),
        ("{containers: [{image: i}], hostNetwork: false, serviceAccountName: ''}", False, "default"),
    ],
)
def test_host_network_and_service_account(spec: str, host_network: bool, account: str) -> None:
    found = only(deployment(spec))
    assert (found.host_network, found.service_account) == (host_network, account)


POD = "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: a}}, spec: {containers: [{image: i}]}, status: %s}"


@pytest.mark.parametrize(
    ("status", "addresses", "runtime"),
    [
        ("null", [], NODE),
        ("{}", [], NODE),
        ("{phase: Pending}", [], NODE),
        ("{phase: Running}", [], set()),
        ("{podIP: 10.0.0.7}", ["10.0.0.7"], set()),
        ("{podIP: 10.0.0.7, podIPs: [{ip: 10.0.0.7}, {ip: 'fd00::7'}, null]}", ["10.0.0.7", "fd00::7"], set()),
    ],
)
def test_a_pod_that_has_run_holds_all_that_is_to_be_known(status: str, addresses: list[str], runtime: set[str]) -> None:
    """The zone and region of a node are copied to the pod when it is bound to the node."""
    found = only(POD % status)
    assert (found.addresses, set(found.runtime_labels)) == (AddressSet.of(addresses), runtime)
    assert str(found.key) == "default/p[Pod]"


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_takes_part_in_nothing(phase: str) -> None:
    decoded = given(
        (POD % f"{{phase: {phase}}}") + "\n---\n" + (POD % f"{{phase: {phase}}}").replace("name: p", "name: q")
    )
    assert decoded.cluster.workloads == ()
    assert faults(decoded) == [("L0108", "2 finished pods are left out", ("status", "phase"))]


def test_a_rollout_borrows_the_template_of_what_it_refers_to() -> None:
    rollout = (
        "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: r},"
        " spec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: w},"
        " strategy: {canary: {canaryMetadata: {labels: {app: canary, role: canary}}}}}}"
    )
    decoded = given(rollout + "\n---\n" + deployment("{containers: [{image: i, ports: [{containerPort: 80}]}]}"))
    assert faults(decoded) == []
    found = {w.key.kind: w for w in decoded.cluster.workloads}["Rollout"]
    assert found.labels == {}
    assert found.ports == (ContainerPort("", Protocol.TCP, 80),)
    assert found.runtime_labels == NODE | {"rollouts-pod-template-hash", "app", "role"}


def test_a_rollout_that_refers_to_nothing_is_left_out() -> None:
    decoded = given(
        "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: r},"
        " spec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: gone}}}"
    )
    assert faults(decoded) == [
        (
            "L0113",
            "`spec.workloadRef` names `default/gone[Deployment]`, which is not there",
            ("spec", "workloadRef"),
        )
    ]
    assert decoded.cluster.workloads == ()


def test_labels_that_a_rollout_changes_on_the_way_are_unknown() -> None:
    found = only(
        "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: r}, spec: {template: "
        + TEMPLATE
        + ", strategy: {blueGreen: {activeMetadata: {labels: {app: live}}}}}}"
    )
    assert found.labels == {}
    assert found.runtime_labels == NODE | {"rollouts-pod-template-hash", "app"}


def test_a_knative_service_runs_the_users_container_behind_the_queue_proxy() -> None:
    found = only(
        "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: k}, spec: {template:"
        " {metadata: {labels: {app: a}}, spec: {containers: [{image: i, ports: [{containerPort: 9000, name: h2c}]}]}}}}"
    )
    assert str(found.key) == "default/k[Service.serving.knative.dev]"
    assert found.labels == {"app": "a", "serving.knative.dev/service": "k", "serving.knative.dev/configuration": "k"}
    assert "serving.knative.dev/revision" in found.runtime_labels
    assert [(p.name, p.number) for p in found.ports] == [
        ("user-port", 9000),
        ("http-queueadm", 8022),
        ("http-autometric", 9090),
        ("http-usermetric", 9091),
        ("queue-port", 8013),
    ]


def test_a_machines_pods_bear_the_labels_of_its_template() -> None:
    found = only(
        """{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: m, labels: {not: this}}, spec: {template:
          {metadata: {labels: {os: linux, vm.kubevirt.io/name: overwritten}},
           spec: {domain: {devices: {interfaces: [{name: default, ports: [{name: ssh, port: 22}]}]}}}}}}"""
    )
    assert found.labels == {"os": "linux", "kubevirt.io": "virt-launcher"}
    assert found.runtime_labels >= {"vm.kubevirt.io/name", "kubevirt.io/created-by", "kubevirt.io/nodeName"}
    assert found.ports == (ContainerPort("ssh", Protocol.TCP, 22),)


SPARK = (
    "{apiVersion: example.com/v1, kind: Worker, metadata: {name: s},"
    " spec: {pods: {template: {metadata: {labels: {app: %s}}, spec: {containers: [{image: i}]}}}}}"
)
WORKER = PodTemplateKind("example.com", "Worker", ("spec", "pods", "template"))


def test_a_kind_that_the_user_names_is_a_workload() -> None:
    found = only(SPARK % "a", templates=[WORKER])
    assert str(found.key) == "default/s[Worker.example.com]"
    assert (dict(found.labels), set(found.runtime_labels)) == ({"app": "a"}, NODE)


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        (
            SPARK % "1",
            ("spec", "pods", "template"),
            ("L0101", ("spec", "pods", "template", "metadata", "labels", "app")),
        ),
        (SPARK % "a", ("spec", "template"), ("L0100", ("spec", "template"))),
        (SPARK % "a", ("kind",), ("L0101", ("kind",))),
    ],
)
def test_a_template_that_is_not_where_the_user_says(text: str, path: Path, expected: tuple[str, Path]) -> None:
    decoded = given(text, templates=[PodTemplateKind("example.com", "Worker", path)])
    assert [(code, where) for code, _, where in faults(decoded)] == [expected]
    assert decoded.cluster.workloads == ()


@pytest.mark.parametrize(
    ("text", "message", "path"),
    [
        (
            deployment("{containers: [{image: i, ports: [{containerPort: 70000}, {containerPort: 80}]}]}"),
            "`spec.template.spec.containers[0].ports[0].containerPort` is 70000",
            ("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"),
        ),
        (
            deployment("{containers: [{image: i, ports: [null, {containerPort: 80}]}]}"),
            "`spec.template.spec.containers[0].ports[0].containerPort` is missing",
            ("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"),
        ),
        (
            deployment("{containers: [{image: i, ports: [{containerPort: 80, protocol: http}, {containerPort: 80}]}]}"),
            "`spec.template.spec.containers[0].ports[0].protocol` is `http`",
            ("spec", "template", "spec", "containers", 0, "ports", 0, "protocol"),
        ),
    ],
)
def test_a_port_that_the_api_server_refuses_does_not_hide_its_workload(text: str, message: str, path: Path) -> None:
    decoded = given(text)
    assert faults(decoded) == [("L0107", message, path)]
    assert [w.ports for w in decoded.cluster.workloads] == [(ContainerPort("", Protocol.TCP, 80),)]


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        (deployment("{containers: [{image: i}]}", "{labels: {a: 1}}"), "L0101", ("metadata", "labels", "a")),
        (deployment("{containers: [{image: i}]}", "{labels: {a: yes it is}}"), "L0100", ("metadata", "labels", "a")),
        (deployment("{containers: [{image: i}], hostNetwork: 'true'}"), "L0101", ("spec", "hostNetwork")),
        (deployment("{containers: [{image: i, ports: {}}]}"), "L0101", ("spec", "containers", 0, "ports")),
    ],
)
def test_a_workload_whose_meaning_is_not_plain_is_left_out(text: str, code: str, path: Path) -> None:
    decoded = given(text)
    assert [(found, where) for found, _, where in faults(decoded)] == [(code, ("spec", "template", *path))]
    assert decoded.cluster.workloads == ()
