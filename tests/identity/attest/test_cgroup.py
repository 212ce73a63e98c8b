"""Cgroup files as nodes of many kinds write them, and as a workload might forge them."""

from __future__ import annotations

import pytest

from licet.identity.attest.cgroup import Place, place
from licet.identity.errors import MalformedError, RefusedError

POD = "2c48913c-b29f-11e7-9350-020968147796"
LOW = POD.replace("-", "_")
OTHER = "72f7f152-440c-66ac-9084-e0fc1d8a910c"
CONTAINER = "9bca8d63d5fa610783847915bcff0ecac1273e5b4bed3f6fa1b07350e0135961"
SIBLING = "b2a102854b4969b2ce98dc329c86b4fb2b06e4ad2cc8da9d8a7578c9cd2004a2"
NODE = "93529524695bb00d91c1f6dba692ea8d3550c3b94fb2463af7bc9ec82f992d26"
HERE = Place(POD, CONTAINER)

SLICES = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{LOW}.slice"
KIND = f"/docker/{NODE}"

FROM_THE_NODE = {
    "cgroupfs, guaranteed": f"0::/kubepods/pod{POD}/{CONTAINER}",
    "cgroupfs, burstable: GKE, EKS, Talos": f"0::/kubepods/burstable/pod{POD}/{CONTAINER}",
    "cgroupfs, best effort, v1": f"4:memory:/kubepods/besteffort/pod{POD}/{CONTAINER}\n3:rdma:/",
    "systemd, containerd: AKS, EKS, Bottlerocket": f"0::{SLICES}/cri-containerd-{CONTAINER}.scope",
    "systemd, docker": f"11:blkio:{SLICES}/docker-{CONTAINER}.scope",
    "systemd, guaranteed": f"0::/kubepods.slice/kubepods-pod{LOW}.slice/cri-containerd-{CONTAINER}.scope",
    "systemd with dashes": f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD}.slice/{CONTAINER}",
    "cri-o": f"0::{SLICES}/crio-{CONTAINER}.scope",
    "cri-o with a group of the container's own": f"0::{SLICES}/crio-{CONTAINER}.scope/container",
    "cri-o, hybrid": f"9:devices:{SLICES}/crio-{CONTAINER}.scope\n1:name=systemd:{SLICES}/crio-{CONTAINER}.scope\n"
    "3:rdma:/\n0::/system.slice/crio.service",
    "cri-o, cgroupfs": f"0::/kubepods/besteffort/pod{POD}/crio-{CONTAINER}",
    "kubelet below a slice of its own": "0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
    f"kubelet-kubepods-burstable-pod{LOW}.slice/cri-containerd-{CONTAINER}.scope",
    "kind, inside of the node": f"0::/kubelet/kubepods/besteffort/pod{POD}/{CONTAINER}",
    "docker desktop": f"0::/kubepods/kubepods/besteffort/pod{POD}/{CONTAINER}",
    "containerd below its service": "8:cpuset:/system.slice/containerd.service/"
    f"kubepods-burstable-pod{LOW}.slice:cri-containerd:{CONTAINER}",
    "containerd with colons at the root": f"8:cpuset:/kubepods-besteffort-pod{LOW}.slice:cri-containerd:{CONTAINER}",
    "groups that the container makes": f"0::/kubepods/burstable/pod{POD}/{CONTAINER}/init.scope",
    "containers in the container": f"0::/kubepods/burstable/pod{POD}/{CONTAINER}/docker/{SIBLING}",
    "a group that is gone": f"0::{SLICES}/cri-containerd-{CONTAINER}.scope (deleted)",
    "lines that agree": f"2:cpu:/kubepods/pod{POD}/{CONTAINER}\n1:name=systemd:/kubepods/pod{POD}/{CONTAINER}\n",
}


