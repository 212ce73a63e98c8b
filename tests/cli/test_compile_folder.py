"""`licet compile --out`: what is removed, what stays, and that all files change or none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from licet.app.replacement import Put, replace
from tests.cli.command import deployment, environment
from tests.cli.test_compile import compiled, files

TARGETS = ["networkpolicy", "clusternetworkpolicy"]


def contract(name: str, namespace: str) -> str:
    """A Contract that neither serves nor calls."""
    return (
        "---\napiVersion: licet.dev/v1alpha1\nkind: Contract\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{targetRef: {{kind: Deployment, name: {name}}}}}\n"
    )


def write(folder: Path, file: str, *names: str, namespace: str = "shop", text: str = "") -> None:
    """A file of workloads with their contracts."""
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "".join(deployment(n, namespace) + contract(n, namespace) for n in names))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("text", ["", deployment("a") + deployment("b")])
def test_without_a_contract_nothing_is_removed(target: str, text: str, tmp_path: Path) -> None:
    write(tmp_path, "k8s/all.yaml", "a", "b")
    assert compiled("k8s", "--out", "pol", "--target", target, cwd=tmp_path).code == 0
    before = files(tmp_path / "pol")
    (tmp_path / "k8s" / "all.yaml").write_text(text)
    ran = compiled("k8s", "--out", "pol", "--target", target, cwd=tmp_path)
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert len(files(tmp_path / "pol")) == 2
    assert files(tmp_path / "pol") == before


@pytest.mark.parametrize("target", TARGETS)
def test_what_its_contract_no_longer_asks_for_goes(target: str, tmp_path: Path) -> None:
    """With its contract or the file of that, where the run reads that folder and others of the namespace."""
    write(tmp_path, "k8s/a.yaml", "a")
    write(tmp_path, "k8s/b.yaml", "b", "c")
    compiled("k8s", "--out", "pol", "--target", target, cwd=tmp_path)
    write(tmp_path, "k8s/b.yaml", "b")
    ran = compiled("k8s", "--out", "pol", "--target", target, cwd=tmp_path)
    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if line.startswith("removed ")] == [
        "removed " + ("shop/licet-c" if target == "networkpolicy" else "licet-shop.c") + f".{target}.yaml"
    ]
    (tmp_path / "k8s" / "b.yaml").unlink()
    shown = compiled("k8s", "--out", "pol", "--target", target, "--diff", cwd=tmp_path)
    assert "+++ /dev/null" in shown.out
    assert len(files(tmp_path / "pol")) == 2
    compiled("k8s", "--out", "pol", "--target", target, cwd=tmp_path)
    assert len(files(tmp_path / "pol")) == 1


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("namespace", ["shop", "bank"])
def test_two_teams_may_share_a_folder(target: str, namespace: str, tmp_path: Path) -> None:
    write(tmp_path, "one/all.yaml", "a")
    write(tmp_path, "two/all.yaml", "b", namespace=namespace)
    compiled("one", "--out", "pol", "--target", target, cwd=tmp_path)
    ran = compiled("two", "--out", "pol", "--target", target, cwd=tmp_path)
    assert len(files(tmp_path / "pol")) == 2
    assert ran.code == 0
    assert "L0407" in ran.err
    assert "1 new" in ran.out


def test_two_teams_in_folders_of_the_same_names_may_share_one(tmp_path: Path) -> None:
    for team, namespace in (("one", "shop"), ("two", "bank")):
        write(tmp_path / team, "k8s/all.yaml", "a", namespace=namespace)
        compiled("k8s", "--out", "../pol", cwd=tmp_path / team)
    assert sorted(files(tmp_path / "pol")) == ["bank/licet-a.networkpolicy.yaml", "shop/licet-a.networkpolicy.yaml"]


def test_what_stands_elsewhere_below_the_folder_is_nobodys_business(tmp_path: Path) -> None:
    write(tmp_path, "k8s/all.yaml", "a", "b")
    compiled("k8s", "--out", "other/policies", cwd=tmp_path)
    write(tmp_path, "k8s/all.yaml", "a")
    compiled("k8s", "--out", ".", cwd=tmp_path)
    assert len(files(tmp_path / "other")) == 2


def test_what_is_not_proved_removes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "k8s/all.yaml", "a", "b")
    compiled("k8s", "--out", "pol", cwd=tmp_path)
    write(tmp_path, "k8s/all.yaml", "a")
    (tmp_path / "k8s" / "open.yaml").write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open, namespace: shop}\n"
        "spec: {podSelector: {}, ingress: [{}]}\n"
    )
    ran = compiled("k8s", "--out", "pol", cwd=tmp_path)
    assert ran.code == 1
    assert len(files(tmp_path / "pol")) == 2
    assert "a run removes nothing where not all is proved" in ran.err


def test_what_stays_among_the_paths_is_proved_with_the_rest(tmp_path: Path) -> None:
    """A policy of another team's run that lets in what nobody agreed to is no less there for being compiled."""
    write(tmp_path, "one/all.yaml", "a")
    write(tmp_path, "two/all.yaml", "a", "b")
    compiled("one", "--out", "two/policies", cwd=tmp_path)
    file = tmp_path / "two" / "policies" / "shop" / "licet-a.networkpolicy.yaml"
    moved = file.with_name("licet-z.networkpolicy.yaml")
    text = file.read_text().replace("name: licet-a", "name: licet-z").replace("app: a", "app: b")
    moved.write_text(f"{text}  ingress:\n    - {{}}\n")
    file.unlink()
    ran = compiled("two", "--out", "two/policies", "-o", "json", cwd=tmp_path)
    assert moved.exists()
    assert not json.loads(ran.out)["proof"]["holds"]


