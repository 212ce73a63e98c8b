"""What the repository promises about itself: its rooms, its locks, its texts."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import licet

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "licet"
IMPURE_ROOMS = {"app", "audit", "cli", "identity", "mesh", "sources", "store", "web"}


def tracked() -> list[Path]:
    """The files of the repository as git lists them; outside a repository (an unpacked archive) there is no list."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    return [ROOT / os.fsdecode(name) for name in listed.split(b"\0") if name and (ROOT / os.fsdecode(name)).is_file()]


def lines_with(pattern: re.Pattern[bytes]) -> list[str]:
    """Every line of a tracked text file that the pattern is found in, as `file:line`."""
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data and pattern.search(data):
            found += [
                f"{path.relative_to(ROOT)}:{number}"
                for number, line in enumerate(data.splitlines(), 1)
                if pattern.search(line)
            ]
    return found


CODES = {
    "sources": range(1, 50),
    "manifest": range(50, 200),
    "analysis": range(200, 350),
    "contracts": range(350, 400),
    "compile": range(400, 420),
    "proof": range(420, 440),
    "discover": range(440, 460),
    "checks": range(460, 500),
    "identity": range(500, 550),
    "mesh": range(550, 590),
}
"""Which numbers of findings belong to which room (CONTRIBUTING.md)."""


def rooms() -> set[str]:
    return {path.parent.name for path in SOURCE.glob("*/__init__.py")}


def contract(name: str) -> dict[str, list[str]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [found] = [each for each in settings["contracts"] if each["id"] == name]
    return dict(found)


def test_no_file_names_the_machine_it_was_written_on() -> None:
    places = {ROOT, Path.home()}
    if ROOT.parent not in (Path("/"), Path(tempfile.gettempdir())):
        places.add(ROOT.parent)
    pattern = b"|".join(re.escape(os.fsencode(place)) + rb"/" for place in places if place != Path("/"))
    assert lines_with(re.compile(pattern)) == []


def test_no_lock_and_no_setting_names_a_registry() -> None:
    naming = rb'"resolved": *"http|--(extra-)?index' + rb"-url|^ *source *= *\{ *registry|--find" + rb"-links"
    assert lines_with(re.compile(naming, re.MULTILINE)) == []
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in lock.read_text(), lock.name


@pytest.mark.parametrize("lock", ["bench", "build", "core", "dev", "identity", "up"])
def test_a_lock_pins_every_package_to_one_version_and_its_bytes(lock: str) -> None:
    text = re.sub(r"\\\n", "", (ROOT / "requirements" / f"{lock}.txt").read_text())
    entries = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert entries
    assert [entry for entry in entries if not re.match(r"[\w.-]+==[\w.!+]+ .*--hash=sha256:[0-9a-f]{64}", entry)] == []


def test_what_licet_needs_to_run_is_the_same_in_every_environment() -> None:
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+==[\w.]+", (ROOT / "requirements" / f"{lock}.txt").read_text(), re.MULTILINE))

    assert pins("core") <= pins("identity")
    assert pins("identity") <= pins("up")
    assert pins("up") | pins("build") <= pins("dev")


def test_the_changelog_knows_this_version() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == licet.__version__


def test_the_readme_sets_up_with_two_commands_and_no_other() -> None:
    fenced = re.findall(r"^```.*?\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    commands = [line.split("#")[0].strip().removeprefix("$ ") for block in fenced for line in block.splitlines()]
    installing = re.compile(r"(make|pip|pipx|uv|python3?|sudo|apt(-get)?|brew|npm|go|cargo|source|export)\s")
    assert [command for command in commands if installing.match(command)] == ["make demo", "make test"]


def test_links_between_the_documents_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in tracked()
        if page.suffix == ".md"
        for target in re.findall(r"(?:\]\(|src=\"|srcset=\"|href=\")([^)\"#\s]+)", page.read_text())
        if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists()
    ]
    assert broken == []


def test_no_source_file_outgrows_its_subject() -> None:
    written = [path for path in SOURCE.rglob("*.py") if "_pb2" not in path.name]
    sizes = {path.relative_to(SOURCE): len(path.read_text().splitlines()) for path in written}
    assert {str(path): size for path, size in sizes.items() if size > 400} == {}


def test_a_room_is_pure_or_is_known_not_to_be() -> None:
    pure = {module.removeprefix("licet.") for module in contract("purity")["source_modules"]}
    assert rooms() - IMPURE_ROOMS == pure


def test_a_code_stands_in_one_place_of_the_room_it_belongs_to() -> None:
    places: dict[str, list[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and re.fullmatch(r"L\d{4}", str(node.value)):
                places.setdefault(str(node.value), []).append(path.relative_to(SOURCE).parts[0])
    assert places
    assert {code: where for code, where in places.items() if len(where) > 1} == {}
    assert {code: room for code, [room] in places.items() if int(code[1:]) not in CODES.get(room, ())} == {}


def impure_calls(tree: ast.AST) -> Iterator[str]:
    """Input, output and clocks that are reached without an import that tells."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in {"open", "print", "input", "__import__", "exec"}:
                yield node.func.id
            elif isinstance(node.func, ast.Attribute) and node.func.attr in {"now", "utcnow", "today"}:
                yield node.func.attr


def test_pure_rooms_open_nothing_print_nothing_and_read_no_clock() -> None:
    assert list(impure_calls(ast.parse("open('x'); datetime.now(UTC); print()"))) == ["open", "now", "print"]
    found = {
        str(path.relative_to(SOURCE)): list(impure_calls(ast.parse(path.read_text())))
        for room in rooms() - IMPURE_ROOMS
        for path in (SOURCE / room).rglob("*.py")
    }
    assert {path: calls for path, calls in found.items() if calls} == {}


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """The import contracts, held against the package under `root`."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, ""),
        ({"cli/map.py": "import os, time, licet.analysis, licet.sources, licet.diag"}, ""),
        ({"diag/place.py": "import licet.model"}, "licet.diag is not allowed to import licet.model"),
        ({"compile/cilium.py": "import licet.analysis"}, "licet.compile is not allowed to import licet.analysis"),
        ({"drawer/things.py": ""}, "licet.drawer"),
        ({"model/key.py": "import os"}, "licet.model is not allowed to import os"),
        ({"model/key.py": "from pathlib import Path"}, "licet.model is not allowed to import pathlib"),
        (
            {"diag/clock.py": "import time", "analysis/reach.py": "from licet.diag import clock"},
            "licet.analysis is not allowed to import time",
        ),
        (
            {"sources/file.py": "import os", "analysis/reach.py": "from licet.sources import file"},
            "licet.analysis.reach -> licet.sources.file",
        ),
    ],
    ids=["empty", "downward", "upward", "neighbour", "unplaced", "input", "path", "clock", "indirect"],
)
def test_an_import_contract_is_broken_by_what_it_forbids(tmp_path: Path, files: dict[str, str], complaint: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    package = tmp_path / "src" / "licet"
    names = [name.strip() for layer in contract("rooms")["layers"] for name in layer.split("|")]
    for room in (name for name in names if not name.startswith("(")):
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    (package / "__init__.py").touch()
    for name, text in files.items():
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).parent.joinpath("__init__.py").touch()
        (package / name).write_text(text)
    result = lint_imports(tmp_path)
    assert result.returncode == bool(complaint), result.stdout + result.stderr
    assert complaint in " ".join(result.stdout.split())
