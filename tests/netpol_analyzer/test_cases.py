"""Cases of another analyser's tests (np-guard/netpol-analyzer): its answer and Licet's, pair by pair."""

from __future__ import annotations

import re

import pytest

from licet.manifest.decode import PodTemplateKind
from licet.model.addresses import EVERY_V4
from tests.answers import Pairs, answer, manifests, ports, side_by_side
from tests.shared import SHARED, shared

FOLDER = SHARED / "oracle" / "netpol-analyzer"
CASES = sorted(path.parent.name for path in FOLDER.glob("*/expected.txt"))
LINE = re.compile(r"(?P<src>\S+) => (?P<dst>\S+) : (?P<ports>.+)")
EXTERNAL = "[External]"
SEVERAL_NETWORKS = re.compile(
    r"^\s*kind:\s*(Cluster)?(UserDefinedNetwork|NetworkAttachmentDefinition|MultiNetworkPolicy)\s*$", re.M
)
VIRTUAL_MACHINES = PodTemplateKind("kubevirt.io", "VirtualMachine")
"""The cases count them as workloads; Licet does where the user names the kind."""


def expected(case: str) -> Pairs:
    """The pairs of `expected.txt`: one a line, and what follows them in the file is no pair."""
    found: Pairs = {}
    for line in (FOLDER / case / "expected.txt").read_text(encoding="utf-8").splitlines():
        if match := LINE.fullmatch(line):
            text = "all" if match["ports"] == "All Connections" else match["ports"]
            found[match["src"].removesuffix(EXTERNAL), match["dst"].removesuffix(EXTERNAL)] = ports(text)
    return found


def without_own(answered: Pairs) -> Pairs:
    """Replica to replica left out, as the cases do."""
    return {(src, dst): opened for (src, dst), opened in answered.items() if src != dst}


def several_networks(case: str) -> bool:
    """Whether the case's pods are in more networks than the cluster's own."""
    return any(
        SEVERAL_NETWORKS.search(path.read_text(encoding="utf-8"))
        for path in sorted((FOLDER / case / "input").rglob("*"))
        if path.is_file()
    )


def test_there_are_cases() -> None:
    shared("oracle")
    assert len(CASES) == 49
    assert sum(not several_networks(case) for case in CASES) == 38


@pytest.mark.parametrize("case", CASES)
def test_the_answers_are_the_same(case: str) -> None:
    if several_networks(case):
        pytest.skip("pods in several networks: what leads from one to another is out of scope")
    cluster, _ = manifests(str(FOLDER / case / "input"), templates=[VIRTUAL_MACHINES])
    answered = answer(cluster, "cilium")
    assert answered.undetermined == {}, answered.why
    ours, theirs = side_by_side(without_own(answered.allowed), expected(case), EVERY_V4)
    assert ours == theirs
