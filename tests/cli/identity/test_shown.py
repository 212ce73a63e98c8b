"""What a trust domain says of names that somebody gave it moves no cursor."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import licet
from tests.cli.identity.running import founded


def test_a_name_that_is_not_known_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    told = licet("identity", "entries", "rm", "--data", founded(tmp_path / "data"), "a\x1b[2J\u202eb")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("licet: no entry `a\u241b[2J\ufffdb`: ")
