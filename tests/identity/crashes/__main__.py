"""`python -m tests.identity.crashes --kills 200 --seed 7 [--postgres]`: kills, and what they did not do."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.identity.crashes.campaign import Campaign
from tests.postgres import serving


def main() -> int:
    """Prints every kill and then what was found; 1 where something was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=30, help="kills until the next trust domain is founded")
    parser.add_argument("--postgres", action="store_true", help="two servers on one PostgreSQL")
    given = parser.parse_args()
    home, began = Path(tempfile.mkdtemp(prefix="licet-kills-")), time.monotonic()

    def tell(line: str) -> None:
        print(line, flush=True)

    if given.postgres:
        with serving() as postgres:
            result = Campaign(home, given.seed, postgres, tell).run(given.kills, given.rounds)
    else:
        result = Campaign(home, given.seed, None, tell).run(given.kills, given.rounds)
    print(f"{result.kills.total()} kills in {time.monotonic() - began:.0f} s: {dict(result.kills)}")
    print(f"by {dict(result.moments)}; {result.missed} ended before their moment")
    print(f"{result.records} records, {result.serials} serials, {result.tokens} tokens in the logs")
    print(f"{result.acknowledged} acknowledged things looked for, {result.looks} looks, {result.answers} answers")
    print(f"refused calls {dict(result.refusals)}")
    for fault in result.faults:
        print(fault, file=sys.stderr)
    if not result.faults:
        shutil.rmtree(home)
    return int(bool(result.faults))


if __name__ == "__main__":
    sys.exit(main())
