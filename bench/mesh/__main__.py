"""`python -m bench.mesh FOLDER`: everything about the mesh, a line of JSON for each value as it is measured."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from bench.mesh import judging, pushing, sizes
from bench.mesh.result import Arriving, Judging, Pushing, Sizing


def measured(folder: Path, rounds: int, times: int, crowd: int) -> Iterator[Judging | Pushing | Arriving | Sizing]:
    """Policies, memory, 200 sidecars on either socket, and a crowd of them."""
    yield from judging.measure(folder, rounds)
    yield from sizes.measure(folder)
    for way in (pushing.LOCAL, pushing.REMOTE):
        yield from pushing.measure(way, pushing.USUAL, times)
    if crowd:
        yield from pushing.measure(pushing.LOCAL, crowd, max(2, times // 10))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.mesh", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=20, help="turns of each listener (default: 20)")
    parser.add_argument("--times", type=int, default=100, help="changes of each kind (default: 100)")
    parser.add_argument("--crowd", type=int, default=1000, help="sidecars that come at once (default: 1000)")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for value in measured(given.folder, given.rounds, given.times, given.crowd):
        print(json.dumps({type(value).__name__: asdict(value)}), flush=True)


if __name__ == "__main__":
    main()
