"""Passphrases as they are given: by a file, by systemd, at a terminal, and not at all."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command import Ran, environment, licet
from tests.cli.identity.running import OWN, PATIENCE, fetch, founded, running

_PHRASE = "correct horse battery"
_AT_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""A new session has no terminal until it takes one."""


def typed(data: Path, *arguments: str | Path, answers: tuple[str, ...]) -> Ran:
    """Run `licet identity` at a terminal of its own, with somebody who answers every question."""
    terminal, other = pty.openpty()
    words = [sys.executable, "-m", "licet", "identity", *map(str, arguments), "--data", str(data)]
    process = subprocess.Popen(
        [sys.executable, "-c", _AT_TERMINAL, *words],
        env=environment(),
        stdin=other,
        stdout=other,
        stderr=other,
        start_new_session=True,
    )
    os.close(other)
    said, waiting, deadline = b"", list(answers), time.monotonic() + PATIENCE
    asked = 0
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                break
            if not part:
                break
            said += part
        if waiting and said[asked:].rstrip().endswith(b":"):
            asked = len(said)
            os.write(terminal, f"{waiting.pop(0)}\n".encode())
    os.close(terminal)
    return Ran(process.wait(PATIENCE), said.decode(), "")


@pytest.fixture(scope="module")
def phrase(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("secret") / "licet-passphrase"
    file.write_text(f"{_PHRASE}\n")
    return file


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, phrase: Path) -> Path:
    return founded(tmp_path_factory.mktemp("identity") / "data", "--passphrase", "--passphrase-file", phrase)


def unattended(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Without any terminal, as a service runs."""
    command = [sys.executable, "-m", "licet", "identity", *map(str, arguments)]
    return subprocess.run(
        command,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("given", ["a file", "a credential"])
def test_a_server_is_started_with_a_passphrase(data: Path, phrase: Path, tmp_path: Path, given: str) -> None:
    tmp_path.chmod(0o755)
    options: list[str | Path] = ["--data", data, "--socket", tmp_path / "s"]
    changes = {"CREDENTIALS_DIRECTORY": str(phrase.parent)} if given == "a credential" else {}
    if given == "a file":
        options += ["--passphrase-file", phrase]
    with running("serve", tmp_path / "log", *options, **changes):
        assert fetch(tmp_path / "s").id == OWN
    assert not (data / "sealing.key").exists()


@pytest.mark.parametrize("command", [("serve", "--socket", "s"), ("rotate", "intermediate"), ("backup", "--out", "b")])
def test_without_a_terminal_one_line_says_what_is_missing(data: Path, command: tuple[str, ...]) -> None:
    ran = unattended(*command, "--data", data)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "licet: a passphrase is needed, and there is no terminal to ask at: name its file, or give the service "
        "systemd's credential `licet-passphrase`\n"
    )


def test_a_wrong_passphrase_and_none_are_one_line(data: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong horse battery")
    ran = unattended("rotate", "intermediate", "--data", data, "--passphrase-file", tmp_path / "wrong")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("licet: the passphrase is not the one that keys were sealed with: ")
    assert "horse" not in ran.stderr
    ran = unattended("rotate", "intermediate", "--data", data, "--passphrase-file", tmp_path / "none")
    assert (
        ran.stderr
        == f"licet: `{tmp_path}/none` cannot be read: no such file or directory: name the file of the passphrase\n"
    )


def test_at_a_terminal_it_is_asked_for_unseen(data: Path) -> None:
    ran = typed(data, "rotate", "intermediate", answers=(_PHRASE,))
    assert ran.code == 0, ran.out
    assert ran.out.count("Passphrase:") == 1
    assert _PHRASE not in ran.out
    ran = typed(data, "rotate", "intermediate", answers=("wrong horse battery",))
    assert ran.code == 2
    assert "the passphrase is not the one" in ran.out


def test_founding_asks_twice_and_no_third_time(tmp_path: Path) -> None:
    ran = typed(tmp_path / "data", "init", "--trust-domain", "a.example", "--passphrase", answers=(_PHRASE, _PHRASE))
    assert ran.code == 0, ran.out
    assert ran.out.lower().count("passphrase:") + ran.out.lower().count("confirmation:") == 2
    ran = typed(tmp_path / "data", "reseal", answers=(_PHRASE,))
    assert ran.code == 0, ran.out
    assert licet("identity", "rotate", "intermediate", "--data", tmp_path / "data").code == 0


def test_a_backup_with_a_passphrase_is_rehearsed_without_asking_again(data: Path, tmp_path: Path) -> None:
    words = ("backup", "--out", tmp_path / "b", "--backup-passphrase", "--rehearse")
    ran = typed(data, *words, answers=("another horse battery", "another horse battery", _PHRASE))
    assert ran.code == 0, ran.out
    assert "keys open" in ran.out
    assert "does not open" not in ran.out
    phrase = tmp_path / "phrase"
    phrase.write_text("another horse battery")
    told = unattended("restore", tmp_path / "b", "--check", "--backup-passphrase-file", phrase)
    assert told.returncode == 1
    assert "the domain's secret is not given" in told.stdout


def test_secrets_that_contradict_each_other_are_wrong_usage(data: Path, phrase: Path, tmp_path: Path) -> None:
    both = ("--backup-passphrase-file", phrase, "--backup-key-file", tmp_path / "key")
    told = unattended("backup", "--data", data, "--out", tmp_path / "b", *both)
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert "say the same" in told.stderr
    assert list(tmp_path.iterdir()) == []
