"""`licet identity agents permit`: let a node in again."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "permit",
    epilog=epilog(
        ["licet identity agents permit spiffe://shop.example/licet/agent/join/node-7"],
        ["0    done", "2    there is no such agent"],
    ),
)
@click.argument("spiffe_id", metavar="ID")
@placed("table")
def command(where: Where, spiffe_id: str) -> None:
    """Let a banned agent in again.

    Its certificate holds again until it expires; after that it has to join anew.
    """
    from licet.app.identity.agents import ban
    from licet.identity.spiffeid import parse

    ban(where.place, parse(spiffe_id), banned=False)
    where.tell(f"permitted {spiffe_id}")
