"""The real nft, as the machine has it or as `make test` brings it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

_BROUGHT = Path(__file__).resolve().parents[1] / ".tools" / "nft-debian" / "nft"
_SEARCHED = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def nft() -> Path:
    """Where it is; skips the test where it is not."""
    if found := shutil.which("nft", path=_SEARCHED):
        return Path(found)
    if _BROUGHT.is_file():
        return _BROUGHT
    pytest.skip("there is no nft: `make test` brings it where there is apt")
