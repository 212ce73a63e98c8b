"""A server and nodes as processes: what they serve, what ends them, and what they leave behind."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command import ROOT, environment, licet
from tests.clients.programs import python_client

PATIENCE = 60.0
UID = f"unix:uid:{os.getuid()}"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    told(folder, "init", "--trust-domain", "shop.example")
    told(folder, "entries", "add", "--spiffe-id", "spiffe://shop.example/cart", "--selector", UID)
    return folder


def told(data: Path, *words: str | Path) -> str:
    ran = licet("identity", *words, "--data", data)
    assert ran.code == 0, ran.err
    return ran.out


def free() -> str:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{held.getsockname()[1]}"


@contextmanager
def process(log: Path, *words: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs on, once it said so often that it serves something; ended with the block."""
    with log.open("wb") as out:
        started = subprocess.Popen(
            [sys.executable, "-m", "licet", "identity", *map(str, words)], stderr=out, cwd=ROOT, env=environment()
        )
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def until_said(log: Path, words: str, started: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while words not in log.read_text():
        assert started.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def identities(path: Path) -> list[str]:
    """What a stock client is; nothing where it gets not everything: certificates, bundles, and tokens."""
    ran = subprocess.run(
        [*python_client().argv, "fetch"],
        capture_output=True,
        env=environment(SPIFFE_ENDPOINT_SOCKET=f"unix:{path}"),
        timeout=PATIENCE,
        check=False,
    )
    return [svid["id"] for svid in json.loads(ran.stdout.splitlines()[-1]).get("svids", ())]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_serves_stock_clients_until_a_signal_ends_it_and_takes_its_socket_away(
    number: signal.Signals, data: Path, tmp_path: Path
) -> None:
    path, log = tmp_path / "run" / "api.sock", tmp_path / "log"
    with process(log, "serve", "--data", data, "--socket", path) as server:
        until_said(log, "serving workloads", server)
        assert identities(path) == ["spiffe://shop.example/cart"]
        assert resource.prlimit(server.pid, resource.RLIMIT_CORE) == (0, 0)
        second = licet("identity", "serve", "--data", data, "--socket", path)
        assert (second.code, "Traceback" in second.err, str(path) in second.err) == (2, False, True)
        assert identities(path) == ["spiffe://shop.example/cart"]
        server.send_signal(number)
        assert server.wait(20) == 0
    assert not path.exists()
    assert "Traceback" not in log.read_text()
    kinds = [json.loads(line)["kind"] for line in records(data)]
    assert "svid.delivered" in kinds


def records(data: Path) -> list[str]:
    shown = licet("audit", "show", "--data", data, "-o", "json")
    assert shown.code == 0, shown.err
    return [line for line in shown.out.splitlines() if line.startswith("{")]


def test_a_port_that_is_taken_is_told(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for words in (["--listen", address, "--join", free()], ["--federation", address], ["--metrics", address]):
            extra = ["--listen", free(), "--join", free()] if words[0] == "--metrics" else []
            ran = licet("identity", "serve", "--data", data, *words, *extra)
            assert (ran.code, "Traceback" in ran.err, address in ran.err) == (2, False, True), ran.err


def test_a_node_joins_and_serves_stock_clients_but_nothing_new_while_it_is_banned(data: Path, tmp_path: Path) -> None:
    listen, join = free(), free()
    token, roots, path = tmp_path / "token", tmp_path / "roots.pem", tmp_path / "run" / "api.sock"
    roots.write_text(told(data, "bundle", "-o", "pem"))
    token.write_text(told(data, "agents", "token", "node-7"))
    words: list[str | Path] = ["agent", "--data", tmp_path / "node", "--trust-domain", "shop.example", "--server"]
    words += [listen, "--join", join, "--join-token-file", token, "--trust-bundle", roots, "--socket", path]
    server_log, log = tmp_path / "server.log", tmp_path / "agent.log"
    with process(server_log, "serve", "--data", data, "--listen", listen, "--join", join) as server:
        until_said(server_log, "serving agents", server)
        with process(log, *words) as agent:
            until_said(log, "serving workloads", agent)
            assert identities(path) == ["spiffe://shop.example/cart"]
            name = "spiffe://shop.example/licet/agent/join/node-7"
            told(data, "agents", "ban", name)
            told(data, "entries", "add", "--spiffe-id", "spiffe://shop.example/late", "--selector", UID)
            until_said(log, "is banned", agent)
            assert identities(path) == []
            told(data, "agents", "permit", name)
            deadline = time.monotonic() + PATIENCE
            while len(identities(path)) < 2:
                assert time.monotonic() < deadline, log.read_text()
            assert agent.poll() is None
            agent.terminate()
            assert agent.wait(20) == 0
        assert "Traceback" not in log.read_text()
        assert not path.exists()
        assert server.poll() is None
