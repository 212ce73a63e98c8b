"""Files of one user: whole or not at all, and nothing of them lies about."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from licet.store import private_file

KILLED = """
import os, signal, sys
from pathlib import Path
from licet.store import private_file
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
private_file.replace(Path(sys.argv[1]), b"fresh")
"""


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    file = tmp_path / "key"
    private_file.replace(file, b"old")
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False)
        assert done.returncode == -9
        assert file.read_bytes() == b"old"
        assert names(tmp_path) == {"key", "key.new"}
    private_file.replace(file, b"fresh")
    assert file.read_bytes() == b"fresh"
    assert names(tmp_path) == {"key"}


def test_a_file_that_others_could_read_is_so_no_more(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.touch(0o644)
    private_file.write(file, b"secret")
    assert (stat.S_IMODE(file.stat().st_mode), file.read_bytes()) == (0o600, b"secret")


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"another's")
    (tmp_path / "key.new").symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"):
        private_file.replace(tmp_path / "key", b"secret")
    assert elsewhere.read_bytes() == b"another's"
    assert names(tmp_path) == {"elsewhere"}


def test_a_file_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()
    with pytest.raises(IsADirectoryError):
        private_file.replace(tmp_path / "key", b"secret")
    assert names(tmp_path) == {"key"}


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    private_file.replace(tmp_path / "key", b"secret")
    opened = [os.path.realpath(f"/proc/self/fd/{descriptor}") for descriptor in os.listdir("/proc/self/fd")]
    assert [name for name in opened if name.startswith(str(tmp_path))] == []
