"""Programs in Go and in Rust, built from the sources beside the tests that ask them.

What was built is kept in the user's cache under a hash of its sources, so that only a change of them is built again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "licet" / "programs"
_UNREACHED = re.compile(
    r"dial tcp|no such host|i/o timeout|connection refused|GOPROXY=off|proxyconnect"
    r"|could not (?:connect|resolve)|failed to connect|timed? ?out|spurious network error",
    re.IGNORECASE,
)


def go_program(source: Path, name: str) -> Path:
    """The program of the module in `source`; skips the test where there is no Go or its modules cannot be had."""

    def build(go: str, target: Path) -> None:
        command = [go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(target), "."]
        _run(command, source, {"GOFLAGS": "-mod=readonly"})

    return _built("go", source, name, ("*.go", "go.mod", "go.sum"), build)


def rust_program(source: Path, name: str) -> Path:
    """The binary of the package in `source`; skips the test where there is no Cargo or its crates cannot be had."""

    def build(cargo: str, target: Path) -> None:
        work = _CACHE / f"{name}.target"
        _run([cargo, "build", "--quiet", "--locked", "--target-dir", str(work)], source, {})
        shutil.copy2(work / "debug" / name, target)

    return _built("cargo", source, name, ("src/*.rs", "Cargo.toml", "Cargo.lock"), build)


def _built(tool: str, source: Path, name: str, patterns: tuple[str, ...], build: Callable[[str, Path], None]) -> Path:
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{name} is built by `{tool}`, which is not installed")
    digest = hashlib.sha256(platform.machine().encode())
    for path in sorted(one for pattern in patterns for one in source.glob(pattern)):
        digest.update(b"%s\0%s\0" % (path.name.encode(), hashlib.sha256(path.read_bytes()).digest()))
    program = _CACHE / f"{name}-{digest.hexdigest()[:16]}" / name
    with _locked(_CACHE / f"{name}.lock"):
        if not program.exists():
            program.parent.mkdir(exist_ok=True)
            fresh = program.with_suffix(".fresh")
            build(found, fresh)
            fresh.replace(program)
    return program


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    ran = subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False)
    if ran.returncode and (unreached := _UNREACHED.search(ran.stderr)):
        pytest.skip(f"`{Path(command[0]).name}` did not get what it builds from: {unreached[0]}")
    assert ran.returncode == 0, ran.stderr


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
