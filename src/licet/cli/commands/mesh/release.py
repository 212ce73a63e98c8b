"""`licet mesh release`: have the contract decide again."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "release",
    epilog=epilog(
        ["licet mesh release shop/cart"], ["0    released", "2    nothing holds it back, or the input is wrong"]
    ),
)
@click.argument("workload", metavar="WORKLOAD")
@placed("table")
def command(where: Where, workload: str) -> None:
    """Hold a workload back no more: its contract alone says how far it is enforced."""
    from licet.app.mesh.steps import release

    where.tell(f"`{release(where.place, workload)}` follows its contract")
