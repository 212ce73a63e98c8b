"""The pages that are to be followed are followed: files written, edits made, commands run, what they print compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import Golden

ROOT = Path(__file__).parents[1]
SHOP = ROOT / "examples" / "shop"
BESIDE = Path(__file__).with_name("tutorial") / "platform.yaml"
STEP = re.compile(
    r"(?:^`(?P<file>\S+)`:\n\n)?^```(?P<form>yaml|diff|console)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
"""A fenced file or edit behind a line that names the file, or a fenced session."""
FAILED = re.compile(r"^licet: |^exit code (?![01]$)", re.MULTILINE)
"""Wrong usage, wrong input or a bug, also where another command speaks last."""
SECONDS = re.compile(r"\(\d+\.\d\d s\)")


class Reader:
    """Somebody who does what a page says, in a folder of their own."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self.commands = 0
        programs.mkdir()
        licet = programs / "licet"
        licet.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m licet "$@"\n')
        licet.chmod(0o755)
        person = {f"GIT_{role}_{field}": "reader" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            **person,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "110",
            "NO_COLOR": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_PAGER": "cat",
        }

    def take(self, step: re.Match[str]) -> str:
        """Do one step; what the page should show of it comes back."""
        file, form, body = step["file"], step["form"], step["body"]
        if form == "console":
            return f"```console\n{self._session(body)}```"
        if file is not None and form == "yaml":
            (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / file).write_text(body)
        elif file is not None:
            self._edit(self.folder / file, body)
        return step[0]

    def _edit(self, file: Path, change: str) -> None:
        lines = change.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        text = file.read_text()
        assert text.count(before) == 1, f"{file.name} holds this {text.count(before)} times:\n{before}"
        file.write_text(text.replace(before, after))

    def _session(self, body: str) -> str:
        shown = []
        for line in body.splitlines():
            if not line.startswith("$ "):
                continue
            self.commands += 1
            result = subprocess.run(
                ["sh", "-c", line[2:]],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                check=False,
            )
            assert result.returncode in (0, 1), f"{line}\n{result.stdout}"
            assert not FAILED.search(result.stdout), f"{line}\n{result.stdout}"
            assert sys.executable not in result.stdout, "the interpreter answered, not the command"
            printed = SECONDS.sub("(0.01 s)", result.stdout)
            shown.append(f"{line}\n{printed.removesuffix(chr(10))}\n" if printed else f"{line}\n")
        return "".join(shown)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """A reader in an empty folder, with `licet` among their programs."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return Reader(folder, tmp_path / "programs")


def dump() -> str:
    """What kubectl would get of a cluster that runs the shop without policies: no comments, keys sorted."""
    files = [*(file for folder in ("bank", "data", "shop") for file in sorted((SHOP / folder).glob("*.yaml"))), BESIDE]
    objects = [each for file in files for each in yaml.safe_load_all(file.read_text())]
    items = [each for each in objects if each["kind"] != "NetworkPolicy"]
    assert len(items) < len(objects)
    return yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items})


def test_whoever_follows_the_tutorial_sees_what_it_shows(reader: Reader, golden: Golden) -> None:
    page = ROOT / "docs" / "tutorial.md"
    golden(page, STEP.sub(reader.take, page.read_text()))
    assert reader.commands == 25


def test_the_way_to_default_deny_is_as_it_is_told(reader: Reader, golden: Golden) -> None:
    (reader.folder / "cluster.yaml").write_text(dump())
    page = ROOT / "docs" / "default-deny.md"
    golden(page, STEP.sub(reader.take, page.read_text()))
    assert reader.commands == 14


def test_an_edit_that_does_not_fit_is_no_step(reader: Reader) -> None:
    (reader.folder / "a.yaml").write_text("one: 1\ntwo: 2\n")
    step = STEP.fullmatch("`a.yaml`:\n\n```diff\n one: 1\n-two: 2\n+two: 3\n```")
    assert step is not None
    reader.take(step)
    assert (reader.folder / "a.yaml").read_text() == "one: 1\ntwo: 3\n"
    with pytest.raises(AssertionError, match="holds this 0 times"):
        reader.take(step)