_KILLED = """
import os, signal, sys
real, calls = os.replace, []
def replace(*paths):
    real(*paths)
    calls.append(paths)
    if len(calls) == 1:
        os.kill(os.getpid(), int(sys.argv[1]))
os.replace = replace
from licet.cli.run import run
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("command", ["compile", "init"])
def test_a_signal_between_two_files_waits_for_the_last(
    command: str, number: signal.Signals, code: int, tmp_path: Path
) -> None:
    if command == "compile":
        write(tmp_path, "k8s/all.yaml", "a", "b", "c")
    else:
        write(tmp_path, "k8s/all.yaml", text="".join(deployment(name) for name in "abc"))
    ran = subprocess.run(
        [sys.executable, "-c", _KILLED, str(int(number)), command, "k8s", "--out", "out"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (code, b"licet: interrupted\n")
    assert len(files(tmp_path / "out")) == 3
    assert all(name.endswith(".yaml") for name in files(tmp_path / "out"))


@pytest.mark.parametrize("at", range(4))
def test_where_one_file_fails_all_are_as_they_were(at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "old").chmod(0o640)
    (tmp_path / "gone").write_text("gone")
    real: dict[str, Callable[..., None]] = {"replace": os.replace, "unlink": os.unlink}
    calls = [0]

    def failing(name: str) -> None:
        def call(*paths: str) -> None:
            if "licet" not in str(paths[-1]):
                calls[0] += 1
                if calls[0] == at + 1:
                    raise OSError(5, "input/output error")
            real[name](*paths)

        monkeypatch.setattr(os, name, call)

    for name in real:
        failing(name)
    puts = [
        Put(str(tmp_path / "old"), b"new"),
        Put(str(tmp_path / "a" / "b" / "fresh"), b"fresh"),
        Put(str(tmp_path / "gone"), None),
        Put(str(tmp_path / "a" / "last"), b"last"),
    ]
    with pytest.raises(OSError, match="input/output"):
        replace(puts)
    monkeypatch.undo()
    assert files(tmp_path) == {"old": "old", "gone": "gone"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gone", "old"]
    replace(puts)
    assert files(tmp_path) == {"old": "new", "a/b/fresh": "fresh", "a/last": "last"}
    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o640