@pytest.mark.parametrize("text", FROM_THE_NODE.values(), ids=FROM_THE_NODE)
def test_a_container_is_found_from_the_node(text: str) -> None:
    assert place(text, "0::/system.slice/licet.service\n") == HERE


NODES = {
    "kind, v1": f"/docker/{NODE}",
    "kind, systemd": f"/system.slice/docker-{NODE}.scope",
    "kind, podman": f"/machine.slice/libpod-{NODE}.scope",
    "a job's runner": f"/actions_job/{NODE}",
}


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_a_node_that_is_a_container_is_known_by_the_readers_own_group(node: str) -> None:
    text = (
        f"5:memory:{node}/kubelet/kubepods/besteffort/pod{POD}/{CONTAINER}\n0::{node}/system.slice/containerd.service"
    )
    assert place(text, f"5:memory:{node}/kubepods/besteffort/pod{OTHER}/{SIBLING}\n0::{node}/x") == HERE
    with pytest.raises(RefusedError):
        place(text, "0::/system.slice/licet.service")


BESIDE = {
    "the same quality of service": (f"0::/../../pod{POD}/{CONTAINER}", HERE),
    "another quality of service": (f"0::/../../../burstable/pod{POD}/{CONTAINER}", HERE),
    "guaranteed": (f"0::/../../../pod{POD}/{CONTAINER}", HERE),
    "systemd": (f"0::/../../kubepods-burstable-pod{LOW}.slice/cri-containerd-{CONTAINER}.scope", HERE),
    "systemd, another quality": (
        f"0::/../../../kubepods-burstable.slice/kubepods-burstable-pod{LOW}.slice/crio-{CONTAINER}.scope/x",
        HERE,
    ),
    "from the root": (f"0::/../../../../kubepods.slice/kubepods-pod{LOW}.slice/crio-{CONTAINER}.scope", HERE),
    "the same pod": (f"0::/../crio-{CONTAINER}.scope", Place("", CONTAINER)),
    "the same pod, cgroupfs": (f"0::/../{CONTAINER}", Place("", CONTAINER)),
    "the node's own services": ("0::/../../../../system.slice/sshd.service", None),
    "the runtime itself": ("0::/../../../../system.slice/containerd.service", None),
    "what is above all pods": ("0::/../../../../kubepods.slice", None),
    "what is above the reader": ("0::/../..", None),
    "a container of a user": (f"0::/../../../../user.slice/user-1000.slice/libpod-{CONTAINER}.scope", None),
    "the reader's own container": ("0::/", None),
    "below the reader's own container": (f"0::/{CONTAINER}", None),
}


@pytest.mark.parametrize(("text", "expected"), BESIDE.values(), ids=BESIDE)
def test_a_container_is_found_from_within_a_cgroup_namespace(text: str, expected: Place | None) -> None:
    assert place(text, "0::/\n", enclosed=True) == expected


NO_POD = {
    "the root": "0::/",
    "v1, the root": "12:cpuset:/\n0::/",
    "a service": "0::/system.slice/nginx.service",
    "a user": "0::/user.slice/user-1000.slice/user@1000.service/app.slice/bash.scope",
    "docker": f"0::/system.slice/docker-{CONTAINER}.scope",
    "docker, v1": f"4:memory:/docker/{CONTAINER}",
    "kubelet itself": "0::/system.slice/kubelet.service",
    "kubepods itself": "0::/kubepods.slice/kubepods-burstable.slice",
    "what watches a container, elsewhere": f"4:memory:/system.slice/crio-conmon-{CONTAINER}.scope",
    "a name that begins so": "0::/system.slice/podman.service",
    "nothing": "",
}


@pytest.mark.parametrize("text", NO_POD.values(), ids=NO_POD)
def test_a_process_outside_of_pods_is_in_none(text: str) -> None:
    assert place(text, "0::/system.slice/licet.service") is None


