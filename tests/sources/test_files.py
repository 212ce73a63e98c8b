"""Reading files, pipes and standard input, within limits."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from licet.diag.text import Text
from licet.sources import Fetched, SourceError, fetch, limits

POD = b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def codes(fetched: Fetched) -> list[str]:
    return [diagnostic.code for diagnostic in fetched.diagnostics]


def test_files_folders_and_standard_input_mix_in_the_order_given(here: Path) -> None:
    (here / "k8s").mkdir()
    (here / "k8s" / "b.yaml").write_bytes(b"b: 1")
    (here / "a").write_bytes(b"a: 1")
    assert fetch(["a", "-", "k8s", "-"], stdin=io.BytesIO(POD)) == Fetched(
        [Text("a", b"a: 1"), Text("<stdin>", POD), Text("k8s/b.yaml", b"b: 1")], [], frozenset({"a", "<stdin>"})
    )


def test_a_pipe_that_is_named_is_read(here: Path) -> None:
    os.mkfifo("pipe")
    writer = threading.Thread(target=(here / "pipe").write_bytes, args=(POD,))
    writer.start()
    try:
        assert fetch(["pipe"]).texts == [Text("pipe", POD)]
    finally:
        writer.join()


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_text_with_a_byte_order_mark_is_text(mark: bytes, here: Path) -> None:
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(mark, "utf-8")
    data = mark + POD.decode().encode(encoding)
    (here / "a.yaml").write_bytes(data)
    assert fetch(["."]).texts == [Text("a.yaml", data)]


def test_a_binary_is_a_finding_and_the_rest_is_read(here: Path) -> None:
    (here / "a.yaml").write_bytes(b"\x7fELF\0\0\0")
    (here / "b.yaml").write_bytes(POD)
    found = fetch(["."])
    assert found.texts == [Text("b.yaml", POD)]
    assert codes(found) == ["L0002"]
    assert found.diagnostics[0].message == "`a.yaml` is binary, not YAML or JSON"


def test_a_folder_under_a_manifests_name_is_walked(here: Path) -> None:
    (here / "a.yaml").mkdir()
    (here / "a.yaml" / "b.yaml").write_bytes(POD)
    assert [text.source for text in fetch(["."]).texts] == ["a.yaml/b.yaml"]


def test_a_file_over_the_limit_is_refused_without_reading_it(here: Path) -> None:
    with (here / "huge.yaml").open("wb") as stream:
        stream.truncate(limits.FILE + 1)
    (here / "b.yaml").write_bytes(POD)
    found = fetch(["."])
    assert found.texts == [Text("b.yaml", POD)]
    assert codes(found) == ["L0003"]


def test_all_files_together_have_a_limit(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TOTAL", 2 * len(POD))
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        (here / name).write_bytes(POD)
    found = fetch(["."])
    assert [text.source for text in found.texts] == ["a.yaml", "b.yaml"]
    assert codes(found) == ["L0004"]


def test_standard_input_over_the_limit_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILE", 16)
    assert codes(fetch(["-"], stdin=io.BytesIO(POD))) == ["L0003"]


def test_json_without_a_kubernetes_object_is_passed_by_in_a_folder_and_read_when_named(here: Path) -> None:
    (here / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
    (here / "tsconfig.json").write_text('{\n  // comments\n  "compilerOptions": {}\n}')
    (here / "pod.json").write_text('{"apiVersion": "v1", "kind": "Pod"}')
    found = fetch(["."])
    assert [text.source for text in found.texts] == ["pod.json"]
    assert found.named == frozenset()
    assert fetch(["package.json"]).named == {"package.json"}


def test_a_file_that_the_system_refuses_is_a_finding(here: Path) -> None:
    """The folder of the process is one that even root cannot read a file of: its memory, from outside a mapping."""
    refused = Path("/proc/self/mem")
    if not refused.exists():
        pytest.skip("no /proc here")
    (here / "a.yaml").write_bytes(POD)
    os.symlink(refused, "b.yaml")
    found = fetch(["."])
    assert [text.source for text in found.texts] == ["a.yaml"]
    assert codes(found) == ["L0001"]
    assert found.diagnostics[0].message == "`b.yaml` cannot be read: input/output error"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_and_a_folder_without_permission_are_findings(here: Path) -> None:
    (here / "a.yaml").write_bytes(POD)
    (here / "a.yaml").chmod(0)
    (here / "closed").mkdir(mode=0)
    assert codes(fetch(["."])) == ["L0001", "L0001"]


def test_without_permission_nothing_is_hidden_from_another_user(here: Path) -> None:
    """As root, the same is asked of a child that has given root up."""
    if os.geteuid() != 0:
        pytest.skip("only root can become someone else")
    (here / "k8s" / "closed").mkdir(parents=True)
    (here / "k8s" / "closed").chmod(0)
    (here / "k8s" / "a.yaml").write_bytes(POD)
    (here / "k8s" / "a.yaml").chmod(0)
    program = (
        "import os, sys; from licet.sources import fetch, findings; os.setgid(65534); os.setuid(65534);"
        "found = fetch(['.']); print([(each.code, each.message) for each in found.diagnostics], found.texts)"
    )
    for folder in (here, *here.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    said = subprocess.run(
        [sys.executable, "-c", program],
        cwd=here / "k8s",
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (
        said.stdout.strip()
        == str(
            (
                [
                    ("L0001", "`closed` cannot be read: permission denied"),
                    ("L0001", "`a.yaml` cannot be read: permission denied"),
                ],
            )
        )
        .removeprefix("(")
        .removesuffix(",)")
        + " []"
    ), said.stderr


def test_a_socket_that_is_named_is_a_finding(here: Path) -> None:
    import socket

    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind("s")
        assert codes(fetch(["s"])) == ["L0001"]
    finally:
        listening.close()
    assert here.is_dir()


def test_standard_input_that_cannot_be_read_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with (
        os.fdopen(reading),
        io.BufferedReader(io.FileIO(writing, "r")) as wrong,
        pytest.raises(SourceError, match="standard input cannot be read: bad file descriptor"),
    ):
        fetch(["-"], stdin=wrong)
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SourceError, match="standard input is closed"):
        fetch(["-"])
