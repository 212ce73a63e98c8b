"""What the README shows is what the command prints."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Golden

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
SECONDS = re.compile(r"\(\d+\.\d\d s\)")
SAMPLE = re.compile(r"(?<=^```console\n)\$ licet (.*)\n(?:.*\n)*?(?=^```$)", re.MULTILINE)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The examples, and two copies of the shop: with a widened policy, and with a call that no contract declares."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copytree(ROOT / "examples" / "shop", tmp_path / "widened")
    payment = tmp_path / "widened" / "bank" / "payment.yaml"
    narrow = payment.read_text()
    assert "cidr: 203.0.113.0/28" in narrow
    payment.write_text(narrow.replace("cidr: 203.0.113.0/28", "cidr: 0.0.0.0/0"))
    shutil.copytree(ROOT / "examples" / "shop", tmp_path / "undeclared")
    cart = tmp_path / "undeclared" / "shop" / "cart.yaml"
    database = "          value: database.data.svc.cluster.local:5432\n"
    text = cart.read_text()
    assert text.count(database) == 1
    ledger = "        - name: LEDGER_ADDR\n          value: ledger.bank.svc.cluster.local:9000\n"
    cart.write_text(text.replace(database, database + ledger))
    return tmp_path


def test_every_sample_is_what_the_command_prints(place: Path, golden: Golden) -> None:
    def printed(sample: re.Match[str]) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "licet", *shlex.split(sample[1])],
            cwd=place,
            env={**os.environ, "COLUMNS": "120", "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert result.returncode in (0, 1), result.stdout
        assert sys.executable not in result.stdout, "the interpreter answered, not the command"
        return f"$ licet {sample[1]}\n{SECONDS.sub('(0.01 s)', result.stdout)}"

    text = README.read_text()
    assert len(SAMPLE.findall(text)) == 9
    golden(README, SAMPLE.sub(printed, text))
