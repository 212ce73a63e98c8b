"""NetworkPolicy and label selectors, judged by programs of other people: cyclonus and apimachinery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

import msgspec
import pytest

from licet.analysis.reach import reach
from licet.model.cluster import Cluster
from licet.model.policy import NetworkPolicy, NetworkRule, Peer, PodPeer
from licet.model.profiles import PROFILES
from licet.model.selector import Operator, Requirement, Selector
from licet.model.ternary import Ternary
from licet.model.verdict import Verdict
from tests.clusters import Features, Question, questions, random_cluster
from tests.differences import engine_side
from tests.judge.driver import Judge, build
from tests.oracle import Controller, decide, labels_match

PROFILE = PROFILES["kube-network-policies"]
"""As the judge does: ipBlock sees the addresses of pods."""
KNOWN = Features(unknowns=False, cluster_policies=False)
CASES = range(200)
PACKETS = 100


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(build()) as running:
        yield running


def judged_case(seed: int, packets: int) -> tuple[Cluster, list[Question]]:
    """A cluster in which nothing is unknown, and packets that the judge can be asked.

    Left out is a pod's traffic to itself, which the judge puts under policy: "a pod cannot block access to itself"
    (kubernetes.io, Network Policies).
    """
    rng = Random(seed)
    cluster = random_cluster(rng, KNOWN)
    asked = [q for q in questions(rng, cluster, packets) if not isinstance(q.src, Controller) and q.src is not q.dst]
    return cluster, asked


def as_the_judge_reads(cluster: Cluster) -> Cluster:
    """The cluster with what the judge takes for granted written out.

    Cyclonus lets NotIn fail where the label is missing. The documentation says otherwise: `tier notin (frontend,
    backend)` selects "all resources with no labels with the tier key" too (kubernetes.io, Labels and Selectors), and
    apimachinery does so, which `test_selectors` holds Licet to.
    """
    return msgspec.structs.replace(cluster, network_policies=tuple(map(_policy, cluster.network_policies)))


def _policy(policy: NetworkPolicy) -> NetworkPolicy:
    return msgspec.structs.replace(
        policy,
        pods=_selector(policy.pods),
        ingress=None if policy.ingress is None else tuple(map(_rule, policy.ingress)),
        egress=None if policy.egress is None else tuple(map(_rule, policy.egress)),
    )


def _rule(rule: NetworkRule) -> NetworkRule:
    return msgspec.structs.replace(rule, peers=None if rule.peers is None else tuple(map(_peer, rule.peers)))


def _peer(peer: Peer) -> Peer:
    if not isinstance(peer, PodPeer):
        return peer
    return PodPeer(None if peer.namespaces is None else _selector(peer.namespaces), _selector(peer.pods))


def _selector(selector: Selector) -> Selector:
    there = [Requirement(r.key, Operator.EXISTS) for r in selector.requirements if r.operator is Operator.NOT_IN]
    return Selector.of([*selector.requirements, *there])


def judged(judge: Judge, seed: int, packets: int) -> tuple[Cluster, list[tuple[Question, Verdict]]]:
    """A cluster as the judge reads it, and packets with the judge's word."""
    cluster, asked = judged_case(seed, packets)
    said = [Verdict.ALLOW if allowed else Verdict.DENY for allowed in judge.packets(cluster, asked)]
    return as_the_judge_reads(cluster), list(zip(asked, said, strict=True))


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
        assert labels_match(selector, labels, frozenset()) is truth, f"{selector} on {labels}"


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
