"""Pods are one class only where no policy can tell them apart."""

from __future__ import annotations

import pytest

from licet.analysis.population import Population
from licet.analysis.reach import reach
from licet.model.ports import Protocol
from licet.model.profiles import PROFILES
from licet.model.verdict import Verdict
from tests.analysis.small import block, cluster, network_policy, rule, workload

PROFILE = PROFILES["kube-network-policies"]


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("10.0.0.0", "9.255.255.255"),
        ("10.0.0.255", "10.0.1.0"),
        ("10.0.0.255", "10.0.1.1"),
        ("10.0.0.0", "fc00::1"),
        ("fd00::ffff", "fd00::1:0"),
        ("fd00::", "fcff::1"),
    ],
)
def test_an_edge_of_a_block_tells_pods_apart(inside: str, outside: str) -> None:
    """The first address, the last, and their neighbours, of pods that are alike in everything else."""
    pods = [
        workload(name, app="x", addresses=[at]) for name, at in (("in", inside), ("out", outside), ("db", "1.1.1.1"))
    ]
    policy = network_policy("p", ingress=[rule(0, [block("10.0.0.0/24"), block("fd00::/112")])])
    answer = reach(cluster(*pods, policy), PROFILE)
    said = [answer.verdict(workload(name).key, workload("db").key, Protocol.TCP, 80) for name in ("in", "out")]
    assert said == [Verdict.ALLOW, Verdict.DENY]


def test_pods_that_no_block_tells_apart_are_one_class() -> None:
    """And pods whose addresses are not known are another."""
    pods = [workload(name, app="x", addresses=[f"10.0.0.{i}"]) for i, name in enumerate("ab", 1)]
    policy = network_policy("p", ingress=[rule(0, [block("10.0.0.0/24")])])
    found = Population(cluster(*pods, workload("c", app="x"), policy), PROFILE)
    assert [pod_class.members for pod_class in found.classes] == [[], [0, 1], [2]]


def test_a_namespace_that_is_not_there_has_no_classes() -> None:
    found = Population(cluster(workload("a"), workload("b", "mail")), PROFILE)
    assert [found.in_namespace(name) for name in ("shop", "mail", "nowhere")] == [0b010, 0b100, 0]
