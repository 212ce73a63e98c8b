"""`licet identity agents`: nodes."""

from __future__ import annotations

import click

from licet.cli.group import Commands
from licet.cli.options import epilog

LISTING = {
    "token": "Make a join token for one agent.",
    "list": "Every agent that was let in.",
    "ban": "Let an agent in no more.",
    "permit": "Let a banned agent in again.",
}
"""Every command and what the list of commands says of it."""


@click.command(
    "agents",
    cls=Commands,
    listing=LISTING,
    package=__name__,
    epilog=epilog(
        ["licet identity agents token node-7 > token", "licet identity agents list"],
        ["0    done", "2    the input or the usage is wrong"],
    ),
)
def command() -> None:
    """Nodes: let one join, list them, ban one."""
