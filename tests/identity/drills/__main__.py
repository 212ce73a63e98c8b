"""The drills by hand, as long as one likes, with what they measure.

`python -m tests.identity.drills --rotations 50 --drills 3`
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.clients.programs import go_client, rust_client
from tests.identity.drills.plane import Plane
from tests.identity.drills.rotations import rotate
from tests.identity.drills.siege import Programs, drill


def main() -> None:
    """Run them and print the numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.identity.drills", description=__doc__)
    parser.add_argument("--rotations", type=int, default=50, help="under traffic between Go and Rust")
    parser.add_argument(
        "--drills", type=int, default=1, help="of a stolen root: in one process, and with an agent apart"
    )
    parser.add_argument("--settle", type=float, default=1.0, help="seconds that workloads get at each step of a drill")
    parser.add_argument("--rate", type=float, default=20, help="requests a second on new connections, and on kept ones")
    given = parser.parse_args()
    if given.rotations:
        rotated(given.rotations, given.rate)
    for apart in (False, True) * given.drills:
        drilled(given.settle, apart=apart)


def rotated(count: int, rate: float) -> None:
    """Rotations, with the time from each command's start until both kinds of client had new SVIDs."""
    with tempfile.TemporaryDirectory() as home:
        done = rotate(Plane(Path(home)), go_client(), rust_client(), count, rate=rate)
    took = [seconds for _, seconds in done.steps]
    print(
        f"{count} rotations: {done.requests} requests, failed {done.failed or 0}, slowest {done.slowest * 1000:.0f} ms"
    )
    print(f"  until all clients had new SVIDs: {min(took):.2f} to {max(took):.2f} s")
    for name, each in done.traffic.items():
        print(f"  {name}: {each.client.requests} requests, {each.client.peer_serials} certificates of the other side")


def drilled(settle: float, *, apart: bool) -> None:
    """A drill, with the time until each validator refused each forgery."""
    with tempfile.TemporaryDirectory() as folder:
        plane = Plane(Path(folder))
        programs = Programs.enlisted(plane, go_client(), rust_client())
        with plane.up(apart=apart):
            outcome = drill(plane, programs, settle)
    took = outcome.drill.ended - outcome.drill.began
    print(f"\na stolen root, {'an agent apart' if apart else 'one process'}, settle {settle:g} s: {took:.2f} s")
    for step in outcome.drill.steps:
        print(f"  {step.after_seconds:>6} s  {step.done}")
    print(f"  {outcome.requests} good requests, failed {outcome.failed or 0}, slowest {outcome.slowest * 1000:.0f} ms")
    print("  refused after the start and after the last step began, accepted until then, why:")
    for each in outcome.refusals:
        print(f"  {each.after_start:6.2f} s {each.after_drop:6.2f} s {each.accepted:5}  {each.attack}: {each.cause}")


if __name__ == "__main__":
    main()
