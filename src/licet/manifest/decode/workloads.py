"""Workloads: everything that runs pods.

The labels that controllers set on running pods are those of the Kubernetes documentation ("Well-Known Labels,
Annotations and Taints") and of each controller's source; `topology.kubernetes.io/zone` and `region` come from the
node at binding (KEP-4742, on by default since 1.35).
"""

from __future__ import annotations

import msgspec

from licet.diag.place import Path
from licet.manifest.decode import findings
from licet.manifest.decode.blocks import address
from licet.manifest.decode.fields import Meta, Reader
from licet.manifest.decode.selectors import Selectors
from licet.manifest.decode.templates import NO_ADDRESS, PodSpec, PodTemplate, workload
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.workload import Workload

NODE_LABELS = frozenset({"topology.kubernetes.io/zone", "topology.kubernetes.io/region"})
_JOB_NAMES = ("job-name", "batch.kubernetes.io/job-name")
_JOB_LABELS = frozenset({"controller-uid", "batch.kubernetes.io/controller-uid"})
_JOB_INDEX = "batch.kubernetes.io/job-completion-index"

_JOB_CERTAIN = _JOB_LABELS.union(_JOB_NAMES)

CONTROLLER_LABELS: dict[tuple[str, str], frozenset[str]] = {
    ("apps", "Deployment"): frozenset({"pod-template-hash"}),
    ("apps", "StatefulSet"): frozenset(
        {"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "controller-revision-hash"}
    ),
    ("apps", "DaemonSet"): frozenset({"controller-revision-hash", "pod-template-generation"}),
    ("batch", "Job"): _JOB_LABELS | {_JOB_INDEX},
    ("batch", "CronJob"): _JOB_LABELS | {_JOB_INDEX, *_JOB_NAMES},
    ("argoproj.io", "Rollout"): frozenset({"rollouts-pod-template-hash"}),
}
"""Per (group, kind) the labels that differ from pod to pod, or from one version of the template to the next."""

_CERTAIN = {
    ("apps", "Deployment"): CONTROLLER_LABELS["apps", "Deployment"],
    ("apps", "StatefulSet"): CONTROLLER_LABELS["apps", "StatefulSet"],
    ("apps", "DaemonSet"): frozenset({"controller-revision-hash"}),
}
"""Per (group, kind) those labels that every pod has; `pod-template-generation` comes from a deprecated annotation."""


class Controller(msgspec.Struct, gc=False):
    """A kind whose pods come from `spec.template`."""

    metadata: Meta | None = None
    spec: ControllerSpec | None = None


class ControllerSpec(msgspec.Struct, gc=False):
    """What is read of such a kind's spec."""

    template: PodTemplate | None = None
    replicas: int | None = None


class Job(msgspec.Struct, gc=False):
    """batch Job."""

    metadata: Meta | None = None
    spec: JobSpec | None = None


class JobSpec(msgspec.Struct, gc=False):
    """What is read of a Job's spec."""

    template: PodTemplate | None = None
    completionMode: str | None = None
    manualSelector: bool | None = None


class CronJob(msgspec.Struct, gc=False):
    """batch CronJob."""

    metadata: Meta | None = None
    spec: CronJobSpec | None = None


class CronJobSpec(msgspec.Struct, gc=False):
    """What is read of a CronJob's spec."""

    jobTemplate: Job | None = None


class PodAddress(msgspec.Struct, gc=False):
    """One entry of `status.podIPs`."""

    ip: str | None = None


class PodStatus(msgspec.Struct, gc=False):
    """What is read of a pod's status."""

    phase: str | None = None
    podIP: str | None = None
    podIPs: list[PodAddress | None] | None = None


class Pod(msgspec.Struct, gc=False):
    """v1 Pod."""

    metadata: Meta | None = None
    spec: PodSpec | None = None
    status: PodStatus | None = None


class Anything(msgspec.Struct, gc=False):
    """An object of which only the metadata is typed."""

    metadata: Meta | None = None


_TEMPLATE: Path = ("spec", "template")


def controller(wire: Controller, key: Key, reader: Reader, selectors: Selectors) -> Workload:
    """Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController."""
    kind = (key.group, key.kind)
    runtime, certain = _RUNTIME.get(kind, NODE_LABELS), _CERTAIN.get(kind, _NONE)
    template = wire.spec.template if wire.spec else None
    return workload(template, _TEMPLATE, key, runtime, reader, selectors, certain=certain)


_NONE: frozenset[str] = frozenset()
_RUNTIME = {kind: labels | NODE_LABELS for kind, labels in CONTROLLER_LABELS.items()}


def job(wire: Job, key: Key, reader: Reader, selectors: Selectors) -> Workload:
    """A Job. Its name is a label of its pods, unless `manualSelector` asks for no labels of its own.

    The completion index is a label of Indexed Jobs only.
    """
    spec = wire.spec or JobSpec()
    nameless = wire.metadata is not None and not wire.metadata.name
    certain = _NONE if spec.manualSelector else _JOB_CERTAIN if nameless else _JOB_LABELS
    if spec.completionMode == "Indexed":
        certain |= {_JOB_INDEX}
    made = workload(spec.template, _TEMPLATE, key, NODE_LABELS | certain, reader, selectors, certain=certain)
    if spec.manualSelector or nameless:
        return made
    return msgspec.structs.replace(made, labels=dict.fromkeys(_JOB_NAMES, key.name) | dict(made.labels))


def cron_job(wire: CronJob, key: Key, reader: Reader, selectors: Selectors) -> Workload:
    """A CronJob, whose Jobs' names are not known beforehand."""
    template = wire.spec.jobTemplate.spec if wire.spec and wire.spec.jobTemplate else None
    certain = _JOB_CERTAIN
    if template is not None and template.completionMode == "Indexed":
        certain |= {_JOB_INDEX}
    path = ("spec", "jobTemplate", "spec", "template")
    runtime, pods = NODE_LABELS | certain, template.template if template else None
    return workload(pods, path, key, runtime, reader, selectors, certain=certain)


def pod(wire: Pod, key: Key, reader: Reader, selectors: Selectors) -> Workload:
    """A Pod. Where it has run, what the cluster adds to it is there to be read."""
    status = wire.status
    addresses = _addresses(status, reader) if status is not None else NO_ADDRESS
    bound = bool(addresses) or (status is not None and status.phase == "Running")
    template = PodTemplate(wire.metadata, wire.spec)
    return workload(template, (), key, frozenset() if bound else NODE_LABELS, reader, selectors, addresses=addresses)


def has_ended(wire: Pod) -> bool:
    """Whether the pod is finished, and so takes part in nothing."""
    return wire.status is not None and wire.status.phase in ("Succeeded", "Failed")


def at_path(key: Key, path: Path, value: object, reader: Reader, selectors: Selectors) -> Workload | None:
    """A workload of a kind that the user named, its pod template at `path`."""
    template: object = value
    for step in path:
        template = template.get(step) if isinstance(template, dict) else None
    if template is None:
        reader.refuse(path, "is missing", "correct the path under `templates` in licet.toml")
        return None
    if not isinstance(template, dict):
        reader.report(findings.wrong_type(reader.origin, reader.kind, path, "no mapping", "a pod template"))
        return None
    read = reader.read_part(template, PodTemplate, path)
    return None if read is None else workload(read, path, key, NODE_LABELS, reader, selectors)


def _addresses(status: PodStatus, reader: Reader) -> AddressSet:
    found = NO_ADDRESS
    texts: list[tuple[Path, str | None]] = [
        (("status", "podIPs", i, "ip"), entry.ip) for i, entry in enumerate(status.podIPs or ()) if entry is not None
    ]
    for path, text in texts or [(("status", "podIP"), status.podIP)]:
        if text:
            try:
                found |= address(text)
            except ValueError:
                reader.refuse(path, f"is not an address: `{text}`", "write an IPv4 or IPv6 address")
    return found
