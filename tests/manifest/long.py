"""A long run of the fast path against the exact one: `python -m tests.manifest.long --documents 1000000 --seed 7`."""

from __future__ import annotations

import argparse
import sys
from random import Random

from licet.manifest import fast
from tests.manifest.manuscripts import manuscript
from tests.manifest.test_fast import disagreement


def main() -> int:
    """Prints every disagreement and the counts; returns 1 where there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    random, read, wrong = Random(given.seed), 0, 0
    for _ in range(given.documents):
        data = manuscript(random).encode()
        if fast.Lines().read(data) is fast.UNSURE:
            continue
        read += 1
        if fault := disagreement(data):
            wrong += 1
            print(f"{data!r}: {fault}", flush=True)
    print(f"{given.documents} documents of seed {given.seed}, {read} of them read fast, {wrong} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
