"""What is told of as idle can go without changing who reaches whom, one by one and all together; nothing else can."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import msgspec
import pytest

from licet.analysis.diff import diff
from licet.analysis.lint import lint
from licet.analysis.population import Population
from licet.analysis.reach import reach
from licet.diag.diagnostic import Diagnostic
from licet.diag.place import Place
from licet.model.cluster import Cluster
from licet.model.policy import Direction, Peer, PodPeer
from licet.model.profile import Profile
from licet.model.profiles import PROFILES
from licet.model.selector import EVERYTHING
from tests.clusters import EVERY_FEATURE, Features, random_cluster, random_profile

Idle = tuple[str, str | None, int | None]
"""(source of a policy, direction, index of a rule); None for all of them."""

RULES = {"L0204", "L0205", "L0206", "L0209", "L0213"}
POLICIES = {"L0200", "L0208"}


def idle(findings: Iterable[Diagnostic]) -> list[Idle]:
    """The policies and rules that the findings say are idle."""
    found: list[Idle] = []
    for finding in findings:
        assert isinstance(finding.where, Place)
        source, path = finding.where.origin.source, finding.where.path
        emptied = finding.code == "L0203" and "take the rule out" in finding.help
        whole = emptied or finding.label == "the rule allows nothing" or finding.message.endswith("] matches nobody")
        if finding.code in RULES or (whole and not finding.message.startswith("a peer of")):
            found.append((source, str(path[1]), int(path[2])))
        elif finding.code == "L0207":
            found.append((source, str(path[1]), None))
        elif finding.code in POLICIES and finding.severity.word == "warning":
            found.append((source, None, None))
    return found


def without(cluster: Cluster, gone: Iterable[Idle]) -> Cluster:
    """The cluster without policies and rules."""
    dropped = set(gone)

    def kept(policies: tuple[msgspec.Struct, ...]) -> tuple[msgspec.Struct, ...]:
        left = []
        for policy in policies:
            source = policy.origin.source  # type: ignore[attr-defined]
            if (source, None, None) in dropped:
                continue
            for side in Direction:
                rules = getattr(policy, side.value)
                if rules:
                    still = tuple(
                        rule
                        for rule in rules
                        if (source, side.value, rule.index) not in dropped and (source, side.value, None) not in dropped
                    )
                    policy = msgspec.structs.replace(policy, **{side.value: still})
            left.append(policy)
        return tuple(left)

    return msgspec.structs.replace(
        cluster,
        network_policies=kept(cluster.network_policies),
        cluster_policies=kept(cluster.cluster_policies),
    )


def crowded(rng: Random, features: Features = EVERY_FEATURE) -> Cluster:
    """A cluster in which policies often say the same: those of another join it, and half of its own once more."""
    one, other = random_cluster(rng, features), random_cluster(rng, features)
    again = [p for p in other.network_policies if p.key.namespace in one.namespaces]
    again += rng.sample(one.network_policies, len(one.network_policies) // 2)
    more = tuple(
        msgspec.structs.replace(
            policy,
            key=msgspec.structs.replace(policy.key, name=f"again{at}"),
            origin=msgspec.structs.replace(policy.origin, source=f"again{at}.yaml"),
        )
        for at, policy in enumerate(again)
    )
    return msgspec.structs.replace(one, network_policies=(*one.network_policies, *more))


def same(before: Cluster, after: Cluster, profile: Profile) -> bool:
    """Whether everyone reaches exactly what they did."""
    return not diff(reach(before, profile), reach(after, profile))


@pytest.mark.parametrize("seed", range(150))
def test_what_is_idle_can_go(seed: int) -> None:
    rng = Random(seed)
    cluster = crowded(rng) if seed % 2 else random_cluster(rng)
    profile = random_profile(rng) if seed % 3 else rng.choice(list(PROFILES.values()))
    gone = idle(lint(reach(cluster, profile)))
    for one in gone:
        assert same(cluster, without(cluster, [one]), profile), one
    assert same(cluster, without(cluster, gone), profile)


def test_idle_things_are_found() -> None:
    """The law above is worth something: among its clusters there is one of each kind of finding."""
    codes: set[str] = set()
    for seed in range(150):
        rng = Random(seed)
        cluster = crowded(rng) if seed % 2 else random_cluster(rng)
        profile = random_profile(rng) if seed % 3 else rng.choice(list(PROFILES.values()))
        codes |= {finding.code for finding in lint(reach(cluster, profile))}
    assert codes >= {f"L02{number:02}" for number in range(14)} - {"L0203", "L0208", "L0209"}


def elsewhere(peer: Peer | None, population: Population) -> bool:
    """Whether a peer's pods are in namespaces of which the cluster holds none, of which no more can be said."""
    return (
        isinstance(peer, PodPeer)
        and peer.namespaces is not None
        and not population.select(peer.namespaces, EVERYTHING).possible
    )


PLAIN = msgspec.structs.replace(PROFILES["calico"], name="plain")


@pytest.mark.parametrize("seed", range(150))
def test_nothing_else_can_go(seed: int) -> None:
    """Where nothing is unknown and only one side decides, each rule that is left after the idle ones is needed."""
    rng = Random(seed)
    cluster = crowded(rng, Features(unknowns=False, cluster_policies=False))
    cluster = msgspec.structs.replace(
        cluster,
        network_policies=tuple(
            msgspec.structs.replace(policy, egress=None)
            for policy in cluster.network_policies
            if policy.ingress is not None
        ),
    )
    left = without(cluster, idle(lint(reach(cluster, PLAIN))))
    applied = reach(left, PLAIN).population
    for policy in left.network_policies:
        if not applied.isolated_by(policy.key.namespace, policy.pods).possible:
            continue
        for rule in policy.ingress or ():
            if any(elsewhere(peer, applied) for peer in rule.peers or (None,)):
                continue
            one = (policy.origin.source, "ingress", rule.index)
            assert not same(left, without(left, [one]), PLAIN), one
