"""`docs/findings.md` lists every finding, in the words of the function that makes it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import Golden

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"L\d{4}")

HEAD = """\
# Findings

What can be wrong with what Licet reads, by code. A code never changes its meaning and is never given away again. Errors
make a run end with exit code 1; `--fail-on warning` makes it stricter.

Written from the code by `make test PYTEST_ARGS=--update`.

| code | severity | what |
|---|---|---|
"""


def made(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """(code, severities, sentence) of every function of a module that makes findings."""
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
        severities = [
            node.attr.lower()
            for node in inside
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Severity"
        ]
        sentence = " ".join((ast.get_docstring(function) or "").split("\n\n")[0].split())
        for code in sorted(codes):
            yield code, " or ".join(dict.fromkeys(severities)), sentence.removeprefix(f"{code}: ").rstrip(".")


def code_of(node: ast.AST) -> str:
    """The code that is written here, or nothing."""
    return str(node.value) if isinstance(node, ast.Constant) and CODE.fullmatch(str(node.value)) else ""


def begun(sentence: str) -> str:
    """A sentence for the middle of a line: a first word such as `JSON` stays as it is."""
    return sentence if sentence[1:2].isupper() else sentence[0].lower() + sentence[1:]


def test_every_finding_is_listed_with_its_severity_and_its_sentence(golden: Golden) -> None:
    sources = sorted((ROOT / "src" / "licet").rglob("*.py"))
    rows = sorted(row for path in sources for row in made(ast.parse(path.read_text())))
    assert [code for code, severity, sentence in rows if not severity or not sentence] == []
    table = "".join(f"| {code} | {severity} | {begun(sentence)} |\n" for code, severity, sentence in rows)
    golden(ROOT / "docs" / "findings.md", HEAD + table)
