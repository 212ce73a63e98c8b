"""`docs/findings.md` explains every finding that the source can make, with its severities, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"L\d{4}")


def code_of(node: ast.AST) -> str:
    """The code that is written here, or nothing."""
    return str(node.value) if isinstance(node, ast.Constant) and CODE.fullmatch(str(node.value)) else ""


def made(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(code, severity) of what the functions of a module make; a code may have a name of its own there."""
    names = {
        target.id: code
        for node in tree.body
        if isinstance(node, ast.Assign) and (code := code_of(node.value))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        inside = list(ast.walk(function))
        codes = {code for node in inside if (code := code_of(node))}
        codes |= {names[node.id] for node in inside if isinstance(node, ast.Name) and node.id in names}
        for node in inside:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Severity":
                yield from ((code, node.attr.lower()) for code in codes)


def test_the_page_of_findings_lists_exactly_the_codes_and_severities_there_are() -> None:
    told = {pair for path in (ROOT / "src" / "licet").rglob("*.py") for pair in made(ast.parse(path.read_text()))}
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (L\d{4}) \| ([\w, ]+) \|", page, re.MULTILINE)
    assert len({code for code, _ in rows}) == len(rows)
    assert {(code, severity) for code, severities in rows for severity in severities.split(", ")} == told


def test_every_code_that_is_written_anywhere_is_made_by_some_function() -> None:
    trees = [ast.parse(path.read_text()) for path in (ROOT / "src" / "licet").rglob("*.py")]
    written = {code for tree in trees for node in ast.walk(tree) if (code := code_of(node))}
    assert written == {code for tree in trees for code, _ in made(tree)}
