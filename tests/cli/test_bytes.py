"""The same input gives the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHOP = Path(__file__).parents[2] / "examples" / "shop"


@pytest.mark.parametrize("form", ["table", "json", "csv", "dot", "mermaid"])
def test_a_map_is_the_same_whatever_the_seed_of_the_interpreter(form: str) -> None:
    def printed(seed: int) -> bytes:
        command = [sys.executable, "-m", "licet", "map", str(SHOP), "-o", form]
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        return subprocess.run(command, env=environment, check=True, capture_output=True).stdout

    assert len({printed(seed) for seed in range(6)}) == 1
