"""Every requirement in `docs/spiffe.md` has a test that is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "spiffe.md"
ROW = re.compile(
    r"^\| [\d., ]+ \| .+ \| (?P<expected>\(to come: )?`(?P<file>[\w/]+\.py)::(?P<test>\w+)`(?(expected)\)) \|$"
)


def rows() -> list[str]:
    """The rows of the tables, without their heads."""
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("|")]
    return [line for line in lines if not line.startswith(("|---", "| section |"))]


def defined_in(file: Path) -> set[str]:
    """The tests that a file defines."""
    found = ast.walk(ast.parse(file.read_text("utf-8"))) if file.is_file() else ()
    return {each.name for each in found if isinstance(each, ast.FunctionDef)}


def test_every_requirement_has_a_test() -> None:
    """One that is still to come says so, and no longer than until it is there."""
    wrong = []
    for row in rows():
        named = ROW.match(row)
        if named is None or (named["test"] in defined_in(HERE / named["file"])) is (named["expected"] is not None):
            wrong.append(row)
    assert wrong == []


def test_every_specification_has_its_requirements() -> None:
    assert TABLE.read_text("utf-8").count("\n## ") == 7
    assert len(rows()) > 100
