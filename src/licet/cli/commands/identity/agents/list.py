"""`licet identity agents list`: every agent that was let in."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "list", epilog=epilog(["licet identity agents list -o json"], ["0    always", "2    no trust domain is there"])
)
@placed(keys=False)
def command(where: Where) -> None:
    """Every agent that was let in."""
    from licet.app.identity.agents import known, listed
    from licet.app.identity.place import now
    from licet.cli.render.identity import agents

    found = known(where.place)
    where.write(agents(found, now()), lambda: {"schema": "licet.dev/agents/v1", "agents": listed(found)})
