"""What other processes do to a run: readers that go away, signals, full disks, terminals."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command import SHOP, deployment, environment, licet

_LICET = [sys.executable, "-m", "licet"]


def test_a_reader_that_goes_away_ends_the_run_quietly(tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text("".join(deployment(f"w{n}") for n in range(200)))
    script = f'set -o pipefail; "{sys.executable}" -m licet map --pairs -o csv "{tmp_path}" | head -1'
    ran = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=environment(), timeout=60, check=False
    )
    assert ran.returncode == 141
    assert ran.stdout == "verdict,src,dst,ports,assumptions\n"
    assert ran.stderr == ""


def test_a_closed_pipe_is_quiet_for_the_version_too() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as stream:
        ran = subprocess.run(
            [*_LICET, "--version"], stdout=stream, stderr=subprocess.PIPE, env=environment(), timeout=60, check=False
        )
    assert (ran.returncode, ran.stderr) == (141, b"")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_is_one_line(number: signal.Signals, code: int, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*_LICET, "map", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), cwd=tmp_path
    ) as child:
        _wait_until_it_reads(child.pid)
        child.send_signal(number)
        _, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (code, b"licet: interrupted\n")


def _wait_until_it_reads(pid: int) -> None:
    """Until the process waits on its standard input, or half a minute has gone."""
    channel = Path(f"/proc/{pid}/wchan")
    if not channel.exists():
        pytest.skip("no /proc to see whether the process waits")
    for _ in range(300):
        if "msgspec" in Path(f"/proc/{pid}/maps").read_text() and "pipe" in channel.read_text():
            return
        time.sleep(0.1)
    pytest.fail("the process never read its standard input")


def test_a_full_disk_is_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [*_LICET, "map", SHOP], stdout=full, stderr=subprocess.PIPE, env=environment(), timeout=60, check=False
        )
    assert (ran.returncode, ran.stderr) == (2, b"licet: no space left on device\n")


def test_a_bug_is_one_line_and_says_how_to_report_it() -> None:
    code = (
        "import sys, licet.cli.run as run\n"
        "def boom(arguments): raise KeyError('x')\n"
        "run._invoke = boom\n"
        "sys.exit(run.run(sys.argv[1:]))"
    )
    quiet = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=60, check=False
    )
    assert quiet.returncode == 70
    assert quiet.stderr == "licet: a bug in licet: KeyError: 'x' (please report it, with what `--verbose` adds)\n"
    loud = subprocess.run(
        [sys.executable, "-c", code, "--verbose"],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert loud.returncode == 70
    assert loud.stderr.startswith("Traceback")


def _on_a_terminal(**changes: str) -> str:
    """What `licet map` writes to a terminal."""
    master, slave = pty.openpty()
    with subprocess.Popen([*_LICET, "map", SHOP], stdout=slave, stderr=slave, env=environment(**changes)) as child:
        os.close(slave)
        out = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:
                break
            if not piece:
                break
            out += piece
    os.close(master)
    assert child.returncode == 0
    return out.decode()


def test_colours_are_for_terminals_that_do_not_refuse_them() -> None:
    assert "\x1b[" in _on_a_terminal(TERM="xterm")
    assert "\x1b[" not in _on_a_terminal(TERM="xterm", NO_COLOR="1")
    assert "\x1b[" not in _on_a_terminal(TERM="dumb")
    assert "\x1b[" not in licet("map", SHOP).out
    assert "\x1b[" in licet("map", SHOP, "--color", "always").out


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_of_the_map_is_wider_than_the_terminal(width: int) -> None:
    lines = licet("map", SHOP, COLUMNS=str(width)).out.splitlines()
    assert len(lines) > 8
    table = [line for line in lines if not line.startswith(("Undetermined:", "assumed:"))]
    assert max(map(len, table[:-1])) <= width


def test_a_terminal_without_unicode_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "größe.yaml").write_text(deployment("a") + "---\nspec: [\n")
    ran = licet("map", tmp_path, PYTHONIOENCODING="ascii", COLUMNS="40")
    assert ran.code == 1
    assert "gr\\xf6\\xdfe.yaml" in ran.err


def test_long_work_is_told_on_a_terminal_and_wiped_away(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    with subprocess.Popen(
        [*_LICET, "map", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=slave,
        env=environment(),
        cwd=tmp_path,
    ) as child:
        os.close(slave)
        assert child.stdin is not None
        told = b""
        while b"reading" not in told:
            told += os.read(master, 4096)
        child.stdin.write(deployment("a").encode())
        child.stdin.close()
        while True:
            try:
                told += os.read(master, 4096)
            except OSError:
                break
    os.close(master)
    assert child.returncode == 0
    assert told.startswith(b"\r\x1b[2mreading \xe2\x80\xa6 1 s")
    assert told.endswith(b"\r\x1b[K")


def test_long_work_is_silent_in_a_pipe(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*_LICET, "map", "-"], stdin=pipe, stdout=pipe, stderr=pipe, env=environment(), cwd=tmp_path
    ) as child:
        _wait_until_it_reads(child.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(timeout=1.5)
        _, err = child.communicate(deployment("a").encode(), timeout=30)
    assert err == b""


def test_findings_that_nobody_can_be_told_of_are_a_failure_and_the_answer_stands(tmp_path: Path) -> None:
    """Standard error is full: the map is whole, and the exit code says that something was wrong."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "bad.yaml").write_text("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: 3}}\n")
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [*_LICET, "map", tmp_path / "bad.yaml", "-o", "csv"],
            stdout=subprocess.PIPE,
            stderr=full,
            env=environment(),
            timeout=60,
            check=False,
        )
    assert ran.returncode == 2
    assert ran.stdout == b"verdict,src,dst,ports,assumptions\n"
