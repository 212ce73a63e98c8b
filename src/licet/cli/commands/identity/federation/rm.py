"""`licet identity federation rm`: forget a domain."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "rm", epilog=epilog(["licet identity federation rm bank.example"], ["0    done", "2    there is no such domain"])
)
@click.argument("name")
@placed("table")
def command(where: Where, name: str) -> None:
    """Forget a domain and its bundle."""
    from licet.app.identity.federations import part

    part(where.place, name)
    where.tell(f"parted from {name}")
