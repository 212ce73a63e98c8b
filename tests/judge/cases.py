"""Clusters that the judge can be asked about, and how it reads them."""

from __future__ import annotations

from random import Random

import msgspec

from licet.model.cluster import Cluster
from licet.model.policy import NetworkPolicy, NetworkRule, Peer, PodPeer
from licet.model.profiles import PROFILES
from licet.model.selector import Operator, Requirement, Selector
from licet.model.verdict import Verdict
from tests.clusters import Features, Question, questions, random_cluster
from tests.judge.driver import Judge
from tests.oracle import Controller

PROFILE = PROFILES["kube-network-policies"]
"""As the judge does: ipBlock sees the addresses of pods."""
KNOWN = Features(unknowns=False, cluster_policies=False)


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
