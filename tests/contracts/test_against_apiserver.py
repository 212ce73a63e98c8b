"""The API server's own code judges the CustomResourceDefinitions, and contracts by them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from licet.contracts import findings
from licet.contracts.crd import definition
from licet.contracts.schema import KINDS
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from tests.built import go_program
from tests.contracts.drawn import CONTRACTS, damaged
from tests.contracts.read import decoded

_SOURCE = Path(__file__).parent / "apiserver"
_FULL = list(yaml.safe_load_all((Path(__file__).parent / "full.yaml").read_text()))


@pytest.fixture(scope="module")
def judge() -> Path:
    """The program, built from the pinned modules; skips the test where there is no Go."""
    return go_program(_SOURCE, "apiserver")


def _judged(judge: Path, objects: list[dict[str, Any]]) -> tuple[list[list[str]], list[list[str]]]:
    """The problems of each definition and of each object."""
    asked = {"crds": [definition(kind) for kind in KINDS], "objects": objects}
    ran = subprocess.run([judge], input=json.dumps(asked).encode(), capture_output=True, check=True)
    told = json.loads(ran.stdout)
    return told["crds"], told["objects"]


def test_definitions_and_the_full_example_are_taken(judge: Path) -> None:
    """Structural schemas, rules that compile and whose estimated cost is within bounds, printer columns."""
    assert _judged(judge, _FULL) == ([[], [], []], [[], []])


@pytest.mark.parametrize("kind", ["NamespaceContract", "Platform"])
def test_what_there_is_one_of_has_one_name(judge: Path, kind: str) -> None:
    objects = [
        {"apiVersion": "licet.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": {}}
        for name in ("default", "other")
    ]
    _, (good, bad) = _judged(judge, objects)
    assert good == []
    assert len(bad) == 1
    assert "it is named default" in bad[0]


def test_sound_contracts_are_taken(judge: Path) -> None:
    drawn: list[dict[str, Any]] = []
    _draw(CONTRACTS, drawn)
    _, told = _judged(judge, drawn)
    assert [(value, problems) for value, problems in zip(drawn, told, strict=True) if problems] == []


def test_damaged_contracts_are_taken_where_decoding_takes_them(judge: Path) -> None:
    drawn: list[dict[str, Any]] = []
    _draw(damaged(), drawn)
    compared = [value for value in drawn if _comparable(value)]
    assert len(compared) > len(drawn) // 2
    _, told = _judged(judge, compared)
    for value, problems in zip(compared, told, strict=True):
        _, wrong = decoded(json.dumps(value))
        ours = [finding for finding in wrong if not _beyond_rules(finding)]
        assert bool(problems) == bool(ours), (value, problems, ours)


def _draw(strategy: Any, into: list[dict[str, Any]]) -> None:
    @settings(max_examples=150, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
    @given(strategy)
    def keep(value: dict[str, Any]) -> None:
        into.append(value)

    keep()


def _comparable(value: dict[str, Any]) -> bool:
    """Whether both judge the same: the API server drops nulls, knows no status of ours, and checks metadata itself."""
    text = json.dumps(value)
    return (
        "null" not in text
        and isinstance(value.get("spec"), dict)
        and "status" not in value
        and not any(_of_metadata(finding) for finding in decoded(text)[1])
        and str(2**70) not in text
    )


def _beyond_rules(finding: Diagnostic) -> bool:
    """Whether this fault is one that neither types nor rules know: a day that no month has, a block that is none."""
    problems = ("no time", "prefix length", "lie inside", "is not a CIDR block")
    return finding.code == findings.WRONG_VALUE and any(problem in finding.message for problem in problems)


def _of_metadata(finding: Diagnostic) -> bool:
    return isinstance(finding.where, Place) and finding.where.path[:1] == ("metadata",)
