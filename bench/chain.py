"""The commands of contracts on one platform: checked, compiled, proved, each a process of its own."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.cases import OUT, python
from bench.process import Run
from bench.result import Chain, Cost

_POLICIES = "policies"
_COMMANDS = {
    "check": ("check", "."),
    "compile": ("compile", ".", "--out", _POLICIES),
    "prove": ("prove", ".", _POLICIES),
    "compile CNP": ("compile", ".", "--target", "clusternetworkpolicy", "--out", f"../{_POLICIES}"),
}
"""Run in this order at the top of the platform: what `compile` writes lies beside the contracts from then on."""


def measure(size: int, repeats: int) -> Chain:
    """Baseline and commands in turn, `repeats` times, the last on a platform without policies each time."""
    folder, (files, documents, total) = written(size)
    baselines: list[Run] = []
    runs: dict[str, list[Run]] = {name: [] for name in _COMMANDS}
    failure = ""
    for _ in range(repeats):
        for left in (folder / _POLICIES, folder.parent / _POLICIES):
            shutil.rmtree(left, ignore_errors=True)
        baselines.append(python("-m", "bench.baseline", str(folder)))
        for name, command in _COMMANDS.items():
            if name == "compile CNP":
                shutil.rmtree(folder / _POLICIES)
            runs[name].append(python("-m", "licet", *command, folder=folder))
            failure = failure or _failure(name, runs[name][-1])
        if failure:
            break
    shutil.rmtree(folder.parent)
    if failure:
        return Chain(size, files, documents, total, repeats, _cost(baselines), failure=failure)
    costs = {name: _cost(those) for name, those in runs.items()}
    return Chain(size, files, documents, total, repeats, _cost(baselines), costs)


def written(size: int) -> tuple[Path, tuple[int, int, int]]:
    """The platform's folder, written anew in a process of its own, and its files of YAML, documents and bytes."""
    folder = OUT / "platforms" / str(size) / "platform"
    shutil.rmtree(folder.parent, ignore_errors=True)
    printed = OUT / "written.txt"
    printed.parent.mkdir(parents=True, exist_ok=True)
    outcome = python("-m", "bench.contracts", str(size), str(folder), output=printed)
    if outcome.failure:
        raise RuntimeError(f"{size} contracts could not be written: {outcome.failure}")
    files, documents, total = map(int, printed.read_text().split())
    return folder, (files, documents, total)


def _failure(name: str, run: Run) -> str:
    """Why a run counts for nothing: here a finding does, since everything is agreed and nothing else permitted."""
    return run.failure or (f"`licet {name}` had findings" if run.status else "")


def _cost(runs: Sequence[Run]) -> Cost:
    return Cost(min(r.wall for r in runs), min(r.cpu for r in runs), max(r.peak for r in runs))
