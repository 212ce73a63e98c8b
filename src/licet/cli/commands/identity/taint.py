"""`licet identity taint`: replace a stolen key."""

from __future__ import annotations

import click

from licet.cli.options import SECONDS, epilog
from licet.cli.place import Where, placed


@click.command(
    "taint",
    epilog=epilog(
        [
            "licet identity taint                     the root that signs",
            "licet identity taint be1728c6            the authority of this id",
        ],
        [
            "0    every live node follows",
            "1    some did not in time, and hear of it later",
            "2    wrong input",
        ],
    ),
)
@click.argument("authority", required=False)
@click.option("--wait", type=SECONDS, default=30.0, show_default=True, metavar="SECONDS", help="For nodes, each step.")
@click.option(
    "--settle", type=SECONDS, default=3.0, show_default=True, metavar="SECONDS", help="For workloads, each step."
)
@click.option("--keep", is_flag=True, help="Leave it in the bundle for now; run this again to drop it.")
@placed()
def command(where: Where, authority: str | None, wait: float, settle: float, keep: bool) -> int:
    """Replace a stolen key: everything is issued again, and the old root is dropped.

    A successor that everyone believes already takes over, every SVID is replaced, and then the old root leaves the
    bundle: whatever was forged with its key is refused from there on, long before it expires. A stolen intermediate
    takes its root with it. Run without an id, it first finishes what an earlier run began and did not end.
    """
    if authority == "":
        raise click.UsageError("the id of the authority is empty: leave it out to replace the root that signs")
    from licet.app.identity.rotation import Patience, Step, replace_stolen
    from licet.cli.render.identity import described, described_json

    steps: list[Step] = []

    def tell(step: Step) -> None:
        steps.append(step)
        behind = f"; not heard of: {', '.join(step.behind)}" if step.behind else ""
        where.tell(f"{step.after:6.2f} s  {step.done}{behind}")

    stolen, state = replace_stolen(where.place, authority or "", Patience(wait, settle), tell, keep=keep)
    told = [{"done": step.done, "after_seconds": f"{step.after:.2f}", "behind": step.behind} for step in steps]
    where.write(described(state), lambda: {**described_json(state), "tainted": stolen.id, "steps": told})
    return int(any(step.behind for step in steps))
