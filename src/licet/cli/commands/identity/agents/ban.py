"""`licet identity agents ban`: let a node in no more."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "ban",
    epilog=epilog(
        ["licet identity agents ban node-7", "licet identity agents ban spiffe://shop.example/licet/agent/join/node-7"],
        ["0    done", "2    there is no such agent"],
    ),
)
@click.argument("agent")
@placed("table")
def command(where: Where, agent: str) -> None:
    """Let an agent in no more.

    AGENT is its SPIFFE ID, or the last part of it.

    Its certificate is worth nothing from now on; what its workloads hold ends with its lifetime.
    """
    from licet.app.identity.agents import ban, named

    spiffe_id = named(where.place, agent)
    ban(where.place, spiffe_id, banned=True)
    where.tell(f"banned {spiffe_id}")
