"""Every row of `docs/envoy.md` names a test that is there, and so does the threat model of `docs/mesh.md`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ROW = re.compile(r"^\| [\w, ]+ \| .+ \| `(?P<file>[\w/]+\.py)::(?P<test>\w+)` \|$")
NAMED = re.compile(r"`(?P<file>[\w/]*\.py)?(?:::(?P<test>test_\w+))?`")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def file(name: str) -> Path:
    """Relative to the tests of the mesh; the pages write other rooms from the top or from `tests`."""
    named = (ROOT / name, HERE / name, ROOT / "tests" / name)
    return next((each for each in named if each.is_file()), HERE / name)


def defined_in(path: Path) -> set[str]:
    """The tests that a file defines."""
    found = ast.walk(ast.parse(path.read_text("utf-8"))) if path.is_file() else ()
    return {each.name for each in found if isinstance(each, ast.FunctionDef)}


def test_every_row_of_the_table_has_a_test() -> None:
    lines = [line for line in page("envoy.md").splitlines() if line.startswith("|")]
    rows = [line for line in lines if not line.startswith(("|---", "| API |"))]
    assert len(rows) > 50
    wrong = []
    for row in rows:
        named = ROW.match(row)
        if named is None or named["test"] not in defined_in(file(named["file"])):
            wrong.append(row)
    assert wrong == []


def test_every_test_that_the_threat_model_names_is_there() -> None:
    """One that names no file is of the file that was named before it."""
    model = page("mesh.md").partition("\n## Threat model\n")[2].partition("\n## ")[0]
    before, wrong, count = "", [], 0
    for named in NAMED.finditer(model):
        if not (named["file"] or named["test"]):
            continue
        before = named["file"] or before
        count += 1
        if not file(before).is_file() or (named["test"] and named["test"] not in defined_in(file(before))):
            wrong.append(named[0])
    assert count > 20
    assert wrong == []
