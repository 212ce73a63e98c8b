"""`python -m bench.identity FOLDER`: everything about identities, a line of JSON for each value as it is measured."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from bench.cases import python
from bench.identity import handing, nodes, postgres
from bench.result import Fetching, Issuing, Rotating, Watching

_SQLITE, _POSTGRESQL, _NETWORK = "SQLite", "PostgreSQL", "SQLite, over the network"


def measured(
    folder: Path, issued: int, fetched: int, watchers: int
) -> Iterator[Issuing | Fetching | Rotating | Watching]:
    """Issuing on either database and over the network, fetches, and watchers with one identity and with one each."""
    found = list(issuing(folder, _SQLITE, issued, ""))
    yield from found
    if reason := postgres.absent():
        yield Issuing(_POSTGRESQL, skipped=reason)
    else:
        with postgres.server() as address:
            yield from issuing(folder, _POSTGRESQL, issued, address)
    bare = found[-1]
    count, wall, cpu = nodes.measure(folder / "nodes", issued)
    yield Issuing(f"{_NETWORK}, {bare.way.partition(', ')[2]}", count, wall, cpu, bare.bare, bare.least, aimed=True)
    fetches, response = handing.fetching(folder / "fetching", fetched)
    yield from fetches
    for identities in (1, watchers):
        rotations, taken = handing.watching(folder / "watching", watchers, identities, response)
        yield from rotations
        yield taken


def issuing(folder: Path, where: str, count: int, database: str) -> Iterator[Issuing]:
    """Issuing in a process of its own."""
    printed = folder / "issuing.jsonl"
    arguments = [str(folder / "issuing"), str(count), *(["--database", database] if database else [])]
    outcome = python("-m", "bench.identity.issuing", *arguments, output=printed)
    if outcome.failure:
        raise RuntimeError(f"{where}: {outcome.failure}")
    for line in printed.read_text().splitlines():
        found = json.loads(line)
        found["way"] = f"{where}, {found['way']}"
        yield Issuing(**found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.identity", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--issued", type=int, default=4096, help="certificates in each way (default: 4096)")
    parser.add_argument("--fetched", type=int, default=4096, help="fetches on a kept connection (default: 4096)")
    parser.add_argument("--watchers", type=int, default=1000, help="streams that are open (default: 1000)")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for value in measured(given.folder, given.issued, given.fetched, given.watchers):
        print(json.dumps({type(value).__name__: asdict(value)}), flush=True)


if __name__ == "__main__":
    main()
