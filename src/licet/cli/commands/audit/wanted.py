"""The options that choose records."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from licet.audit.read import Wanted

F = TypeVar("F", bound=Callable[..., Any])


POSITION = click.IntRange(0, (1 << 63) - 1)
"""The type of options that say where in the log."""


def choosing(function: F) -> F:
    """Add the options `kind`, `since`, `until` and `identity`."""
    for option in (
        click.option("--identity", default="", metavar="ID", help="Records that name this SPIFFE ID."),
        click.option("--until", metavar="TIME", help="Records before this time, in RFC 3339."),
        click.option("--since", metavar="TIME", help="Records from this time on, in RFC 3339."),
        click.option(
            "--kind",
            "kinds",
            multiple=True,
            metavar="KIND",
            help="Such as `svid.issued`, or `svid`; may be given again.",
        ),
    ):
        function = option(function)
    return function


def wanted(kinds: tuple[str, ...], since: str | None, until: str | None, identity: str) -> Wanted:
    """What these options choose; raises SourceError where a time is none."""
    from licet.app.moment import moment
    from licet.audit.read import Wanted

    return Wanted(kinds, moment(since) if since else None, moment(until) if until else None, identity)
