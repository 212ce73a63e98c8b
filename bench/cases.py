"""One case from nothing to numbers: written, loaded by the baseline, answered by the command, stage by stage."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from bench.generate import Case
from bench.process import Run, run
from bench.result import Latency, Measured

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "bench" / "out"
TIMEOUT = 300.0

SCALE = (100, 1_000, 10_000)
FULL = (
    *(Case("plain", size) for size in SCALE),
    *(Case(variant, SCALE[-1]) for variant in ("cnp60", "cidr", "notin", "none")),
    Case("pods", 100_000),
)
QUICK = tuple(Case(variant, SCALE[0]) for variant in ("plain", "cnp60", "cidr", "notin", "none", "pods"))


ENVIRONMENT = {
    "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(OUT / "bytecode"),
}
"""Modules are compiled once, as an install does it, and not anew in every run."""


def python(*arguments: str, output: Path | None = None, folder: Path | None = None) -> Run:
    """Run this interpreter on this checkout, in a folder or in the current one."""
    return run([sys.executable, *arguments], output=output, timeout=TIMEOUT, environment=ENVIRONMENT, folder=folder)


def licet_map(folder: Path, *options: str, output: Path | None = None) -> Run:
    """The whole command, start-up included."""
    return python("-m", "licet", "map", str(folder), "-o", "json", *options, output=output)


def warm() -> None:
    """Compile every module that is measured, and bring it into the page cache."""
    folder, _ = written(Case("plain", 8))
    stages, baseline = (python("-m", f"bench.{name}", str(folder)) for name in ("stages", "baseline"))
    for outcome in (licet_map(folder), stages, baseline):
        if outcome.failure:
            raise RuntimeError(f"nothing to measure: {outcome.failure}")


def written(case: Case) -> tuple[Path, tuple[int, int, int]]:
    """The case's folder, written anew in a process of its own, and its files, documents and bytes."""
    folder = OUT / "clusters" / case.name
    shutil.rmtree(folder, ignore_errors=True)
    printed = OUT / "written.txt"
    printed.parent.mkdir(parents=True, exist_ok=True)
    outcome = python("-m", "bench.generate", case.name, str(folder), output=printed)
    if outcome.failure:
        raise RuntimeError(f"{case.name} could not be written: {outcome.failure}")
    files, documents, size = map(int, printed.read_text().split())
    return folder, (files, documents, size)


def measure(case: Case, repeats: int) -> Measured:
    """Baseline and command in turn, `repeats` times; the stages as often; the least of each counts."""
    folder, (files, documents, size) = written(case)
    baselines, wholes = [], []
    for _ in range(repeats):
        baselines.append(python("-m", "bench.baseline", str(folder)))
        wholes.append(licet_map(folder))
        if wholes[-1].failure:
            break
    best = min(wholes, key=lambda r: r.wall)
    measured = Measured(
        case=case.name,
        files=files,
        documents=documents,
        size=size,
        repeats=repeats,
        baseline=min(r.wall for r in baselines),
        baseline_cpu=min(r.cpu for r in baselines),
        whole=best.wall,
        whole_cpu=min(r.cpu for r in wholes),
        peak=max(r.peak for r in wholes),
        failure=wholes[-1].failure,
    )
    measured = _staged(measured, folder, repeats)
    shutil.rmtree(folder)
    return measured


def changes(case: Case, samples: int) -> tuple[list[Latency], str]:
    """How long the answer takes to follow changes to the case, and why there is no more where there is none."""
    folder, _ = written(case)
    printed = OUT / "changes.json"
    outcome = python("-m", "bench.reanswer", case.name, str(folder), str(samples), output=printed)
    shutil.rmtree(folder)
    lines = printed.read_text().splitlines()
    failure = outcome.failure and f"changes to {case.name}: {outcome.failure}"
    return [Latency(**json.loads(line)) for line in lines], failure


def _staged(measured: Measured, folder: Path, repeats: int) -> Measured:
    printed = OUT / "stages.json"
    best: dict[str, float] = {}
    for _ in range(repeats):
        outcome = python("-m", "bench.stages", str(folder), output=printed)
        if outcome.failure:
            failure = f"stages: {outcome.failure}"
            return replace(measured, failure="; ".join(filter(None, (measured.failure, failure))))
        found = json.loads(printed.read_text())
        best = {name: min(seconds, best.get(name, seconds)) for name, seconds in found["seconds"].items()}
        measured = replace(
            measured, stage_peaks=found["peak"], counts=found["counts"], findings=found["findings"], stages=best
        )
    return measured
