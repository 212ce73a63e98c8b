"""A server is watched while it runs, and its log is JSON alone."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.command import environment, licet

PATIENCE = 60.0


@contextmanager
def serving(home: Path, *more: str) -> Iterator[tuple[str, Path]]:
    """A server of a new domain: where it is watched, and the file of its log. It is ended in the end."""
    data, log = home / "data", home / "log"
    assert licet("identity", "init", "--trust-domain", "shop.example", "--data", data).code == 0
    home.chmod(0o755)
    command = ["identity", "serve", "--data", str(data), "--socket", str(home / "api.sock"), "--metrics", "127.0.0.1:0"]
    with log.open("wb") as stream:
        server = subprocess.Popen([sys.executable, "-m", "licet", *command, *more], stderr=stream, env=environment())
    try:
        end = time.monotonic() + PATIENCE
        while not (found := re.search(r"metrics at port (\d+)", log.read_text())):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        yield f"http://127.0.0.1:{found[1]}", log
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_server_says_that_it_is_ready_and_measures_itself(tmp_path: Path) -> None:
    with serving(tmp_path) as (url, log):
        end = time.monotonic() + PATIENCE
        while (ready := get(f"{url}/readyz"))[0] != 200:
            assert time.monotonic() < end, ready
            time.sleep(0.05)
        assert json.loads(ready[1]) == {"ok": True, "reasons": []}
        assert get(f"{url}/healthz")[0] == 200
        names = {family.name for family in text_string_to_metric_families(get(f"{url}/metrics")[1])}
        assert {"licet_identity_build_info", "licet_identity_connections", "process_open_fds"} <= names
        assert get(f"{url}/elsewhere")[0] == 404
    events = [json.loads(line) for line in log.read_text().splitlines()]
    told = [event["event"] for event in events]
    assert told[0] == f"serving workloads at {tmp_path}/api.sock"
    assert told[-1] == "stopped"
    assert {event["logger"] for event in events} == {"licet.identity"}


def test_the_log_is_text_where_that_is_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path, "--log-format", "text") as (_, log):
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z  info     licet.identity: serving workloads at ", log.read_text())


@pytest.mark.parametrize(("option", "value"), [("--database", "postgresql://db/x"), ("--key-file", "x")])
def test_an_agent_has_no_database_and_no_sealing_key(option: str, value: str, tmp_path: Path) -> None:
    words = ("--trust-domain", "shop.example", "--server", "localhost:1", "--socket", tmp_path / "s")
    ran = licet("identity", "agent", *words, option, value)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"licet: no such option `{option}`")


@pytest.mark.parametrize("command", ["serve", "agent"])
def test_an_address_that_is_none_is_wrong_usage(command: str, tmp_path: Path) -> None:
    needed = ["--trust-domain", "shop.example", "--server", "localhost:1"] if command == "agent" else []
    ran = licet("identity", command, *needed, "--socket", tmp_path / "s", "--metrics", "nowhere")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"licet: `nowhere` is no address: write `host:port` (see `licet identity {command} --help`)\n"
