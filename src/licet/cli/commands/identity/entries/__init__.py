"""`licet identity entries`: who gets which identity."""

from __future__ import annotations

import click

from licet.cli.group import Commands
from licet.cli.options import epilog

LISTING = {
    "add": "Register an identity by hand.",
    "list": "Every registration.",
    "rm": "Take registrations back.",
    "sync": "Register what contracts and manifests say.",
}
"""Every command and what the list of commands says of it."""


@click.command(
    "entries",
    cls=Commands,
    listing=LISTING,
    package=__name__,
    epilog=epilog(
        ["licet identity entries list", "licet identity entries sync k8s --dry-run"],
        ["0    done", "2    the input or the usage is wrong"],
    ),
)
def command() -> None:
    """Who gets which identity: add, list, remove, or take them from contracts."""
