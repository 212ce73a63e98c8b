"""`licet identity backup` and `restore` as an administrator under stress runs them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command import licet
from tests.cli.identity.running import founded


def test_a_restore_says_what_is_gone_and_what_to_do(tmp_path: Path) -> None:
    data, file = founded(tmp_path / "data"), tmp_path / "b"
    made = licet("identity", "backup", "--data", data, "--out", file, "--rehearse", "-o", "json")
    assert made.code == 0, made.err
    told = json.loads(made.out)
    assert (told["schema"], told["trust_domain"], told["opens_with"]) == (
        "licet.dev/backup/v1",
        "shop.example",
        "domain",
    )
    assert (told["rehearsed"]["keys_opened"], told["rehearsed"]["keys_unopened"]) == (5, [])

    again = licet("identity", "backup", "--data", data, "--out", file)
    assert (again.code, again.out) == (2, "")
    assert again.err == f"licet: `{file}` is already there: name another file, or add --force\n"

    where = ("--data", tmp_path / "new", "--key-file", data / "sealing.key")
    restored = licet("identity", "restore", file, *where)
    assert restored.code == 0, restored.err
    assert restored.out.startswith("restored shop.example as it was at ")
    assert "and the log holds" in restored.out
    for line in (
        "What happened after ",
        "`licet identity taint` replaces everything if in doubt",
        "revoke and ban them again",
        "taint them again",
        "make new join tokens",
    ):
        assert line in restored.err
    again = licet("identity", "restore", file, *where)
    assert (again.code, again.out) == (2, "")
    assert "already: `licet identity status` shows it" in again.err


def test_a_broken_backup_is_one_line(tmp_path: Path) -> None:
    data, file = founded(tmp_path / "data"), tmp_path / "b"
    assert licet("identity", "backup", "--data", data, "--out", file).code == 0
    file.write_bytes(file.read_bytes()[:-20])
    for more in ((), ("--check",)):
        ran = licet("identity", "restore", file, "--data", tmp_path / "new", "--key-file", data / "sealing.key", *more)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == f"licet: backup `{file}` is cut short: use another copy of it, or another backup\n"
    assert not (tmp_path / "new").exists()


def test_a_backup_that_cannot_be_written_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "none" / "x"
    assert licet("identity", "init", "--trust-domain", "shop.example", "--data", data).code == 0
    ran = licet("identity", "backup", "--data", data, "--out", out)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"licet: `{out}` cannot be written: no such file or directory: ")
