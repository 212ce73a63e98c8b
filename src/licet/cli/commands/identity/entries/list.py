"""`licet identity entries list`: every registration."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "list", epilog=epilog(["licet identity entries list -o json"], ["0    always", "2    nothing to list from"])
)
@placed()
def command(where: Where) -> None:
    """Every registration."""
    from licet.app.identity.registration import found, listed
    from licet.cli.render import identity

    entries = found(where.place)
    where.write(identity.entries(entries), lambda: listed(entries))
