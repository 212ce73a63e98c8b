"""`licet identity federation`: other trust domains."""

from __future__ import annotations

import click

from licet.cli.group import Commands
from licet.cli.options import epilog

LISTING = {
    "add": "Trust another domain, or change where its bundle comes from.",
    "list": "The domains there are, and how fresh their bundles are.",
    "distrust": "Believe nothing of a domain from now on.",
    "trust": "Believe a distrusted domain again.",
    "rm": "Forget a domain and its bundle.",
}
"""Every command and what the list of commands says of it."""


@click.command(
    "federation",
    cls=Commands,
    listing=LISTING,
    package=__name__,
    epilog=epilog(["licet identity federation list"], ["0    done", "2    the input or the usage is wrong"]),
)
def command() -> None:
    """Other trust domains: trust one, list them, distrust one."""
