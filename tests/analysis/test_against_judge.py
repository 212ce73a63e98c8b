"""NetworkPolicy and label selectors, judged by programs of other people: cyclonus and apimachinery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from licet.analysis.reach import reach
from licet.model.cluster import Cluster
from licet.model.policy import PodPeer
from licet.model.selector import Selector
from licet.model.ternary import Ternary
from licet.model.verdict import Verdict
from tests.differences import engine_side
from tests.judge.cases import PROFILE, judged, judged_case
from tests.judge.driver import Judge, build
from tests.oracle import decide
from tests.oracle_labels import labels_match

CASES = range(200)
PACKETS = 100


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(build()) as running:
        yield running


def test_the_engine_agrees_with_cyclonus(judge: Judge) -> None:
    for seed in CASES:
        cluster, said = judged(judge, seed, PACKETS)
        engine = reach(cluster, PROFILE)
        for q, verdict in said:
            answer = engine.verdict(engine_side(q.src), engine_side(q.dst), q.protocol, q.port)
            assert answer is verdict, f"seed {seed}: {q} in {cluster}"


def test_the_naive_evaluator_agrees_with_cyclonus(judge: Judge) -> None:
    """Who judges the judge: what the engine is held to elsewhere is itself held to a third reading."""
    counted = Counter[Verdict]()
    for seed in CASES:
        cluster, said = judged(judge, seed, PACKETS)
        for q, verdict in said:
            assert decide(cluster, PROFILE, q.src, q.dst, q.protocol, q.port) is verdict, (
                f"seed {seed}: {q} in {cluster}"
            )
        counted.update(verdict for _, verdict in said)
    assert min(counted.values()) > counted.total() / 5, "packets that are all alike judge nothing"


def test_selectors(judge: Judge) -> None:
    """In, NotIn, Exists and DoesNotExist as `k8s.io/apimachinery/pkg/labels` has them, missing keys included."""
    asked = [pair for seed in CASES for pair in _selections(judged_case(seed, 0)[0])]
    for (selector, labels), holds in zip(asked, judge.selectors(asked), strict=True):
        truth = Ternary.YES if holds else Ternary.NO
        assert selector.matches(labels) is truth, f"{selector} on {labels}"
        assert labels_match(selector, labels, frozenset(), frozenset()) is truth, f"{selector} on {labels}"


def _selections(cluster: Cluster) -> Iterator[tuple[Selector, dict[str, str]]]:
    pods = [dict(workload.labels) for workload in cluster.workloads]
    namespaces = [dict(namespace.labels) for namespace in cluster.namespaces.values()]
    for policy in cluster.network_policies:
        yield from ((policy.pods, labels) for labels in pods)
        for rule in (*(policy.ingress or ()), *(policy.egress or ())):
            for peer in rule.peers or ():
                if isinstance(peer, PodPeer):
                    yield from ((peer.pods, labels) for labels in pods)
                    yield from ((peer.namespaces or peer.pods, labels) for labels in namespaces)