USER = "/user.slice/user-1000.slice/user@1000.service"
REFUSED = {
    "another pod below one's own container": f"0::/kubepods/pod{POD}/{CONTAINER}/kubepods/pod{OTHER}/{SIBLING}",
    "another pod below, systemd": f"0::{SLICES}/crio-{CONTAINER}.scope/kubepods-pod{OTHER}.slice/crio-{SIBLING}.scope",
    "another pod in another hierarchy": f"2:cpu:/kubepods/pod{POD}/{CONTAINER}\n3:misc:/kubepods/pod{OTHER}/{SIBLING}",
    "another container in another hierarchy": f"2:cpu:/kubepods/pod{POD}/{CONTAINER}\n"
    f"1:pids:/kubepods/pod{POD}/{SIBLING}",
    "a user's own groups": f"0::{USER}/kubepods/pod{POD}/{CONTAINER}",
    "a user's own slices": f"0::{USER}{SLICES}/cri-containerd-{CONTAINER}.scope",
    "a user's own, with colons": f"0::{USER}/kubepods-burstable-pod{LOW}.slice:cri-containerd:{CONTAINER}",
    "a service's own groups": f"0::/system.slice/shop.service/kubepods/pod{POD}/{CONTAINER}",
    "a container outside of Kubernetes": f"0::/docker/{NODE}/kubepods/pod{POD}/{CONTAINER}",
    "no kubepods above": f"0::/pod{POD}/{CONTAINER}",
    "something between pod and container": f"0::/kubepods/pod{POD}/x/{CONTAINER}",
    "a pod without a container": f"0::/kubepods/burstable/pod{POD}",
    "what watches the container": f"0::{SLICES}/crio-conmon-{CONTAINER}.scope",
    "half an id": f"0::/kubepods/pod{POD}/{CONTAINER[:32]}",
    "a UID in upper case": f"0::/kubepods/pod{POD.upper()}/{CONTAINER}",
    "a UID of two kinds of dashes": f"0::/kubepods/pod{POD.replace('-', '_', 1)}/{CONTAINER}",
    "a step up in the middle": f"0::/kubepods/../pod{POD}/{CONTAINER}",
    "two in one name": f"0::/kubepods/x-pod{POD}-pod{OTHER}/{CONTAINER}",
    "another pod below a static one": f"0::/kubepods/pod{'a' * 32}/{CONTAINER}/kubepods/pod{POD}/{SIBLING}",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_a_forged_or_ambiguous_name_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        place(text, "0::/system.slice/licet.service")
    assert (
        refused.value.help
        == "a pod's processes are in the group that kubelet made, and nobody else makes groups named so"
    )


FORGED_BESIDE = {
    "below the reader's own container": f"0::/kubepods/pod{POD}/{CONTAINER}",
    "below a neighbour in the same pod": f"0::/../{SIBLING}/kubepods/pod{POD}/{CONTAINER}",
    "below another pod": f"0::/../../pod{OTHER}/{SIBLING}/pod{POD}/{CONTAINER}",
    "of a user": f"0::/../../..{USER}/kubepods/pod{POD}/{CONTAINER}",
}


@pytest.mark.parametrize("text", FORGED_BESIDE.values(), ids=FORGED_BESIDE)
def test_a_forged_name_is_refused_from_within_a_cgroup_namespace(text: str) -> None:
    with pytest.raises(RefusedError):
        place(text, "0::/", enclosed=True)


def test_a_static_pod_is_named_by_the_digest_of_its_manifest() -> None:
    assert place(f"0::/kubepods/burstable/pod{'2' * 32}/{CONTAINER}") == Place("2" * 32, CONTAINER)


@pytest.mark.parametrize("text", ["x", "0::", "0:relative", f"kubepods/pod{POD}/{CONTAINER}", "0::/\n\x00", "-1::/"])
def test_what_the_kernel_does_not_write_is_malformed(text: str) -> None:
    with pytest.raises(MalformedError):
        place(text)
