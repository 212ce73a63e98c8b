"""The options of commands that run on: how they are watched."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from licet.cli.nodes import address

if TYPE_CHECKING:
    from licet.app.identity.watching import Watching

F = TypeVar("F", bound=Callable[..., Any])


def watched(function: F) -> F:
    """Add the options, beside those of `placed`. Logs are set up before the command runs, which gets `watching`."""

    @wraps(function)
    def configured(*, metrics: str, log_format: str | None, **arguments: Any) -> Any:
        from licet.app.identity import logs

        logs.configure(log_format or "", quiet=arguments["quiet"])
        return function(watching=_watching(metrics), **arguments)

    for option in (
        click.option(
            "--log-format",
            type=click.Choice(["json", "text"]),
            show_default="text on a terminal, else json",
            help="The form of the log on standard error.",
        ),
        click.option(
            "--metrics",
            default="",
            metavar="HOST:PORT",
            help="Answer `/metrics`, `/healthz` and `/readyz` there, to everybody who can reach it.",
        ),
    ):
        configured = option(configured)
    return configured  # type: ignore[return-value]  # click makes a command of it at once


def announce(what: str) -> None:
    """Say what is served from now on, in the log."""
    import structlog

    structlog.get_logger("licet.identity").info(f"serving {what}")


def _watching(metrics: str) -> Watching | None:
    if not metrics:
        return None
    from licet.app.identity.watching import Watching

    return Watching(*address(metrics))
