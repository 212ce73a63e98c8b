"""`licet check --base`: what stood before a change may be nothing at all."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import deployment, licet
from tests.cli.test_check import git


def test_the_first_manifests_of_a_repository_are_a_change_of_nothing(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "README").write_text("no manifest yet\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "before")
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "web.yaml").write_text(deployment("web"))
    for path in (".", "k8s"):
        ran = licet("check", path, "--base", "main", cwd=tmp_path)
        assert (ran.code, ran.err) == (0, "")


def test_a_folder_that_is_named_as_what_stood_before_holds_manifests(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "web.yaml").write_text(deployment("web"))
    ran = licet("check", ".", "--base", "old", cwd=tmp_path)
    assert (ran.code, ran.err[:34]) == (2, "licet: `old` holds no manifests: n")
