"""The options that every command takes, as one value."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import click
import msgspec

from licet.diag.diagnostic import Severity

F = TypeVar("F", bound=Callable[..., Any])


class _Seconds(click.FloatRange):
    """A number of seconds that comes to an end."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click does it, but what is no number is refused here too: it is in every range."""
        seconds = super().convert(value, param, ctx)
        if seconds != seconds:
            self.fail(f"{value!r} is not a valid number of seconds.", param, ctx)
        return seconds


class Named(click.Path):
    """A path that is not empty: that would be the current folder, which is hardly what is meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click does it."""
        if value == "":
            self.fail("its name is empty", param, ctx)
        return super().convert(value, param, ctx)


SECONDS = _Seconds(0, 86400)
"""The type of options that say how long to wait."""


class Options(msgspec.Struct, frozen=True):
    """What the user asked of any command; None where nothing was said, so that settings decide."""

    output: str
    config: str | None
    enforcer: str | None
    platform: str | None
    namespace: str | None
    fail_on: Severity | None
    quiet: bool
    verbose: bool
    color: str


def every_command(*formats: str) -> Callable[[F], F]:
    """Add the options; the first format is the default. The command gets them as `options`."""

    def gather(own: dict[str, Any]) -> Options:
        if own["fail_on"] is not None:
            own["fail_on"] = Severity[own["fail_on"].upper()]
        return Options(**own)

    return gathering("options", Options.__struct_fields__, _options(formats), gather)


def gathering(
    name: str,
    fields: Sequence[str],
    options: Sequence[Callable[[Any], Any]],
    gather: Callable[[dict[str, Any]], object],
) -> Callable[[F], F]:
    """Add options whose values the command gets as one: what `gather` makes of these fields."""

    def add(function: F) -> F:
        @wraps(function)
        def gathered(**arguments: Any) -> Any:
            value = gather({field: arguments.pop(field) for field in fields})
            return function(**{name: value}, **arguments)

        for option in reversed(options):
            option(gathered)
        return gathered  # type: ignore[return-value]  # click makes a command of it at once

    return add


def _options(formats: Sequence[str]) -> list[Callable[[Any], Any]]:
    return [
        click.option("-o", "--output", type=click.Choice(formats), default=formats[0], help="The form of the answer."),
        click.option("--config", metavar="FILE", help="Settings to use instead of the nearest `licet.toml`."),
        click.option("--enforcer", metavar="PROFILE", help="What enforces the policies, such as `calico`."),
        click.option(
            "--platform",
            multiple=True,
            callback=once,
            metavar="FILE",
            help="A `Platform`: facts of the cluster that no manifest holds.",
        ),
        click.option("-n", "--namespace", metavar="NAME", help="The namespace of objects that name none."),
        click.option(
            "--fail-on",
            type=click.Choice([severity.word for severity in Severity]),
            help="Exit with 1 from this severity on (default: error).",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing beside the answer but errors."),
        click.option("-v", "--verbose", is_flag=True, help="Say everything: each finding, and how long it took."),
        click.option(
            "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colours on a terminal."
        ),
    ]


def once(context: click.Context, option: click.Parameter, given: Sequence[str]) -> str | None:
    """The only value of an option; of two the last one would count silently."""
    if len(given) > 1:
        raise click.UsageError(f"`{option.opts[0]}` is given {len(given)} times: give it once", context)
    return given[0] if given else None


def epilog(examples: Sequence[str], codes: Sequence[str]) -> str:
    """What stands under a command's help: examples, and what its exit codes mean.

    Two spaces or more part an example from what it is of; these are put below each other, as comments of a shell.
    """
    pairs = [re.split(r"(?<=\S) {2,}", line, maxsplit=1) for line in examples]
    column = max((len(told[0]) for told in pairs if len(told) > 1), default=0) + 2
    lines = ["# ".join([told[0].ljust(column), *told[1:]]).rstrip() for told in pairs]
    return "\n".join(
        ["\b", "Examples:", *map("  {}".format, lines), "", "\b", "Exit codes:", *map("  {}".format, codes)]
    )
