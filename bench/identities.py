"""The identity plane, measured in processes of its own."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import dataclass

from bench.cases import OUT, python
from bench.result import Fetching, Identities, Issuing, Rotating, Watching


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many certificates in each way of issuing, fetches on one connection, and open streams."""

    issued: int
    fetched: int
    watchers: int


FULL = Amounts(8192, 8192, 1000)
QUICK = Amounts(128, 128, 120)


def measure(amounts: Amounts) -> Identities:
    """Everything that could be measured, and why there is no more where there is none."""
    if not all(map(importlib.util.find_spec, ("grpc", "sqlalchemy", "cryptography"))):
        return Identities(skipped="the packages of the extra `identity` are not installed")
    folder, printed = OUT / "identity", OUT / "identity.jsonl"
    wanted = [f"--{name}={getattr(amounts, name)}" for name in ("issued", "fetched", "watchers")]
    outcome = python("-m", "bench.identity", str(folder), *wanted, output=printed)
    shutil.rmtree(folder, ignore_errors=True)
    found = Identities(failure=outcome.failure and f"identities: {outcome.failure}")
    for line in printed.read_text().splitlines():
        [(kind, values)] = json.loads(line).items()
        match kind:
            case "Issuing":
                found.issuing.append(Issuing(**values))
            case "Fetching":
                found.fetching.append(Fetching(**values))
            case "Rotating":
                found.rotating.append(Rotating(**values))
            case "Watching":
                found.watching.append(Watching(**values))
    return found
