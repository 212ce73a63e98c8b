"""`licet identity agents ban`: let a node in no more."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "ban",
    epilog=epilog(
        ["licet identity agents ban spiffe://shop.example/licet/agent/join/node-7"],
        ["0    done", "2    there is no such agent"],
    ),
)
@click.argument("spiffe_id", metavar="ID")
@placed("table")
def command(where: Where, spiffe_id: str) -> None:
    """Let an agent in no more.

    Its certificate is worth nothing from now on; what its workloads hold ends with its lifetime.
    """
    from licet.app.identity.agents import ban
    from licet.identity.spiffeid import parse

    ban(where.place, parse(spiffe_id), banned=True)
    where.tell(f"banned {spiffe_id}")
