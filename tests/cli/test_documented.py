"""Commands that the pages show are commands that there are, with options that they have."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from licet.cli.group import commands
from tests.cli.command import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^```(?:console|sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:\$ |.*?\| )?(licet (?:identity|audit|mesh|up)\b.*)$")


def shown(page: Path) -> Iterator[str]:
    """Every command line, with those that go on put together, and without what a shell makes of its end."""
    for block in FENCED.findall(page.read_text("utf-8")):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            if found := COMMAND.match(re.sub(r"\$\(.*?\)", "X", line)):
                yield re.split(r"\s(?:&|\||>|#|\[)", found[1])[0]


def command(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that is meant, and what is said to it."""
    found: click.Command = commands
    while isinstance(found, click.Group) and words:
        inner = found.get_command(click.Context(found), words[0])
        assert inner is not None, words[0]
        found, words = inner, words[1:]
    return found, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_every_option_on_a_page_is_one_of_its_command(page: Path) -> None:
    for line in shown(page):
        meant, said = command(shlex.split(line)[1:])
        known = {name for each in meant.params for name in (*each.opts, *each.secondary_opts)}
        strange = [word for word in said if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known]
        assert strange == [], line


def test_there_are_such_pages() -> None:
    """Or the pages are read in a way in which nothing is ever found."""
    count = {page.name: len(list(shown(page))) for page in PAGES}
    assert count["mesh.md"] > 12
    assert count["identity.md"] > 20
