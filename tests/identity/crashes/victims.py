"""Commands in processes of their own, and the moments at which they are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import IO, TypeAlias

import msgspec

from tests.identity.crashes.stirring import Stirrings

ROOT = Path(__file__).absolute().parents[3]
PATIENCE = 60.0
"""Seconds until a process that should have ended, or be there, is a fault."""


class After(msgspec.Struct, frozen=True):
    """So many seconds after it began."""

    seconds: float

    def __str__(self) -> str:
        return f"after {self.seconds:.3f} s"


class Stirred(msgspec.Struct, frozen=True):
    """When so much has happened in the data folder, and a little later."""

    times: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.seconds * 1e6:.0f} us after stirring {self.times}"


class Reached(msgspec.Struct, frozen=True):
    """Before or after the n-th call of a place, by its own hand."""

    place: str
    when: str
    times: int

    def __str__(self) -> str:
        return f"{self.when} {self.place} {self.times}"


Moment: TypeAlias = After | Stirred | Reached

Calls: TypeAlias = Mapping[str, int]
"""How often a command comes to each place, about; the last calls are those that change something."""

_OPENING = {"open": 4, "fsync": 3, "mkdir": 1, "replace": 1, "remember": 1, "commit": 1}
_COMMAND = {**_OPENING, "rollback": 5, "statement": 28}
_FOUNDING = {"open": 7, "fsync": 6, "mkdir": 3, "commit": 2, "statement": 100, "generate": 4, "link": 1}
FOUNDING: Calls = MappingProxyType({**_OPENING, **_FOUNDING})
COMMAND: Calls = MappingProxyType(_COMMAND)
ROTATING: Calls = MappingProxyType({**_COMMAND, "statement": 60, "generate": 1})
REPLACING: Calls = MappingProxyType({**_COMMAND, "statement": 150, "commit": 2, "remember": 2, "generate": 2})
STARTING: Calls = MappingProxyType({**_COMMAND, "bind": 2, "listen": 1})
SERVING: Calls = MappingProxyType(
    {"commit": 120, "fsync": 150, "replace": 60, "remember": 60, "statement": 1500, "open": 120}
)


def moment(chance: Random, calls: Calls, begins: float, ends: float) -> Moment:
    """A random moment in the life of a process that is at work between these two, in seconds."""
    match chance.randrange(4):
        case 0:
            return After(chance.uniform(begins, ends))
        case 1:
            return Stirred(chance.randint(1, 20), chance.choice((0.0, chance.uniform(0, 0.003))))
        case _:
            return reached(chance, calls)


def reached(chance: Random, calls: Calls) -> Reached:
    """A random call of a place."""
    place = chance.choice(sorted(calls))
    return Reached(place, chance.choice(("before", "after")), chance.randint(1, calls[place]))


class Outcome(msgspec.Struct, frozen=True):
    """How a command ended; `code` is negative for a signal."""

    code: int
    out: str
    err: str

    @property
    def killed(self) -> bool:
        """Whether it was."""
        return self.code == -9


def start(
    arguments: Sequence[str], scratch: Path, at: Moment | None = None, output: IO[str] | None = None
) -> subprocess.Popen[str]:
    """`licet` with these arguments, which may know itself when to die."""
    program = ["licet"]
    if isinstance(at, Reached):
        program = ["tests.identity.crashes.dying", at.place, at.when, str(at.times)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "TMPDIR": str(scratch)}
    return subprocess.Popen(
        [sys.executable, "-W", "error::ResourceWarning", "-m", *program, *arguments],
        cwd=ROOT, env=environment, stdout=output or subprocess.PIPE, stderr=output or subprocess.PIPE, text=True,
    )  # fmt: skip


def run(arguments: Sequence[str], scratch: Path, at: Moment | None = None, folder: Path | None = None) -> Outcome:
    """Run a command to its end, which may come from outside."""
    process = start(arguments, scratch, at)
    if at is not None and folder is not None:
        kill(process, at, folder, PATIENCE)
    out, err = process.communicate(timeout=PATIENCE)
    return Outcome(process.returncode, out, err)


def kill(process: subprocess.Popen[str], at: Moment, folder: Path, patience: float) -> None:
    """Have SIGKILL reach the process at its moment; one that ends before then has ended."""
    match at:
        case After(seconds):
            _wait(process, seconds)
            process.kill()
        case Stirred(times, seconds):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with Stirrings([folder]) as stirrings:
                while process.poll() is None and not stirrings.wait(times, 0.2) and patience > 0:
                    patience -= 0.2
            time.sleep(seconds)
            process.kill()
        case Reached():
            _wait(process, patience)
            process.kill()


def _wait(process: subprocess.Popen[str], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
