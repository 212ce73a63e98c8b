"""`licet mesh rollback`: back to Shadow in one step."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "rollback",
    epilog=epilog(
        ["licet mesh rollback shop/cart --reason 'orders fail'"], ["0    held at Shadow", "2    the input is wrong"]
    ),
)
@click.argument("workload", metavar="WORKLOAD")
@click.option("--reason", default="", help="Why, for the log and for whoever asks.")
@placed("table")
def command(where: Where, workload: str, reason: str) -> None:
    """Have a workload refuse nothing any more, and go on telling what it would refuse.

    Revoked identities are let through by it as well, until `licet mesh release` has the contract decide again.
    """
    from licet.app.mesh.steps import hold
    from licet.contracts.contract import Mode
    from licet.mesh.rollout import Step

    held = hold(where.place, workload, Step(Mode.SHADOW, reason=reason))
    where.tell(f"`{held.workload}` is held at Shadow")
    if not held.known:
        where.tell("warning: no sidecar of it is known yet: compare its name with `licet mesh status`")
