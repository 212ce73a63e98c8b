"""Long runs of the differential tests: `python -m tests.long --packets 1000000 --seed 7`."""

from __future__ import annotations

import argparse
import sys
import time

from tests.differences import differences, random_case, smallest


def main() -> int:
    """Compare until the packets are used up; returns 1 where the engine and the naive evaluator disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0, help="the seed of the first cluster; each has its own")
    parser.add_argument("--per-cluster", type=int, default=200)
    parser.add_argument("--stop-after", type=int, default=5, help="how many disagreeing clusters to show")
    given = parser.parse_args()
    started, asked, shown, seed = time.monotonic(), 0, 0, given.seed
    while asked < given.packets and shown < given.stop_after:
        try:
            found = next(differences(*random_case(seed, given.per_cluster)), None)
        except Exception as fault:
            fault.add_note(f"seed {seed}")
            raise
        if found is not None:
            shown += 1
            print(f"seed {seed}: {smallest(found)}\n", flush=True)
        asked += given.per_cluster
        seed += 1
    print(f"{asked} packets in {seed - given.seed} clusters, {time.monotonic() - started:.0f} s, {shown} disagreements")
    return 1 if shown else 0


if __name__ == "__main__":
    sys.exit(main())
