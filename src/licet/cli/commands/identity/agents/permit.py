"""`licet identity agents permit`: let a node in again."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "permit",
    epilog=epilog(
        [
            "licet identity agents permit node-7",
            "licet identity agents permit spiffe://shop.example/licet/agent/join/node-7",
        ],
        ["0    done", "2    there is no such agent"],
    ),
)
@click.argument("agent")
@placed("table")
def command(where: Where, agent: str) -> None:
    """Let a banned agent in again.

    AGENT is its SPIFFE ID, or the last part of it.

    Its certificate holds again until it expires; after that it has to join anew.
    """
    from licet.app.identity.agents import ban, named

    spiffe_id = named(where.place, agent)
    ban(where.place, spiffe_id, banned=False)
    where.tell(f"permitted {spiffe_id}")
