"""Pods as the Kubernetes API writes them, as far as they say who runs in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from licet.identity.attest.cgroup import Place
from licet.identity.errors import RefusedError

_DIGEST = re.compile(r"(?:[a-z-]+://)?[^@\s]+@(?P<digest>sha256:[0-9a-f]{64})")
_EPHEMERAL_HELP = "a debugging container has an image of its own and shows nothing of the pod that it was put into"


class Owner(msgspec.Struct, frozen=True):
    """What made a pod."""

    kind: str
    name: str
    uid: str = ""


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """A pod's name, and what is written on it."""

    name: str
    uid: str
    namespace: str = ""
    labels: dict[str, str] | None = None
    owner_references: tuple[Owner, ...] | None = None


class Spec(msgspec.Struct, frozen=True, rename="camel"):
    """What was asked for."""

    service_account_name: str = ""
    node_name: str = ""


class Container(msgspec.Struct, frozen=True, rename="camel"):
    """A container that runs or ran. `container_id` is `runtime://id`, and empty before it starts."""

    name: str
    image: str = ""
    image_id: str = msgspec.field(name="imageID", default="")
    container_id: str = msgspec.field(name="containerID", default="")

    @property
    def id(self) -> str:
        """Its id without the runtime's name."""
        return self.container_id.rpartition("://")[2]


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """What kubelet found."""

    container_statuses: tuple[Container, ...] | None = None
    init_container_statuses: tuple[Container, ...] | None = None
    ephemeral_container_statuses: tuple[Container, ...] | None = None


class Pod(msgspec.Struct, frozen=True):
    """A pod."""

    metadata: Metadata
    spec: Spec = Spec()
    status: Status = Status()


class PodList(msgspec.Struct, frozen=True):
    """Pods; kubelet and the API server write `null` for none."""

    items: tuple[Pod, ...] | None = None


def find(pods: Iterable[Pod], place: Place, node: str) -> tuple[Pod, Container] | None:
    """The pod and container of a process on this node, or None where no status shows it yet.

    A container's id is the runtime's and kubelet alone writes it into the status. Raises RefusedError where several
    have it, or where it is a debugging container.
    """
    found: list[tuple[Pod, Container]] = []
    for pod in pods:
        if pod.spec.node_name != node or (place.pod and pod.metadata.uid != place.pod):
            continue
        status = pod.status
        if _matching(status.ephemeral_container_statuses, place):
            raise RefusedError(f"`{pod.metadata.namespace}/{pod.metadata.name}` is being debugged", _EPHEMERAL_HELP)
        for containers in (status.container_statuses, status.init_container_statuses):
            found += [(pod, container) for container in _matching(containers, place)]
    if len(found) > 1:
        raise RefusedError(f"several pods have the container `{place.container}`", "one that runs is in one pod")
    return found[0] if found else None


def selectors(pod: Pod, container: Container) -> frozenset[str]:
    """What a process in this container of this pod shows, named as SPIRE's `k8s` attestor does.

    `k8s:image-digest` is that of the manifest that was pulled; an image that was loaded by hand has none.
    """
    meta = pod.metadata
    shown = {
        f"k8s:ns:{meta.namespace}",
        f"k8s:sa:{pod.spec.service_account_name}",
        f"k8s:pod-name:{meta.name}",
        f"k8s:pod-uid:{meta.uid}",
        f"k8s:node-name:{pod.spec.node_name}",
        f"k8s:container-name:{container.name}",
    }
    shown |= {f"k8s:pod-label:{key}:{value}" for key, value in (meta.labels or {}).items()}
    for owner in meta.owner_references or ():
        shown |= {f"k8s:pod-owner:{owner.kind}:{owner.name}", f"k8s:pod-owner-uid:{owner.kind}:{owner.uid}"}
    if container.image:
        shown.add(f"k8s:container-image:{container.image}")
    if match := _DIGEST.fullmatch(container.image_id):
        shown.add(f"k8s:image-digest:{match['digest']}")
    return frozenset(shown)


def _matching(containers: Sequence[Container] | None, place: Place) -> list[Container]:
    return [container for container in containers or () if container.id == place.container]
