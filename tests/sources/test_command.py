"""Children: they end, they are heard, and they leave nothing running."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

from licet.sources import command

HELM_4 = """level=WARN msg=x
Error: web/x.yaml:1:5
  executing "x" at <.a>:
    nil

Use --debug flag to render out invalid YAML
"""


def python(program: str, *, seconds: float = 20, most: int = 1 << 20) -> bytes:
    return command.run([sys.executable, "-c", program], environment={}, seconds=seconds, most=most)


def test_what_a_program_writes_comes_back() -> None:
    assert python("print('a' * 300_000)") == b"a" * 300_000 + b"\n"


def test_a_program_gets_only_the_environment_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LICET_TEST_SECRET", "x")
    assert b"SECRET" not in python("import os; print(dict(os.environ))")


def test_a_program_reads_nothing_from_the_terminal() -> None:
    assert python("import sys; print(repr(sys.stdin.read()))") == b"''\n"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import sys; sys.exit('Error: no such chart')", "no such chart"),
        (
            'import sys; sys.exit(\'WARNING: old\\nE1 run.go:72] "command failed" err="a \\\\"b\\\\""\')',
            'a "b"',
        ),
        (
            f"import sys; sys.exit({HELM_4!r})",
            'web/x.yaml:1:5: executing "x" at <.a>: nil',
        ),
        ("import sys; sys.exit(3)", "it ended with code 3"),
        ("while True: print('x' * 1000)", "it wrote more than 1 MiB"),
        ("import sys\nfor n in range(99999): print('y' * 99, file=sys.stderr)\nsys.exit(1)", "y" * 99),
    ],
)
def test_a_failure_is_told_in_one_line(program: str, reason: str) -> None:
    with pytest.raises(command.CommandError) as raised:
        python(program)
    assert str(raised.value) == reason


def test_a_program_that_is_not_there_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(command.CommandError, match="does not start: no such file or directory"):
        command.run([str(tmp_path / "gone")], environment={})


@pytest.mark.parametrize("ending", ["", "; sys.exit()"])
def test_a_program_that_hangs_ends_with_all_that_it_started(ending: str, tmp_path: Path) -> None:
    """The grandchild holds the pipe open, so that only its end lets the reading end."""
    note = tmp_path / "pid"
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))" + (ending or "\ntime.sleep(60)")
    )
    started = time.monotonic()
    if ending:
        python(program, seconds=1)
    else:
        with pytest.raises(command.CommandError, match="it did not end within 1 s"):
            python(program, seconds=1)
    assert time.monotonic() - started < 15
    assert _ends(int(note.read_text()))


def _ends(pid: int) -> bool:
    """Whether a process that was killed is gone, or waits only for its parent to ask; the kernel may take a moment."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
    return False


@pytest.fixture(autouse=True)
def proc() -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("no /proc here to see processes in")


def test_ctrl_c_ends_the_program_and_is_passed_on(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        with pytest.raises(KeyboardInterrupt):
            python(program)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert _ends(int(note.read_text()))


def test_the_home_of_a_renderer_is_empty_and_removed() -> None:
    with command.offline() as environment:
        home = Path(environment["HOME"])
        assert list(home.iterdir()) == []
        (home / "cache").mkdir()
    assert not home.exists()
