"""The same law for NetworkPolicies, with cyclonus as the judge of what they mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from licet.compile.networkpolicy import compile
from licet.model.key import Key
from licet.model.workload import Workload
from tests.clusters import Question
from tests.compile.agreed import Case, agreed, isolated_by, packets, random_case, read_back
from tests.judge.cases import PROFILE, as_the_judge_reads
from tests.judge.driver import Judge, build
from tests.oracle import Side, contains, is_node

CASES = 120
PACKETS = 25


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(build()) as running:
        yield running


def test_cyclonus_lets_through_exactly_what_is_agreed(judge: Judge) -> None:
    """NotIn is written only where the Platform's own selector says so; the generator has none."""
    counted = Counter[bool]()
    for seed in range(CASES):
        rng = Random(seed)
        case = random_case(rng, hosts=False)
        compiled = compile(case.agreements, case.cluster, False, PROFILE)
        enforced = read_back(case.cluster, compiled)
        assert as_the_judge_reads(enforced) == enforced
        isolated = isolated_by(compiled, case)
        asked = [q for q in packets(rng, case, enforced, PACKETS) if _is_for_policies(case, q)]
        for q, allowed in zip(asked, judge.packets(enforced, asked), strict=True):
            restricted = any(
                _isolated(case, isolated, side, ingress) for side, ingress in ((q.src, False), (q.dst, True))
            )
            expected = agreed(case, compiled.fidelity, isolated, q.src, q.dst, q.protocol, q.port)
            assert allowed == (expected or not restricted), f"seed {seed}: {q}\n{case.agreements}\n{compiled.written}"
            if restricted:
                counted[expected] += 1
    assert min(counted.values()) > counted.total() / 12, "packets that are all alike judge nothing"


def _isolated(case: Case, isolated: set[Key], side: Side, ingress: bool) -> bool:
    if not isinstance(side, Workload) or side.key not in isolated:
        return False
    return not ingress or case.agreements.isolated[side.key].ingress


def _is_for_policies(case: Case, q: Question) -> bool:
    """Neither a pod's own address as an end of its own nor a node's, which reaches its pods whatever policies say."""
    return not any(
        is_node(case.cluster, side) or (isinstance(side, int) and contains(case.cluster.platform.pod_addresses, side))
        for side in (q.src, q.dst)
    )
