"""Git revisions: what stood there is read, nothing else, and nothing of it gets out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from licet.diag.text import Text
from licet.sources import Fetched, SourceError, fetch, fetch_version, limits
from tests.kubectl import helm, kubectl

OLD = b"apiVersion: v1\nkind: Pod\nmetadata: {name: old}\n"
NEW = b"apiVersion: v1\nkind: Pod\nmetadata: {name: new}\n"


def git(*arguments: str, stdin: bytes = b"") -> str:
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **identity}
    done = subprocess.run(["git", *arguments], env=environment, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


def write(path: str, data: bytes) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(data)


def commit() -> str:
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", "x: y")
    return git("rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with `k8s/a.yaml` in an old and, uncommitted, in a new state."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(tmp_path / "repository")
    git("init", "--quiet", "--initial-branch", "trunk")
    write("k8s/a.yaml", OLD)
    write("top.yaml", OLD)
    commit()
    write("k8s/a.yaml", NEW)
    return tmp_path / "repository"


def sources(fetched: Fetched) -> list[str]:
    return [text.source for text in fetched.texts]


@pytest.mark.parametrize("revision", ["HEAD", "trunk", "HEAD^{/x: y}", "HEAD@{0}"])
def test_a_revision_is_read_as_it_stood(revision: str) -> None:
    assert fetch_version(f"{revision}:k8s") == Fetched([Text(f"{revision}:k8s/a.yaml", OLD)], [])


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ("HEAD", ["HEAD:k8s/a.yaml"]),
        ("HEAD:", ["HEAD:k8s/a.yaml", "HEAD:top.yaml"]),
        ("HEAD:./a.yaml", ["HEAD:k8s/a.yaml"]),
        ("HEAD:../top.yaml", ["HEAD:top.yaml"]),
        ("HEAD:k8s/../k8s/", ["HEAD:k8s/a.yaml"]),
        (".", ["a.yaml"]),
        ("a.yaml", ["a.yaml"]),
    ],
)
def test_a_path_counts_as_git_counts_it(version: str, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("k8s")
    assert sources(fetch_version(version)) == found


def test_a_path_that_exists_wins() -> None:
    git("branch", "k8s")
    assert fetch_version("k8s").texts == [Text("k8s/a.yaml", NEW)]
    write("trunk:k8s/b.yaml", NEW)
    assert sources(fetch_version("trunk:k8s")) == ["trunk:k8s/b.yaml"]


def test_a_folder_and_its_revision_differ_in_nothing_but_the_names(here: Path) -> None:
    write("k8s/b/c.json", b'{"kind": "Pod"}')
    write("k8s/b/binary.yaml", b"\0\0")
    write("k8s/.hidden.yaml", NEW)
    os.symlink("../a.yaml", "k8s/b/link.yaml")
    os.symlink("b", "k8s/folder")
    (here / "k8s/b/c.json").chmod(0o755)
    commit()
    plain, revised = fetch(["k8s"], exclude=["k8s/a.*"]), fetch_version("HEAD:k8s", exclude=["k8s/a.*"])
    assert [(f"HEAD:{text.source}", text.data) for text in plain.texts] == [(t.source, t.data) for t in revised.texts]
    assert [each.code for each in plain.diagnostics] == [each.code for each in revised.diagnostics] == ["L0002"]


def test_attributes_and_filters_change_nothing() -> None:
    """`git archive` would leave the file out, and a checkout would run the filter."""
    write("k8s/.gitattributes", b"a.yaml export-ignore export-subst filter=evil\n")
    git("config", "filter.evil.smudge", "touch ../evil; cat")
    commit()
    assert fetch_version("HEAD:k8s").texts == [Text("HEAD:k8s/a.yaml", NEW)]
    assert not Path("evil").exists()
    assert not Path("../evil").exists()


@pytest.mark.parametrize(
    ("version", "message", "help"),
    [
        ("trnk", "`trnk` is neither a path nor a git revision", "did you mean `trunk`?"),
        ("nothing-like-it", "`nothing-like-it` is neither", "name a path, a branch, a tag or a commit"),
        ("k8", "`k8` is neither a path nor a git revision", "did you mean `k8s`?"),
        ("HEAD:gone", "`gone` is not in `HEAD`", "see `git ls-tree --name-only HEAD`"),
        ("HEAD:../x", "`HEAD:../x` leads out of the repository", "name a path inside it"),
        (":k8s", "`:k8s` is neither", "did you mean `k8s`?"),
        ("--output=x", "`--output=x` is neither", "name a path, a branch, a tag or a commit"),
        ("--exec=touch x:k8s", "`--exec=touch x:k8s` is neither", "name a path, a branch, a tag or a commit"),
        ("HEAD:.gitkeep", "`HEAD:.gitkeep` holds no", ""),
    ],
)
def test_what_is_not_there_is_wrong_usage(version: str, message: str, help: str) -> None:
    if version == "HEAD:.gitkeep":
        write("empty/.gitkeep", b"")
        commit()
        version, message = "HEAD:empty", "`HEAD:empty` holds no manifests"
    with pytest.raises(SourceError) as raised:
        fetch_version(version)
    assert raised.value.message.startswith(message)
    assert raised.value.help.startswith(help)
    assert sorted(os.listdir()) in ([".git", "k8s", "top.yaml"], [".git", "empty", "k8s", "top.yaml"])


def test_outside_a_repository_it_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="`HEAD` is neither a path nor a revision: not a git repository"):
        fetch_version("HEAD")


def test_without_git_it_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceError, match="`git` is not installed"):
        fetch_version("HEAD")


def test_links_that_lead_out_are_left_out_and_told(here: Path) -> None:
    """The second looks harmless name by name, and leads out through the first."""
    (here.parent / "secret.yaml").write_bytes(NEW)
    os.symlink("/etc", "k8s/absolute")
    os.symlink("../../secret.yaml", "k8s/out.yaml")
    os.makedirs("k8s/d/e")
    os.symlink("../../..", "k8s/d/e/top")
    os.symlink("d/e/top/../../../../../../../../../etc/hostname", "k8s/through.yaml")
    commit()
    found = fetch_version("HEAD:k8s")
    assert sources(found) == ["HEAD:k8s/a.yaml"]
    assert [(each.code, each.message.split("`")[1]) for each in found.diagnostics if each.code == "L0030"] == [
        ("L0030", "HEAD:k8s/absolute"),
        ("L0030", "HEAD:k8s/out.yaml"),
        ("L0030", "HEAD:k8s/through.yaml"),
    ]


def test_a_submodule_is_told() -> None:
    """Its files stand in the folder, and not in the revision: a diff would call them new."""
    git("update-index", "--add", "--cacheinfo", f"160000,{git('rev-parse', 'HEAD')},k8s/vendored")
    git("commit", "--quiet", "--message", "x")
    found = fetch_version("HEAD:k8s")
    assert sources(found) == ["HEAD:k8s/a.yaml"]
    assert [(each.code, each.message.split("`")[1]) for each in found.diagnostics] == [("L0030", "HEAD:k8s/vendored")]


def test_a_file_over_the_limit_is_told_as_in_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    write("k8s/b.yaml", OLD * 10)
    write("k8s/c.yaml", OLD)
    commit()
    monkeypatch.setattr(limits, "FILE", len(OLD) * 5)
    for found in (fetch(["k8s"]), fetch_version("HEAD:k8s")):
        assert [text.source.rpartition("/")[2] for text in found.texts] == ["a.yaml", "c.yaml"]
        assert [each.code for each in found.diagnostics] == ["L0003"]


def test_a_tree_that_no_checkout_may_have_does_no_harm(here: Path) -> None:
    blob = git("hash-object", "-w", "--stdin", stdin=NEW)
    inner = git("mktree", stdin=f"100644 blob {blob}\tevil.yaml\n100644 blob {blob}\tfine.yaml\n".encode())
    # git writes no tree with such a name; a hostile server may
    raw = b"40000 ..\0" + bytes.fromhex(inner) + b"40000 k8s\0" + bytes.fromhex(inner)
    tree = git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=raw)
    assert sources(fetch_version(f"{tree}:")) == [f"{tree}:k8s/evil.yaml", f"{tree}:k8s/fine.yaml"]
    assert not (here.parent / "evil.yaml").exists()


def test_a_tree_with_a_file_and_a_folder_of_one_name_is_told() -> None:
    blob = git("hash-object", "-w", "--stdin", stdin=NEW)
    inner = git("mktree", stdin=f"100644 blob {blob}\ta.yaml\n".encode())
    raw = b"100644 x\0" + bytes.fromhex(blob) + b"40000 x\0" + bytes.fromhex(inner)
    tree = git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=raw)
    with pytest.raises(SourceError, match="git does not give the files"):
        fetch_version(tree)


def test_a_kustomization_builds_on_the_rest_of_its_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(kubectl().parent), os.environ["PATH"]]))
    write("k8s/kustomization.yaml", b"resources: [a.yaml]")
    write("prod/kustomization.yaml", b"namePrefix: prod-\nresources: [../k8s]")
    commit()
    write("k8s/a.yaml", OLD)
    [text] = fetch_version("HEAD:prod").texts
    assert text.source == "rendered by kustomize: HEAD:prod"
    assert b"name: prod-new" in text.data
    assert fetch_version("HEAD:prod/kustomization.yaml").texts == [text]


def test_what_a_tool_says_names_no_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(helm().parent), str(kubectl().parent), os.environ["PATH"]]))
    write("shop/Chart.yaml", b"apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    write("shop/templates/x.yaml", b"{{ fail `no` }}")
    write("prod/kustomization.yaml", b"resources: [../gone]")
    commit()
    found = fetch_version("HEAD:shop").diagnostics + fetch_version("HEAD:prod").diagnostics
    assert [each.code for each in found] == ["L0011", "L0021"]
    assert "HEAD:" in found[1].notes[0]
    assert not any("licet-" in note for each in found for note in each.notes)


def test_a_chart_in_a_revision_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(helm().parent), os.environ["PATH"]]))
    write("shop/Chart.yaml", b"apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    write("shop/templates/x.yaml", NEW)
    commit()
    assert sources(fetch_version("HEAD:shop")) == ["rendered by helm: HEAD:shop/templates/x.yaml"]


def test_a_file_that_the_clone_does_not_hold_is_told_and_not_fetched(
    tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("config", "uploadpack.allowFilter", "true")
    git("clone", "--quiet", "--no-checkout", "--filter=blob:none", f"file://{here}", str(tmp_path / "partial"))
    monkeypatch.chdir(tmp_path / "partial")
    with pytest.raises(SourceError, match="git does not give the files of `HEAD:k8s`: ") as raised:
        fetch_version("HEAD:k8s")
    assert raised.value.help == "try `git fsck`, or `git fetch --refetch` where the clone is partial"


def test_in_a_shallow_clone_the_way_out_is_named(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = git("rev-parse", "HEAD")
    commit()
    git("clone", "--quiet", "--depth", "1", f"file://{here}", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    with pytest.raises(SourceError) as raised:
        fetch_version(older)
    assert raised.value.message == (
        f"`{older}` is neither a path nor a git revision, or this clone does not hold it: it is shallow"
    )
    assert (
        raised.value.help == "name a path, a branch, a tag or a commit, or bring the rest with `git fetch --unshallow`"
    )
    assert sources(fetch_version("HEAD:k8s")) == ["HEAD:k8s/a.yaml"]
