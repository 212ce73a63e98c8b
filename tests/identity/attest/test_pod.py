"""What a pod, as an API server of Kubernetes 1.34 wrote it, says of who runs in it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from licet.identity.attest.cgroup import Place
from licet.identity.attest.pod import Container, Metadata, Pod, PodList, find, selectors
from licet.identity.errors import RefusedError

RECORDED = Path(__file__).with_name("recorded") / "pods.json"
UID = "aeff4a3d-6790-4d76-b8ea-9873f9d76b99"
CONTAINER = "9bca8d63d5fa610783847915bcff0ecac1273e5b4bed3f6fa1b07350e0135961"
DIGEST = "sha256:1e4c481d76e9ecbd3d8684891e0e46aa021a30920ca04936e1fdcc552747d941"
OF_THE_POD = {
    "k8s:ns:shop",
    "k8s:sa:checkout",
    "k8s:pod-name:checkout",
    f"k8s:pod-uid:{UID}",
    "k8s:node-name:node-1",
    "k8s:pod-label:app:checkout",
    "k8s:pod-owner:ReplicaSet:checkout-5d",
    "k8s:pod-owner-uid:ReplicaSet:u",
}


def pods() -> tuple[Pod, ...]:
    items = msgspec.json.decode(RECORDED.read_bytes(), type=PodList).items
    assert items
    return items


def shown(place: Place) -> frozenset[str]:
    found = find(pods(), place, "node-1")
    assert found
    return selectors(*found)


@pytest.mark.parametrize("pod", [UID, ""], ids=["by both", "by the container alone"])
def test_a_container_shows_its_pod_and_its_image(pod: str) -> None:
    assert shown(Place(pod, CONTAINER)) == OF_THE_POD | {
        "k8s:container-name:main",
        "k8s:container-image:docker.io/shop/checkout:1",
        f"k8s:image-digest:{DIGEST}",
    }


def test_an_init_container_shows_its_own_image_and_no_digest_of_what_was_never_pulled() -> None:
    assert shown(Place(UID, "a" * 64)) == OF_THE_POD | {
        "k8s:container-name:migrate",
        "k8s:container-image:shop/migrate:1",
    }


def test_a_debugging_container_is_refused() -> None:
    with pytest.raises(RefusedError, match="`shop/checkout` is being debugged"):
        find(pods(), Place(UID, "e" * 64), "node-1")


@pytest.mark.parametrize(
    ("place", "node"),
    [
        (Place(UID, "b" * 64), "node-1"),
        (Place("2c48913c-b29f-11e7-9350-020968147796", CONTAINER), "node-1"),
        (Place(UID, CONTAINER), "node-2"),
        (Place(UID, ""), "node-1"),
    ],
    ids=["another container", "another pod", "another node", "no container"],
)
def test_what_is_in_no_status_is_not_found(place: Place, node: str) -> None:
    assert find(pods(), place, node) is None


def test_a_container_of_two_pods_is_refused() -> None:
    (pod,) = pods()
    twin = msgspec.structs.replace(pod, metadata=msgspec.structs.replace(pod.metadata, uid="other"))
    with pytest.raises(RefusedError, match="several pods have the container"):
        find([pod, twin], Place("", CONTAINER), "node-1")


@pytest.mark.parametrize(
    ("image_id", "digest"),
    [
        (f"docker.io/library/nginx@{DIGEST}", DIGEST),
        (f"docker-pullable://localhost:5000/nginx@{DIGEST}", DIGEST),
        (DIGEST, None),
        (f"docker://{DIGEST}", None),
        (f"nginx@{DIGEST}0", None),
        (f"a@b@{DIGEST}", None),
        ("", None),
    ],
)
def test_only_a_pulled_manifest_has_a_digest(image_id: str, digest: str | None) -> None:
    found = selectors(Pod(Metadata("p", "u")), Container("c", image_id=image_id))
    assert [each for each in found if each.startswith("k8s:image-digest:")] == (
        [f"k8s:image-digest:{digest}"] if digest else []
    )
