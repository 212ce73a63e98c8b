"""Long runs of the differential tests: `python -m tests.long --packets 1000000 --seed 7`, or `--judge` for cyclonus."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial

from licet.analysis.reach import reach
from licet.model.verdict import Verdict
from tests.differences import differences, engine_side, random_case, smallest
from tests.judge.cases import PROFILE, judged
from tests.judge.driver import Judge, build
from tests.oracle import decide


def main() -> int:
    """Compare until the packets are used up; returns 1 where somebody disagrees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0, help="the seed of the first cluster; each has its own")
    parser.add_argument("--per-cluster", type=int, default=200)
    parser.add_argument("--stop-after", type=int, default=5, help="how many disagreeing clusters to show")
    parser.add_argument("--judge", action="store_true", help="NetworkPolicy against cyclonus instead of everything")
    given = parser.parse_args()
    if not given.judge:
        return run(given, against_oracle)
    with Judge(build()) as judge:
        return run(given, partial(against_judge, judge))


def run(given: argparse.Namespace, compare: Callable[[int, int], tuple[int, str]]) -> int:
    """Compare seed after seed; `compare` returns how many packets it asked and what is to be shown."""
    started, asked, shown, seed = time.monotonic(), 0, 0, given.seed
    while asked < given.packets and shown < given.stop_after:
        try:
            packets, fault = compare(seed, given.per_cluster)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        if fault:
            shown += 1
            print(f"seed {seed}: {fault}\n", flush=True)
        asked += packets
        seed += 1
    print(f"{asked} packets in {seed - given.seed} clusters, {time.monotonic() - started:.0f} s, {shown} disagreements")
    return 1 if shown else 0


def against_oracle(seed: int, packets: int) -> tuple[int, str]:
    """Engine, map and explanations against the naive evaluator."""
    found = next(differences(*random_case(seed, packets)), None)
    return packets, "" if found is None else str(smallest(found))


def against_judge(judge: Judge, seed: int, packets: int) -> tuple[int, str]:
    """Engine and naive evaluator against cyclonus."""
    cluster, said = judged(judge, seed, packets)
    engine = reach(cluster, PROFILE)
    for q, verdict in said:
        answers: dict[str, Verdict] = {
            "cyclonus": verdict,
            "oracle": decide(cluster, PROFILE, q.src, q.dst, q.protocol, q.port),
            "verdict": engine.verdict(engine_side(q.src), engine_side(q.dst), q.protocol, q.port),
        }
        if len(set(answers.values())) > 1:
            return len(said), f"{answers} on {q} in {cluster}"
    return len(said), ""


if __name__ == "__main__":
    sys.exit(main())
