"""`licet identity federation trust`: believe a domain again."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "trust",
    epilog=epilog(["licet identity federation trust bank.example"], ["0    done", "2    no such domain"]),
)
@click.argument("name")
@placed("table")
def command(where: Where, name: str) -> None:
    """Believe a distrusted domain again.

    With the bundle that is kept, until a newer one is fetched.
    """
    from licet.app.identity.federations import distrust

    distrust(where.place, name, distrusted=False)
    where.tell(f"trusted {name}")
