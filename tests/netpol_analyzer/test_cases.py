"""Cases of another analyser's tests (np-guard/netpol-analyzer): its answer and Licet's, pair by pair."""

from __future__ import annotations

import re

import msgspec
import pytest

from licet.diag.text import Text
from licet.model.addresses import EVERY_V4, AddressSet
from licet.model.platform import UNKNOWN_PLATFORM, Platform
from licet.model.ports import NO_PORTS
from licet.sources import fetch
from tests.answers import Pairs, answer, manifests, ports, side_by_side
from tests.shared import SHARED, shared

FOLDER = SHARED / "oracle" / "netpol-analyzer"
CASES = sorted(path.parent.name for path in FOLDER.glob("*/expected.txt"))
LINE = re.compile(r"(?P<src>\S+) => (?P<dst>\S+) : (?P<ports>.+)")
EXTERNAL = "[External]"
GROUP = re.compile(r"\.[a-z0-9.]+\]")
SEVERAL_NETWORKS = re.compile(
    r"^\s*kind:\s*(Cluster)?(UserDefinedNetwork|NetworkAttachmentDefinition|MultiNetworkPolicy)\s*$", re.M
)


class Edit(msgspec.Struct, frozen=True):
    """Why Licet answers otherwise, in the documentation's words, and what takes the reason out of the case.

    That is a change of the manifests, or knowing where pods have their addresses.
    """

    sentence: str
    page: str
    pattern: bytes = b"^$"
    replacement: bytes = b""
    platform: Platform = UNKNOWN_PLATFORM


HOST_NETWORK = Edit(
    "The network plugin cannot properly distinguish hostNetwork pod traffic, and so it ignores hostNetwork pods when "
    "matching podSelector and namespaceSelector. [...] (This is the most common implementation.)",
    "https://kubernetes.io/docs/concepts/services-networking/network-policies/#networkpolicy-and-hostnetwork-pods",
    rb'(hostNetwork"?): true',
    rb"\1: false",
)
FINISHED = Edit(
    "Succeeded: All containers in the Pod have terminated in success, and will not be restarted.",
    "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase",
    rb"phase: Succeeded",
    rb"phase: Running",
)
NETWORKS = Edit(
    "This is intended for representing entities that live outside the cluster, which can't be selected by pods, "
    "namespaces and nodes peers, but note that cluster-internal traffic will be checked against the rule as well.",
    "https://network-policy-api.sigs.k8s.io/reference/spec/#policy.networking.k8s.io/v1alpha1.AdminNetworkPolicyEgressPeer",
    platform=Platform(pod_addresses=AddressSet.of(["10.244.0.0/16"])),
)
DECIDED = {
    "anp_and_banp_using_networks_and_nodes_test": NETWORKS,
    "minikube_resources": FINISHED,
    "multiple_topology_resources_1": HOST_NETWORK,
    "semanticDiff-same-topologies-new1a": HOST_NETWORK,
}


def expected(case: str) -> Pairs:
    """The pairs of `expected.txt`: one a line, and what follows them in the file is no pair."""
    found: Pairs = {}
    for line in (FOLDER / case / "expected.txt").read_text(encoding="utf-8").splitlines():
        if match := LINE.fullmatch(line):
            text = "all" if match["ports"] == "All Connections" else match["ports"]
            found[match["src"].removesuffix(EXTERNAL), match["dst"].removesuffix(EXTERNAL)] = ports(text)
    return found


def several_networks(case: str) -> bool:
    """Whether the case's pods are in more networks than the cluster's own."""
    return any(
        SEVERAL_NETWORKS.search(path.read_text(encoding="utf-8"))
        for path in sorted((FOLDER / case / "input").rglob("*"))
        if path.is_file()
    )


def ours(case: str, edit: Edit | None = None) -> Pairs:
    """Licet's whole answer to a case, or to the case as the edit changes it; no port where it is undetermined."""
    texts = fetch([str(FOLDER / case / "input")]).texts
    if edit is not None:
        texts = [Text(text.source, re.sub(edit.pattern, edit.replacement, text.data)) for text in texts]
    cluster, _ = manifests(texts=texts, platform=edit.platform if edit else UNKNOWN_PLATFORM)
    answered = answer(cluster, "cilium")
    sure = {
        (GROUP.sub("]", src), GROUP.sub("]", dst)): opened
        for (src, dst), opened in answered.allowed.items()
        if src != dst
    }
    return sure | {(src, dst): NO_PORTS for src, dst in answered.undetermined if src != dst}


def test_there_are_cases() -> None:
    shared("oracle")
    assert len(CASES) == 49
    assert sum(not several_networks(case) for case in CASES) == 38
    assert set(DECIDED) <= set(CASES)


@pytest.mark.parametrize("case", [case for case in CASES if case not in DECIDED])
def test_the_answers_are_the_same(case: str) -> None:
    if several_networks(case):
        pytest.skip("pods in several networks: what leads from one to another is out of scope")
    left, right = side_by_side(ours(case), expected(case), EVERY_V4)
    assert left == right


@pytest.mark.parametrize("case", [case for case in CASES if case in DECIDED])
def test_the_documentation_decides(case: str) -> None:
    """The answers differ, and agree where the manifests do not raise the question."""
    left, right = side_by_side(ours(case), expected(case), EVERY_V4)
    assert left != right
    edit = DECIDED[case]
    left, right = side_by_side(ours(case, edit), expected(case), EVERY_V4 - edit.platform.pod_addresses)
    assert left == right
