"""Compiled, written, read back, and judged packet by packet by somebody else: exactly what was agreed."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from licet.compile.compiled import Level
from licet.compile.plan import Parties, sides_of
from licet.compile.selectors import Selections
from licet.compile.table import TABLE
from licet.compile.targets import TARGETS
from licet.contracts.agreement import Agreement, EdgeKind
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.profiles import PROFILES
from licet.model.verdict import Verdict
from licet.model.workload import Workload
from tests.compile.agreed import Case, agreed, isolated_by, packets, random_case, read_back
from tests.oracle import Side, contains, decide, is_node

PROFILE = PROFILES["kube-network-policies"]
CASES = 60
PACKETS = 30


@pytest.mark.parametrize(("widen", "whole"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_written_permits_exactly_what_is_agreed(target: str, widen: bool, whole: bool) -> None:
    counted = Counter[bool]()
    for seed in range(CASES):
        rng = Random(seed)
        case = random_case(rng, whole=whole)
        compiled = TARGETS[target](case.agreements, case.cluster, widen, PROFILE)
        if whole and any(one.code in ("L0400", "L0401", "L0402") for one in compiled.diagnostics):
            continue
        enforced = read_back(case.cluster, compiled)
        isolated = isolated_by(compiled, case)
        for q in packets(rng, case, enforced, PACKETS):
            if _is_a_pods(case.cluster, q.src) or _is_a_pods(case.cluster, q.dst):
                continue
            restricted = _leaving(q.src, isolated) or _entering(q.src, q.dst, isolated, case, target)
            expected = not restricted or agreed(case, compiled.fidelity, isolated, q.src, q.dst, q.protocol, q.port)
            verdict = decide(enforced, PROFILE, q.src, q.dst, q.protocol, q.port)
            told = f"{target}, seed {seed}: {q} of {case.agreements} is {verdict}\n{compiled.written}"
            if is_node(case.cluster, q.src) or is_node(case.cluster, q.dst):
                assert expected or widen or verdict is not Verdict.ALLOW, told
                assert not expected or verdict is not Verdict.DENY, told
                continue
            assert verdict is (Verdict.ALLOW if expected else Verdict.DENY), told
            if restricted:
                counted[expected] += 1
    assert min(counted.values()) > counted.total() / 12, "packets that are all alike judge nothing"


def _is_a_pods(cluster: Cluster, side: Side) -> bool:
    """An address that is some pod's is no end of its own."""
    return isinstance(side, int) and contains(cluster.platform.pod_addresses, side)


def _leaving(src: Side, isolated: set[Key]) -> bool:
    return isinstance(src, Workload) and src.key in isolated


def _entering(src: Side, dst: Side, isolated: set[Key], case: Case, target: str) -> bool:
    if not isinstance(dst, Workload) or dst.key not in isolated or not case.agreements.isolated[dst.key].ingress:
        return False
    return target == "networkpolicy" or (isinstance(src, Workload) and not src.host_network)


@pytest.mark.parametrize("target", TARGETS)
def test_every_level_is_the_tables(target: str) -> None:
    """What the table calls exact is exact, but for hostNetwork pods, strangers and blocks of pods' addresses."""
    seen = set[EdgeKind]()
    for seed in range(CASES):
        case = random_case(Random(seed), hosts=False)
        compiled = TARGETS[target](case.agreements, case.cluster, False, PROFILE)
        if any(d.code in ("L0400", "L0401") for d in compiled.diagnostics):
            continue
        for one in compiled.fidelity:
            expected = _by_table(one.agreement, case, target)
            excused = "as the Platform says" in one.reason or "would match" in one.reason or "no label" in one.reason
            assert one.level is expected or excused, f"seed {seed}: {one}"
            seen.add(one.agreement.kind)
    assert seen == set(EdgeKind)


def _by_table(agreement: Agreement, case: Case, target: str) -> Level:
    expressed = TABLE[target][agreement.kind]
    parties = Parties(case.agreements, Selections(case.cluster))
    levels = [expressed.level(direction) for direction, end in sides_of(agreement) if parties.of(end, direction)]
    if Level.UNSUPPORTED in levels:
        return Level.UNSUPPORTED
    return Level.WIDENED if agreement.http or agreement.grpc else Level.EXACT
