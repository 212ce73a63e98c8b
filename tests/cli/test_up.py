"""A whole platform on this machine: what it says, how it ends, and that nothing is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command import deployment, environment, licet
from tests.cli.identity.running import until
from tests.cli.schemas import checked

_SERVES = """\
  - name: {name}
    ports: [{{port: {port}}}]
    callers: {{from: Selected, peers: [{{name: web, workload: {{kind: Deployment, name: web}}}}]}}
"""
_PORTS = {"http": 8080, "grpc": 9000, "bytes": 5432}
_APPLICATIONS = {"http": "    application: HTTP\n", "grpc": "    application: gRPC\n", "bytes": ""}
_CALL = "  - {{name: {callee}-{serves}, to: {{workload: {{kind: Deployment, name: {callee}}}}}, serves: {serves}}}\n"


def manifest(name: str) -> str:
    """A Deployment with an identity of its own."""
    return deployment(name).replace("{containers:", f"{{serviceAccountName: {name}, containers:")


def contract(name: str, spec: str) -> str:
    return (
        f"---\napiVersion: licet.dev/v1alpha1\nkind: Contract\nmetadata: {{name: {name}, namespace: shop}}\n"
        f"spec:\n  targetRef: {{group: apps, kind: Deployment, name: {name}}}\n{spec}"
    )


def serves(*names: str) -> str:
    return "  serves:\n" + "".join(_SERVES.format(name=name, port=_PORTS[name]) + _APPLICATIONS[name] for name in names)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for temporary files whose path is short."""
    with tempfile.TemporaryDirectory(prefix="licet-test-") as made:
        yield Path(made)


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    """`web` calls `api` in everything there is, and `stock`; `ops` is admitted nowhere."""
    (tmp_path / "manifests.yaml").write_text("".join(map(manifest, ("web", "api", "ops", "stock"))))
    calls = "".join(_CALL.format(callee=callee, serves=name) for callee, name in _CALLED)
    (tmp_path / "contracts.yaml").write_text(
        contract("web", f"  calls:\n{calls}")
        + contract("api", serves("http", "grpc", "bytes"))
        + contract("stock", serves("http"))
        + contract("ops", "  calls: []\n")
    )
    return tmp_path


_CALLED = [("api", "http"), ("api", "grpc"), ("api", "bytes"), ("stock", "http")]


@contextmanager
def up(home: Path, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """The command as it starts; whoever leaves it running has it killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "licet", "up", *map(str, arguments)],
        env=environment(TMPDIR=str(home)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def heard(process: subprocess.Popen[str], word: str) -> None:
    """Wait until it has told of this."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if word in line:
            return
    raise AssertionError("".join(said))


def running(home: Path) -> list[int]:
    """Processes whose home is a folder in it: sidecars, and what stands in for workloads."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"HOME={home}/".encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


def test_what_sidecars_see_is_what_is_agreed_and_nothing_is_left(platform: Path, home: Path) -> None:
    with up(home, platform) as killed:
        heard(killed, "making the first calls")
        assert len(running(home)) == 8
        killed.kill()
        killed.wait()
        assert until(lambda: not running(home) or None)
        (left,) = home.iterdir()
    with up(home, platform, "--rate", "50", "--shadow", "stock", "-o", "json") as process:
        heard(process, " s: ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert checked(out) == "up.v1"
    assert not left.exists()
    assert list(home.iterdir()) == []
    assert running(home) == []
    told = json.loads(out)
    assert told["shadow"] == ["shop/stock[Deployment]"]
    assert {each["outcome"] for each in told["examples"]} == {"allowed", "refused", "would be refused"}
    assert all(each["contract"].startswith(f"{platform}/contracts.yaml:") for each in told["examples"])
    edges = {(each["caller"], each["callee"], each["port"]): each["seen"] for each in told["edges"]}
    web, ops, api, stock = (f"shop/{name}[Deployment]" for name in ("web", "ops", "api", "stock"))
    one = edges[web, api, 5432]["allowed"]
    assert one > 0

    def seen(**counts: int) -> dict[str, int]:
        return {"allowed": 0, "refused": 0, "would_be_refused": 0, "failed": 0, **counts}

    expected: dict[tuple[str | None, str, int], dict[str, int]] = {
        (web, api, 5432): seen(allowed=one),
        (web, api, 8080): seen(allowed=4 * one),
        (web, api, 9000): seen(allowed=4 * one),
        (web, stock, 8080): seen(allowed=4 * one),
    }
    for port in _PORTS.values():
        expected.update({(each, api, port): seen(refused=one) for each in (None, ops, stock)})
    expected.update({(each, stock, 8080): seen(would_be_refused=one) for each in (api, ops)})
    assert edges == expected


def test_a_sidecar_that_is_killed_is_told_of_and_never_gone_past(platform: Path, home: Path) -> None:
    with up(home, platform, "--seconds", "8", "-o", "json") as process:
        heard(process, " s: ")
        by_name = {Path(f"/proc/{pid}/cmdline").read_bytes(): pid for pid in running(home)}
        (victim,) = [pid for line, pid in by_name.items() if line.split(b"\0")[2].endswith(b"/0.json")]
        os.kill(victim, signal.SIGKILL)
        out, err = process.communicate()
    assert process.returncode == 1, err
    checked(out)
    told = json.loads(out)
    assert told["ended"] == ["the sidecar of `shop/api[Deployment]` was ended by signal 9"]
    seen = {each["seen"] for each in told["unexpected"]}
    assert "failed" in seen
    assert "allowed" not in seen
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_can_be_interrupted_while_it_starts(platform: Path, home: Path, number: signal.Signals, code: int) -> None:
    with up(home, platform) as process:
        heard(process, "starting sidecars")
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out) == (code, "")
    assert err.splitlines()[-1] == "licet: interrupted"
    assert "Traceback" not in err
    assert running(home) == []
    assert list(home.iterdir()) == []


def test_contracts_with_errors_bring_nothing_up(platform: Path, home: Path) -> None:
    file = platform / "contracts.yaml"
    file.write_text(file.read_text().replace("name: web}}]", "name: wbe}}]"))
    ran = licet("up", platform, TMPDIR=str(home))
    assert ran.code == 1
    assert ran.err.startswith("error[L")
    assert ran.out == ""
    assert list(home.iterdir()) == []
