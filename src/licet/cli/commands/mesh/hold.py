"""`licet mesh hold`: hold a workload back."""

from __future__ import annotations

import click

from licet.cli.options import epilog
from licet.cli.place import Where, placed


@click.command(
    "hold",
    epilog=epilog(
        [
            "licet mesh hold shop/cart --mode Shadow --reason 'callers are missing'",
            "licet mesh hold shop/cart --mode Canary --share 25 --reason 'a quarter first'",
        ],
        ["0    held", "2    the input is wrong"],
    ),
)
@click.argument("workload", metavar="WORKLOAD")
@click.option(
    "--mode", type=click.Choice(["Observe", "Shadow", "Canary"]), required=True, help="How far it may be enforced."
)
@click.option("--share", type=click.IntRange(1, 100), help="Percent of the instances of a canary (default: 10).")
@click.option("--reason", default="", help="Why, for the log and for whoever asks.")
@placed("table")
def command(where: Where, workload: str, mode: str, share: int | None, reason: str) -> None:
    """Hold a workload back from what its contract says.

    Sidecars are told within a second, on every control plane. A step takes nothing further than the contract does.
    """
    from licet.app.mesh.steps import hold
    from licet.contracts.contract import Mode
    from licet.mesh.rollout import CANARY_SHARE, Step

    if share is not None and mode != "Canary":
        raise click.UsageError("`--share` is of a canary: write `--mode Canary`")
    held = hold(where.place, workload, Step(Mode(mode), share or CANARY_SHARE, reason))
    where.tell(f"`{held.workload}` is held at {mode}")
    if not held.known:
        where.tell("warning: no sidecar of it is known yet: compare its name with `licet mesh status`")
