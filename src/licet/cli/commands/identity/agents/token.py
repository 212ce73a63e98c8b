"""`licet identity agents token`: let a node join."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "token",
    epilog=epilog(["licet identity agents token node-7 > token"], ["0    made", "2    the input is wrong"]),
)
@click.argument("name")
@click.option("--lifetime", type=click.IntRange(1, 86400), default=600, show_default=True, metavar="SECONDS")
@placed("table", "json")
def command(where: Where, name: str, lifetime: int) -> None:
    """Make a join token for one agent.

    It is printed once, holds once, and is stored as a digest alone. Whoever has it first is the agent of that name.
    """
    from datetime import timedelta

    from licet.app.identity.agents import token

    agent, made = token(where.place, name, timedelta(seconds=lifetime))
    where.write(made, lambda: {"schema": "licet.dev/join-token/v1", "node": str(agent), "token": made})
    where.tell(f"for {agent}, within {lifetime} s")
