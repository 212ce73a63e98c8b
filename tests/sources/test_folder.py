"""Walking real folders: loops, links, pipes, names that are no text."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from licet.diag.diagnostic import Severity
from licet.sources import SourceError, fetch

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: str, text: str = POD) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def sources(*paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return [text.source for text in fetch(paths, exclude=exclude).texts]


def codes(*paths: str) -> list[tuple[str, Severity, str]]:
    found = []
    for diagnostic in fetch(paths).diagnostics:
        where = diagnostic.where
        assert where is None or hasattr(where, "source")
        assert diagnostic.help
        found.append((diagnostic.code, diagnostic.severity, where.source if where is not None else ""))
    return found


def test_a_folder_gives_its_manifests_by_name_and_leaves_the_rest() -> None:
    for name in ("b.yaml", "a/z.yml", "a/y.JSON", "c.YAML"):
        write(f"k8s/{name}", '{"kind": "Pod"}')
    for name in ("notes.md", ".hidden.yaml", ".git/x.yaml", "node_modules/p/x.yaml", "a/values.tpl"):
        write(f"k8s/{name}")
    assert sources("k8s") == ["k8s/a/y.JSON", "k8s/a/z.yml", "k8s/b.yaml", "k8s/c.YAML"]
    assert codes("k8s") == []


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (".", "k8s/a.yaml"),
        ("./k8s/", "k8s/a.yaml"),
        ("k8s/../k8s/a.yaml", "k8s/a.yaml"),
        ("../{here}/k8s", "../{here}/k8s/a.yaml"),
        ("{absolute}/k8s", "k8s/a.yaml"),
    ],
)
def test_a_source_goes_by_the_name_that_the_user_would_write(path: str, shown: str, here: Path) -> None:
    write("k8s/a.yaml")
    assert sources(path.format(here=here.name, absolute=here)) == [shown.format(here=here.name)]


def test_no_path_means_the_current_folder() -> None:
    write("a.yaml")
    assert sources() == ["a.yaml"]


def test_a_file_is_read_once_whatever_ways_lead_to_it() -> None:
    write("k8s/v2/a.yaml")
    os.symlink("v2", "k8s/current")
    os.symlink("v2/a.yaml", "k8s/a.yaml")
    os.link("k8s/v2/a.yaml", "k8s/v2/b.yaml")
    assert sources("k8s", "k8s/v2/a.yaml", "k8s") == ["k8s/v2/a.yaml"]


def test_a_file_keeps_its_own_name_where_a_link_comes_first() -> None:
    write("k8s/v2/a.yaml")
    os.symlink("v2", "k8s/current")
    assert sources("k8s") == ["k8s/v2/a.yaml"]


def test_a_folder_that_was_read_before_is_not_empty() -> None:
    write("k8s/a.yaml")
    assert sources("k8s", "k8s") == ["k8s/a.yaml"]


def test_a_mounted_config_map_is_read_through_its_links() -> None:
    write("mount/..2024/a.yaml")
    os.symlink("..2024", "mount/..data")
    os.symlink("..data/a.yaml", "mount/a.yaml")
    assert sources("mount") == ["mount/a.yaml"]


def test_a_link_out_of_the_folder_is_followed() -> None:
    write("elsewhere/a.yaml")
    write("k8s/b.yaml")
    os.symlink("../elsewhere", "k8s/more")
    assert sources("k8s") == ["k8s/b.yaml", "k8s/more/a.yaml"]


def test_a_loop_of_folders_ends_and_is_told() -> None:
    write("k8s/a/b/x.yaml")
    os.symlink("..", "k8s/a/up")
    os.symlink("../../..", "k8s/a/b/out")
    assert sources("k8s") == ["k8s/a/b/x.yaml"]
    assert codes("k8s") == [("L0005", Severity.WARNING, "k8s/a/b/out"), ("L0005", Severity.WARNING, "k8s/a/up")]


def test_a_link_to_the_root_of_the_file_system_is_not_followed() -> None:
    write("k8s/x.yaml")
    os.symlink("/", "k8s/root")
    assert sources("k8s") == ["k8s/x.yaml"]
    assert codes("k8s") == [("L0005", Severity.WARNING, "k8s/root")]


def test_two_folders_that_link_to_each_other_end() -> None:
    write("a/x.yaml")
    write("b/y.yaml")
    os.symlink("../b", "a/b")
    os.symlink("../a", "b/a")
    assert sources("a") == ["a/x.yaml", "a/b/y.yaml"]
    assert codes("a") == [("L0005", Severity.WARNING, "a/b/a")]


def test_a_link_to_itself_and_a_link_to_nothing_are_told() -> None:
    write("k8s/a.yaml")
    os.symlink("self.yaml", "k8s/self.yaml")
    os.symlink("gone.yaml", "k8s/broken.yaml")
    assert sources("k8s") == ["k8s/a.yaml"]
    assert codes("k8s") == [
        ("L0006", Severity.WARNING, "k8s/broken.yaml"),
        ("L0005", Severity.WARNING, "k8s/self.yaml"),
    ]


def test_pipes_and_sockets_in_a_folder_are_passed_by(here: Path) -> None:
    write("k8s/a.yaml")
    os.mkfifo("k8s/pipe.yaml")
    os.symlink("pipe.yaml", "k8s/link.yaml")
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind("k8s/socket.yaml")
        assert sources("k8s") == ["k8s/a.yaml"]
        assert codes("k8s") == []
    finally:
        listening.close()
    assert here.is_dir()


def test_a_name_that_is_no_text_can_be_printed() -> None:
    write("k8s/a.yaml")
    os.rename(b"k8s/a.yaml", b"k8s/\xff\x1b[31m.yaml")
    assert sources("k8s") == ["k8s/\\udcff\\x1b[31m.yaml"]


def test_a_very_deep_folder_is_walked() -> None:
    path = "k8s" + "/d" * 800
    os.makedirs(path)
    write(f"{path}/a.yaml")
    assert len(sources("k8s")) == 1


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (("*.test.yaml",), ["k8s/a.yaml", "k8s/dev/b.yaml", "k8s/dev/x/c.yaml"]),
        (("dev/",), ["k8s/a.test.yaml", "k8s/a.yaml"]),
        (("k8s/*.yaml",), ["k8s/dev/b.yaml", "k8s/dev/x/c.yaml"]),
        (("./k8s/**/c.yaml",), ["k8s/a.test.yaml", "k8s/a.yaml", "k8s/dev/b.yaml"]),
        (("/k8s/dev",), ["k8s/a.test.yaml", "k8s/a.yaml"]),
        (("**/x/**", "?.yaml"), ["k8s/a.test.yaml"]),
        (("[!a].yaml",), ["k8s/a.test.yaml", "k8s/a.yaml"]),
        (("a.yaml/",), ["k8s/a.test.yaml", "k8s/a.yaml", "k8s/dev/b.yaml", "k8s/dev/x/c.yaml"]),
    ],
)
def test_what_is_excluded_is_left_out(patterns: tuple[str, ...], left: list[str]) -> None:
    for name in ("a.yaml", "a.test.yaml", "dev/b.yaml", "dev/x/c.yaml"):
        write(f"k8s/{name}")
    assert sources("k8s", exclude=patterns) == left


def test_what_is_named_is_read_even_if_excluded() -> None:
    write("k8s/a.yaml")
    assert sources("k8s/a.yaml", exclude=("*.yaml",)) == ["k8s/a.yaml"]


def test_exclusion_counts_from_the_folder_of_the_settings(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    write("k8s/dev/a.yaml")
    write("k8s/b.yaml")
    monkeypatch.chdir("k8s")
    found = fetch(["."], exclude=["k8s/dev"], root=str(here))
    assert [text.source for text in found.texts] == ["b.yaml"]


def test_an_empty_folder_is_wrong_usage() -> None:
    write("k8s/notes.md")
    with pytest.raises(SourceError, match="`k8s` holds no manifests") as raised:
        fetch(["k8s"])
    assert raised.value.help


@pytest.mark.parametrize(
    ("path", "help"),
    [("k8", "did you mean `k8s`?"), ("k8s/deployment.yml", "did you mean `k8s/deployment.yaml`?")],
)
def test_a_path_that_is_not_there_is_wrong_usage_with_the_nearest_name(path: str, help: str) -> None:
    write("k8s/deployment.yaml")
    with pytest.raises(SourceError, match=f"`{path}` does not exist") as raised:
        fetch([path])
    assert raised.value.help == help


def test_a_link_to_nothing_that_is_named_does_not_propose_itself() -> None:
    os.symlink("gone", "k8s")
    with pytest.raises(SourceError, match="`k8s` does not exist") as raised:
        fetch(["k8s"])
    assert raised.value.help == "name a file, a folder, a chart or `-`"


def test_the_order_does_not_hang_on_the_file_system(here: Path) -> None:
    names = [f"{number * 7919 % 101:03}.yaml" for number in range(101)]
    for name in names:
        write(f"k8s/{name}")
    assert sources("k8s") == [f"k8s/{name}" for name in sorted(names)]
    assert here.is_dir()
