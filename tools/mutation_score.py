"""What `mutmut run` found, file by file; fails where fewer than nine mutants of ten were noticed."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

NOTICED = {1: "killed", 3: "killed", 24: "timeout", -24: "timeout", 36: "timeout"}
"""Exit codes of the tests under a mutant; a test run that no longer ends has noticed it too."""
SKIPPED = 34
LEAST = 0.9


def main() -> int:
    """Print the table and every survivor's name, for `mutmut show NAME`."""
    total: Counter[str] = Counter()
    survivors: list[str] = []
    for file in sorted(Path("mutants/src").rglob("*.meta")):
        codes: dict[str, int | None] = json.loads(file.read_text("utf-8"))["exit_code_by_key"]
        asked = {name: code for name, code in codes.items() if code not in (None, SKIPPED)}
        found = Counter(NOTICED.get(code, "survived") for code in asked.values())
        survivors += [name for name, code in asked.items() if code not in NOTICED]
        total += found
        if found:
            print(f"{file.stem:20} {_line(found)}")
    print(f"{'all':20} {_line(total)}")
    print(*survivors, sep="\n")
    return 0 if total.total() and _score(total) >= LEAST else 1


def _line(found: Counter[str]) -> str:
    return f"{_score(found):6.1%}" + "".join(f" {found[word]:6} {word}" for word in ("killed", "timeout", "survived"))


def _score(found: Counter[str]) -> float:
    return 1 - found["survived"] / found.total()


if __name__ == "__main__":
    sys.exit(main())
