"""Revocations under traffic: how long each kind of open connection lives on, and whether others lose anything.

`python -m tests.mesh.severing.drill --trials 200 [--redirected]`
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from licet.mesh.severing.severer import Severed
from tests.mesh.severing.client import KINDS, Tally
from tests.mesh.severing.scene import BAD, scene


class Outcome(msgspec.Struct, frozen=True):
    """Seconds from the revocation until the end of each connection, by kind, and what came of the other identity's."""

    ends: Mapping[str, tuple[float, ...]]
    good: Mapping[str, Tally]
    told: tuple[Severed, ...]

    def harmed(self) -> Mapping[str, Tally]:
        """Connections of the other identity that lost anything."""
        return {
            kind: each
            for kind, each in self.good.items()
            if (each.dialled, each.ended, each.failed, each.lost) != (1, 0, 0, 0)
        }


async def drill(home: Path, trials: int, *, redirected: bool = False) -> Outcome:
    """Open one of each kind, revoke, wait until all have ended, permit again. Another identity goes on all the while.

    Trial by trial they have been open for longer when the revocation comes, from none to 0.27 s: shorter than access
    logs take to be sent, and longer.
    """
    ends: dict[str, list[float]] = {kind: [] for kind in KINDS}
    async with scene(home, redirected=redirected) as played, played.caller("good") as good:
        await good.open()
        for number in range(trials):
            async with played.caller("bad") as bad:
                await bad.open()
                await asyncio.sleep(number % 10 * 0.03)
                revoked = time.time()
                await played.revoke(BAD)
                for kind, ended in (await bad.ended(*KINDS)).items():
                    ends[kind].append(ended - revoked)
            await played.revoke()
        tally = await good.tally()
        await played.severer.sweep()
    return Outcome({kind: tuple(each) for kind, each in ends.items()}, tally, tuple(played.told))


def main() -> None:
    """Run it and print the numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.mesh.severing.drill", description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--redirected", action="store_true", help="in namespaces, with rules that lead to the sidecar")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        outcome = asyncio.run(drill(Path(home), given.trials, redirected=given.redirected))
    print(
        f"{given.trials} revocations, {sum(each.ended for each in outcome.told)} connections ended; "
        "from the revocation until the caller saw the end:"
    )
    for kind, took in outcome.ends.items():
        p99 = sorted(took)[int(0.99 * (len(took) - 1))]
        shown = "  ".join(
            f"{name} {1000 * value:6.1f} ms"
            for name, value in (("median", statistics.median(took)), ("p99", p99), ("max", max(took)))
        )
        print(f"  {kind:10}  {shown}")
    print("the other identity, on the same listeners:")
    for kind, each in sorted(outcome.good.items()):
        print(f"  {kind:10}  {each.done:6} answered, {each.failed} failed, {each.lost} lost, {each.ended} ended")


if __name__ == "__main__":
    main()
