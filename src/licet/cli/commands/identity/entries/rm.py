"""`licet identity entries rm`: take registrations back."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "rm", epilog=epilog(["licet identity entries rm 0f3a5b7c9d1e2f40"], ["0    removed", "2    there is no such entry"])
)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@placed("table")
def command(where: Where, ids: tuple[str, ...]) -> None:
    """Take registrations back.

    Nothing is issued for them any more; what was issued ends with its lifetime. To end an identity now, revoke it.
    """
    from licet.app.identity.registration import remove

    remove(where.place, ids)
    where.tell(f"removed {len(ids)}")
