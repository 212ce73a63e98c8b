"""What a platform is written to is its own, fit for sockets, and gone with it; what a killed run left goes later."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from licet.app.up.folder import folder
from licet.diag.failure import Failure


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="licet-test-") as made:
        monkeypatch.setattr(tempfile, "tempdir", made)
        yield Path(made)


def test_it_is_this_users_alone_and_gone_afterwards(home: Path) -> None:
    with folder(None) as made:
        (made / "file").write_text("")
        assert made.parent == home
        assert made.stat().st_mode & 0o777 == 0o700
    assert list(home.iterdir()) == []


def test_what_a_killed_run_left_is_cleared_away_and_nothing_that_is_in_use(home: Path) -> None:
    left, other, link = home / "licet-up-left", home / "another", home / "licet-up-link"
    left.mkdir()
    (left / "file").write_text("")
    other.mkdir()
    link.symlink_to(other)
    with folder(None) as one, folder(None) as two:
        assert {*home.iterdir()} == {one, two, other, link}
    assert {*home.iterdir()} == {other, link}


def test_a_folder_that_is_named_is_kept(tmp_path: Path) -> None:
    with folder(tmp_path / "kept") as made:
        (made / "file").write_text("")
    assert (made / "file").exists()
    with pytest.raises(Failure, match=r"kept` is not empty: name a folder that is"), folder(tmp_path / "kept"):
        pass


def test_a_folder_that_others_may_write_to_is_not_taken(tmp_path: Path) -> None:
    """They could have it hold a link to a file of whoever runs this."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(Failure, match=r"^others may write to `.*shared`: name a folder of your own"), folder(shared):
        pass


def test_a_path_that_is_too_long_for_sockets_is_a_failure(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = home / ("x" * 90)
    with pytest.raises(Failure, match=r"too long for sockets in it: name a folder of at most 90 bytes"), folder(long):
        pass
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with pytest.raises(Failure, match=r"too long for sockets in it: `TMPDIR` names a shorter"), folder(None):
        pass
