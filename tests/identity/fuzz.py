"""Mutated input for whatever reads bytes of strangers: it says what they are, or refuses them cleanly.

python -m tests.identity.fuzz --inputs 100000 --seed 7 [--kind csr]
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from licet.identity.errors import IdentityError
from tests.identity import fuzz_certificates, fuzz_cgroup, fuzz_node_api, fuzz_secrets, fuzz_values, fuzz_workload_api
from tests.identity.mutation import mutated

Target: TypeAlias = tuple[Sequence[bytes], Callable[[bytes], object]]
"""Good inputs, and what reads others; it raises IdentityError for those that it refuses, and nothing else."""

KINDS: dict[str, Target] = {
    **fuzz_certificates.KINDS,
    **fuzz_secrets.KINDS,
    **fuzz_node_api.KINDS,
    **fuzz_cgroup.KINDS,
    **fuzz_values.KINDS,
    **fuzz_workload_api.KINDS,
}


class Failure(msgspec.Struct, frozen=True):
    """An input that was neither read nor cleanly refused."""

    kind: str
    data: bytes
    error: BaseException

    def __str__(self) -> str:
        return f"{self.kind}: {type(self.error).__name__}: {self.error}\n  {self.data.hex()}"


class Tally(msgspec.Struct):
    """How many inputs were read, and how many refused."""

    read: int = 0
    refused: int = 0


def inputs(kind: str, count: int, seed: int) -> Iterator[bytes]:
    """The good inputs, then as many mutated ones; the same for the same seed and the same good ones."""
    seeds = KINDS[kind][0]
    chance = random.Random(f"{kind} {seed}")
    yield from seeds
    for _ in range(count):
        yield mutated(chance.choice(seeds), seeds, chance)


def fuzz(kind: str, count: int, seed: int) -> tuple[Tally, list[Failure]]:
    """What became of so many inputs of this kind."""
    target, tally, failures = KINDS[kind][1], Tally(), []
    for data in inputs(kind, count, seed):
        try:
            target(data)
            tally.read += 1
        except IdentityError:
            tally.refused += 1
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of a library in Rust is no Exception
            failures.append(Failure(kind, data, error))
    return tally, failures


def main(arguments: Sequence[str]) -> int:
    """Prints a line a kind; 1 where something was neither read nor refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.identity.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kind", choices=sorted(KINDS), action="append")
    told = parser.parse_args(arguments)
    failed = 0
    for kind in told.kind or sorted(KINDS):
        tally, failures = fuzz(kind, told.inputs, told.seed)
        failed += len(failures)
        print(f"{kind}: {tally.read} read, {tally.refused} refused, {len(failures)} failed", flush=True)
        for failure in failures[:10]:
            print(failure, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
