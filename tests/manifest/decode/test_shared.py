"""Objects that others wrote: every workload that the well-known answers name is found, under its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from licet.diag.text import Text
from licet.manifest.decode import decode
from licet.manifest.documents import read
from tests.shared import SHARED, shared

ORACLE = SHARED / "oracle" / "netpol-analyzer"
CASES = sorted(path.parent.name for path in ORACLE.glob("*/expected.txt"))
_GROUP = re.compile(r"\.[a-z0-9.-]+\]$")

_ONE_BY_ONE = "pods of one owner with different labels are listed one by one"
APART = {
    "minikube_resources": "a pod whose phase is Succeeded or Failed has no network any more (Pod Lifecycle)",
    "example_pods_w_same_owner_and_labels_gap_anp_good": _ONE_BY_ONE,
    "example_pods_w_same_owner_and_labels_gap_no_policy": _ONE_BY_ONE,
    "example_pods_w_same_owner_and_labels_gap_with_good_match_expression": _ONE_BY_ONE,
}


@pytest.mark.parametrize("case", CASES)
def test_the_workloads_of_the_known_answers_are_found(case: str) -> None:
    found = ids(shared("oracle", "netpol-analyzer", case, "input"))
    named = expected(shared("oracle", "netpol-analyzer", case, "expected.txt"))
    assert bool(named - found) == (case in APART)


def ids(folder: Path) -> set[str]:
    """The ids of the workloads of a folder, as that tool writes them: without groups."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".yaml", ".yml", ".json")]
    documents, _ = read([Text(str(path), path.read_bytes()) for path in files])
    return {_GROUP.sub("]", str(workload.key)) for workload in decode(documents).cluster.workloads}


def expected(file: Path) -> set[str]:
    """The ids of the workloads that a known answer names."""
    ends: set[str] = set()
    for line in file.read_text().splitlines():
        if " => " in line:
            ends.update(end.strip() for end in line.split(" : ")[0].split(" => "))
    return {re.sub(r"\[c?udn\]/", "/", end) for end in ends if "/" in end and "[External]" not in end}
