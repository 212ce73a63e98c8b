"""`licet identity revoke`: revoke an identity."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "revoke",
    epilog=epilog(
        ["licet identity revoke spiffe://shop.example/cart --reason 'key in a log'"],
        ["0    revoked", "2    the input is wrong"],
    ),
)
@click.argument("spiffe_id", metavar="ID")
@click.option("--reason", default="", help="Why, for the log and for whoever asks.")
@placed("table")
def command(where: Where, spiffe_id: str, reason: str) -> None:
    """Revoke an identity: nothing more is issued for it.

    This holds on every server from now on. Its workloads lose it at once; a certificate that somebody copied lives
    until it expires wherever only its chain is looked at, and is ended earlier where the denial is enforced.
    """
    from licet.app.identity.revocation import revoke
    from licet.identity.spiffeid import parse

    registered = revoke(where.place, parse(spiffe_id), reason)
    where.tell(f"revoked {spiffe_id}")
    if not registered:
        where.tell("warning: no entry has this identity: compare it with `licet identity entries list`")
