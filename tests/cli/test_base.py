"""`licet check --base`: what stood before a change may be nothing at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import deployment, licet, service
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


CALLED = (
    deployment("b")
    + service("b", "shop", 90, 8080)
    + "---\napiVersion: licet.dev/v1alpha1\nkind: Contract\nmetadata: {name: b, namespace: shop}\n"
    "spec:\n  targetRef: {kind: Deployment, name: b}\n  owner: team-b\n"
    "  serves:\n  - {name: http, ports: [{port: 8080}], callers: {from: SameNamespace}}\n"
)


def repository(folder: Path, *paths: str) -> Path:
    """A repository that holds the called service in each of the folders."""
    for path in paths:
        (folder / path).mkdir(parents=True)
        (folder / path / "b.yaml").write_text(CALLED)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "before")
    return folder


@pytest.mark.parametrize(("old", "new"), [("k8s", "kk"), ("k8s", "deep/below/kk"), ("k8s/deep", "k8s/kk")])
@pytest.mark.parametrize("staged", [True, False])
def test_a_folder_that_was_moved_is_no_change_of_consent(old: str, new: str, staged: bool, tmp_path: Path) -> None:
    repository(tmp_path, old)
    (tmp_path / new).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / old).rename(tmp_path / new)
    if staged:
        git(tmp_path, "add", "-A")
    ran = licet("check", new, "--base", "main", "-o", "json", cwd=tmp_path)
    told = json.loads(ran.out)
    assert (told["change"], [one for one in told["findings"] if one["code"] == "L0466"]) == (
        {"more": [], "less": []},
        [],
    )
    (tmp_path / new / "b.yaml").write_text(CALLED.replace("from: SameNamespace", "from: All"))
    assert "error[L0466]" in licet("check", new, "--base", "main", cwd=tmp_path).out


def test_a_file_that_was_moved_is_no_change_of_consent(tmp_path: Path) -> None:
    file = repository(tmp_path, "k8s") / "k8s" / "b.yaml"
    file.rename(file.with_name("called.yaml"))
    assert "L0466" not in licet("check", "k8s/called.yaml", "--base", "main", cwd=tmp_path).out


@pytest.mark.parametrize("path", ["sub/k8s", "sub", "."])
def test_the_base_of_a_submodule_is_not_guessed(path: str, tmp_path: Path) -> None:
    inner = repository(tmp_path / "sub", "k8s")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "before")
    ran = licet("check", path, "--base", "HEAD", cwd=tmp_path)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "`sub/k8s/b.yaml` is in the submodule `sub`, whose files `HEAD` does not hold" in ran.err
    assert "L0466" not in licet("check", "k8s", "--base", "HEAD", cwd=inner).out
