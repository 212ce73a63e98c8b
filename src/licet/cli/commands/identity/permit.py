"""`licet identity permit`: take a revocation back."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "permit",
    epilog=epilog(
        ["licet identity permit spiffe://shop.example/cart"], ["0    permitted", "2    the identity is not revoked"]
    ),
)
@click.argument("spiffe_id", metavar="ID")
@placed("table")
def command(where: Where, spiffe_id: str) -> None:
    """Take a revocation back."""
    from licet.app.identity.revocation import permit
    from licet.identity.spiffeid import parse

    permit(where.place, parse(spiffe_id))
    where.tell(f"permitted {spiffe_id}")
