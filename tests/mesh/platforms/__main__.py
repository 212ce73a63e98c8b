"""Random platforms by hand, as many as one likes: every pair of workloads probed through real Envoys.

`python -m tests.mesh.platforms --platforms 50 --seed 1`
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.mesh.platforms.campaign import campaign


def main() -> None:
    """Probe them, print the numbers, and end with 1 where anything differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mesh.platforms", description=__doc__)
    parser.add_argument("--platforms", type=int, default=50, help="random ones, beside the example")
    parser.add_argument("--sets", type=int, default=3, help="of contracts that each set of workloads is given in turn")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="licet-platforms-") as folder:
        found = asyncio.run(campaign(given.platforms, given.sets, given.seed, Path(folder), print))
    print(f"{found.summary()} in {time.monotonic() - begin:.0f} s")
    for why, times in sorted(found.beyond.items()):
        print(f"  {times:6} let through by design: {why}")
    for what, times in sorted(found.by.items()):
        print(f"  {times:6} {what}")
    sys.exit(bool(found.differences))


if __name__ == "__main__":
    main()
