"""The mesh, measured in processes of its own."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import dataclass

from bench.cases import OUT, python
from bench.mesh.result import Arriving, Judging, Meshes, Pushing, Sizing


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many turns of each listener, changes of each kind, and sidecars in the crowd."""

    rounds: int
    times: int
    crowd: int


FULL = Amounts(20, 100, 1000)
QUICK = Amounts(2, 10, 0)


def measure(amounts: Amounts) -> Meshes:
    """Everything that could be measured, and why there is no more where there is none."""
    if not all(map(importlib.util.find_spec, ("grpc", "envoy", "cryptography"))):
        return Meshes(skipped="the packages of the extras `identity` and `up` are not installed")
    if shutil.which("go") is None:
        return Meshes(skipped="what lays load is built by `go`, which is not installed")
    folder, printed = OUT / "mesh", OUT / "mesh.jsonl"
    wanted = [f"--{name}={getattr(amounts, name)}" for name in ("rounds", "times", "crowd")]
    outcome = python("-m", "bench.mesh", str(folder), *wanted, output=printed)
    shutil.rmtree(folder, ignore_errors=True)
    found = Meshes(failure=outcome.failure and f"the mesh: {outcome.failure}")
    for line in printed.read_text().splitlines():
        [(kind, values)] = json.loads(line).items()
        match kind:
            case "Judging":
                found.judging.append(Judging(**values))
            case "Sizing":
                found.sizing.append(Sizing(**values))
            case "Pushing":
                found.pushing.append(Pushing(**values))
            case "Arriving":
                found.arriving.append(Arriving(**values))
    return found
