"""`licet identity federation distrust`: believe a domain no more."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "distrust",
    epilog=epilog(["licet identity federation distrust bank.example"], ["0    done", "2    no such domain"]),
)
@click.argument("name")
@placed("table")
def command(where: Where, name: str) -> None:
    """Believe nothing of a domain from now on.

    Its bundle leaves every workload at once and is fetched no more; the relationship is kept.
    """
    from licet.app.identity.federations import distrust

    distrust(where.place, name, distrusted=True)
    where.tell(f"distrusted {name}")
