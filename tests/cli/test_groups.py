"""Commands below commands: each is listed as it says itself, and tells where its domain is, examples, exit codes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
import pytest

from licet.cli.group import Commands, commands
from tests.cli.command import licet


def below(group: Commands, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command, str]]:
    """Every command below a group, with its words and what the list says of it."""
    context = click.Context(group, info_name=path[-1])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command, group.listing[name]
        if isinstance(command, Commands):
            yield from below(command, (*path, name))


def of(name: str) -> Commands:
    found = commands.get_command(click.Context(commands), name)
    assert isinstance(found, Commands)
    return found


EVERY = [each for name in ("identity", "audit") for each in below(of(name), (name,))]


@pytest.mark.parametrize(("path", "command", "listed"), EVERY, ids=[" ".join(each[0]) for each in EVERY])
def test_the_list_says_of_a_command_what_the_command_says(
    path: tuple[str, ...], command: click.Command, listed: str
) -> None:
    assert command.help is not None, path
    assert " ".join(command.help.split("\n\n")[0].split()) == listed


LEAVES = [each for each in EVERY if not isinstance(each[1], Commands)]


@pytest.mark.parametrize(("path", "command", "listed"), LEAVES, ids=[" ".join(each[0]) for each in LEAVES])
def test_a_command_tells_options_examples_and_exit_codes(
    path: tuple[str, ...], command: click.Command, listed: str
) -> None:
    assert isinstance(command, click.Command)
    assert listed
    ran = licet(*path, "--help")
    assert ran.code == 0
    forms = next(parameter.type for parameter in command.params if parameter.name == "output")
    assert isinstance(forms, click.Choice)
    assert ("--output" in ran.out) == (len(forms.choices) > 1)
    assert "--quiet" in ran.out
    assert ("--data" in ran.out) == (path != ("identity", "fetch"))
    assert f"licet {' '.join(path)}" in ran.out.split("Examples:")[1]
    assert "    " in ran.out.split("Exit codes:")[1]


@pytest.mark.parametrize("width", [60, 80])
def test_help_is_read_without_wrapping(width: int) -> None:
    for path, command, _ in EVERY:
        told = command.get_help(click.Context(command, info_name=" ".join(path), terminal_width=width))
        body = told if width >= 80 else told.partition("Examples:")[0]
        assert [line for line in body.splitlines() if len(line) > width] == [], path


def test_an_example_is_pasted_as_it_stands() -> None:
    for path, command, _ in EVERY:
        lines = (command.epilog or "").partition("Examples:")[2].partition("Exit codes:")[0].replace("\b", "")
        for words in (shlex.split(line, comments=True) for line in lines.replace("\\\n", " ").splitlines()):
            if words[:1] != ["licet"]:
                continue
            group: click.Command = commands
            context = click.Context(group, info_name="licet")
            while isinstance(group, Commands):
                words.pop(0)
                found = group.get_command(context, words[0])
                assert found is not None, (path, words)
                group = found
            known = {option for parameter in group.params for option in parameter.opts}
            given = {word for word in words if word.startswith("-")}
            assert given <= known, (path, given - known)
            assert all(not word.startswith("#") for word in words)


@pytest.mark.parametrize("words", [("identity", "rotat"), ("identity", "entries", "ad"), ("audit", "verfy")])
def test_a_word_that_is_nearly_a_command_is_met_with_it(words: tuple[str, ...]) -> None:
    ran = licet(*words)
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean" in ran.err
    assert f"(see `licet {' '.join(words[:-1])} --help`)" in ran.err
