"""Certificates issued in this process, ledger and all, beside the bare ones: `python -m bench.identity.issuing`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.identity.bare import Bare, sign_and_verify
from bench.identity.estate import DOMAIN, entry, founded, selector
from licet.app.identity.domain import Domain, opened
from licet.app.identity.place import now
from licet.identity import keys, request
from licet.identity.issuer import Issuer
from licet.identity.node.upstream import Ask, Issued, Witness

BATCHES = (1, 16, 64)
_NODE = DOMAIN.member("/licet/agent/embedded")
_ENTRIES = 1_000
_SLICES = 8
"""Licet and the baselines take turns this often, so that all of them meet the same machine."""
_MOST = 512
"""Batches of one size: small ones wait for the disk most of the time."""


def asks(count: int) -> list[Ask]:
    """Requests of so many workloads, each with a key of its own."""
    return [
        Ask(
            entry(number).id,
            request.make(keys.generate(keys.KeyKind.EC_P256), entry(number).spiffe_id),
            Witness(1000 + number, 1000, 1000, (selector(number), "unix:uid:1000", "unix:gid:1000")),
        )
        for number in range(count)
    ]


def measure(domain: Domain, count: int) -> Iterator[dict[str, float | str | bool]]:
    """A line for the issuances in batches of each size, with what the bare ones took in the meantime."""
    issuer = Issuer(domain.database, domain.ledger, domain.keyring, now)
    bare, wanted = Bare(), asks(max(BATCHES))
    names = [str(entry(number).spiffe_id) for number in range(max(BATCHES))]
    for size in BATCHES:
        each = max(1, min(count // size, _MOST) // _SLICES)
        licet, alone, least = Stopwatch(), Stopwatch(), Stopwatch()
        _mint(issuer, wanted[:size], 1)
        for _ in range(_SLICES):
            licet.time(lambda: _mint(issuer, wanted[:size], each))  # noqa: B023
            alone.time(lambda: [bare.issue(a.request, n) for a, n in zip(wanted, names, strict=True)])
            least.time(lambda: sign_and_verify(len(wanted)))
        issued, made = each * size * _SLICES, len(wanted) * _SLICES
        yield {
            "way": f"batches of {size}",
            "issued": issued,
            "wall": licet.wall / issued,
            "cpu": licet.cpu / issued,
            "bare": alone.cpu / made,
            "least": least.cpu / made,
            "aimed": size == max(BATCHES),
        }


class Stopwatch:
    """Seconds by the clock and of this process's threads together."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def time(self, do: Callable[[], object]) -> None:
        """Have this done, and add what it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        do()
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


def _mint(issuer: Issuer, wanted: Sequence[Ask], times: int) -> None:
    for _ in range(times):
        answers = issuer.mint(_NODE, wanted)
        if not all(isinstance(answer, Issued) for answer in answers):
            raise RuntimeError(f"not issued: {answers}")


def main() -> None:
    """Measure in a folder or on a database, and print a line of JSON for each way."""
    parser = argparse.ArgumentParser(prog="python -m bench.identity.issuing", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--database", default="", help="a PostgreSQL address; without one, SQLite in the folder")
    given = parser.parse_args()
    with opened(founded(given.folder, _ENTRIES, given.database)) as domain:
        for line in measure(domain, given.count):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
