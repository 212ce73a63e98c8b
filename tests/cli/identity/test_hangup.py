"""A terminal that is closed ends a server in order, unless nohup says that it should not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import environment
from tests.cli.identity.running import PATIENCE, founded, told


@pytest.mark.parametrize("nohup", [False, True])
def test_a_terminal_that_goes_away(nohup: bool, tmp_path: Path) -> None:
    data, log, socket = founded(tmp_path / "data"), tmp_path / "log", tmp_path / "agent.sock"
    words = [sys.executable, "-m", "licet", "identity", "serve", "--data", str(data), "--socket", str(socket)]
    with log.open("wb") as stream:
        process = subprocess.Popen(["nohup", *words] if nohup else words, env=environment(), stderr=stream)
    try:
        told(log, "serving workloads", lambda: process.poll() is None)
        os.kill(process.pid, signal.SIGHUP)
        if nohup:
            os.kill(process.pid, 0)
            process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait(PATIENCE)
    assert not socket.exists()
    assert '"stopped"' in log.read_text().splitlines()[-1]
