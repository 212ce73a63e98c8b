"""Where the engine and the naive evaluator part ways, made as small as they will go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

import msgspec

from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.explain import explain
from licet.analysis.reach import reach
from licet.model.addresses import AddressSet, range_from_text
from licet.model.cluster import Cluster
from licet.model.edge import EndpointType, ReachMap
from licet.model.key import Key
from licet.model.profile import Profile
from licet.model.profiles import PROFILES
from licet.model.verdict import Verdict
from licet.model.workload import Workload
from tests.clusters import Question, questions, random_cluster, random_profile
from tests.oracle import Controller, Side, decide

EXPLAINED = 8
"""How many packets of a cluster are explained as well; explaining is for people and not made to be fast."""


class Difference(msgspec.Struct, frozen=True):
    """One packet on which somebody is wrong. `answers` names who says what."""

    cluster: Cluster
    profile: Profile
    question: Question
    answers: dict[str, Verdict]

    def __str__(self) -> str:
        said = ", ".join(f"{who}: {verdict.value}" for who, verdict in self.answers.items())
        src, dst = (side.key if isinstance(side, Workload) else side for side in (self.question.src, self.question.dst))
        packet = f"{src} -> {dst} {self.question.protocol.name} {self.question.port}"
        parts: list[object] = [said, packet, self.profile, self.cluster.platform, *self.cluster.namespaces.values()]
        parts += [*self.cluster.workloads, *self.cluster.network_policies, *self.cluster.cluster_policies]
        return "\n  ".join(map(str, parts))


def random_case(seed: int, packets: int) -> tuple[Cluster, Profile, list[Question]]:
    """The case of a seed: every other one with a shipped profile."""
    rng = Random(seed)
    cluster = random_cluster(rng)
    profile = random_profile(rng) if seed % 2 else rng.choice(list(PROFILES.values()))
    return cluster, profile, list(questions(rng, cluster, packets))


def differences(cluster: Cluster, profile: Profile, asked: Iterable[Question]) -> Iterator[Difference]:
    """Every packet that the engine's verdict, its map or its explanation sees otherwise than the naive evaluator."""
    engine = reach(cluster, profile)
    drawn = MapReader(engine.map(), cluster.platform.pod_addresses)
    for number, question in enumerate(asked):
        ends = engine_side(question.src), engine_side(question.dst)
        packet = question.protocol, question.port
        answers = {
            "oracle": decide(cluster, profile, question.src, question.dst, *packet),
            "verdict": engine.verdict(*ends, *packet),
        }
        if drawn.holds(question):
            answers["map"] = drawn.verdict(question)
        if number < EXPLAINED:
            answers["explain"] = explain(cluster, profile, *ends, *packet).verdict
        if len(set(answers.values())) > 1:
            yield Difference(cluster, profile, question, answers)


def engine_side(side: Side) -> Key | int:
    """How the engine names one end."""
    if isinstance(side, Workload):
        return side.key
    return INGRESS_CONTROLLER if isinstance(side, Controller) else side


class MapReader:
    """A ReachMap, asked for single packets."""

    def __init__(self, drawn: ReachMap, inside: AddressSet) -> None:
        self._map = drawn
        self._inside = inside
        self._workloads = {e.key: e.id for e in drawn.endpoints if e.type is EndpointType.WORKLOAD}
        self._addresses = [(range_from_text(e.id), e.id) for e in drawn.endpoints if e.type is EndpointType.ADDRESSES]
        for edges, certain in ((drawn.edges, True), (drawn.undetermined, False)):
            for edge in edges:
                assert certain is not bool(edge.assumptions), f"an edge's assumptions say that it is uncertain: {edge}"

    def holds(self, question: Question) -> bool:
        """Whether the packet is the map's business.

        The ingress controller is there only where a route leads on, one pod's traffic to itself is no edge, and the
        addresses of pods are not outside.
        """
        for side in (question.src, question.dst):
            if isinstance(side, int) and any(first <= side <= last for first, last in self._inside.spans):
                return False
        if isinstance(question.src, Controller):
            return False
        return not (
            question.src is question.dst and isinstance(question.src, Workload) and question.src.key.kind == "Pod"
        )

    def verdict(self, question: Question) -> Verdict:
        """What the map says of one packet."""
        src, dst = self._ids(question.src), self._ids(question.dst)
        packet = question.protocol, question.port
        verdicts = [
            verdict
            for edges, verdict in ((self._map.edges, Verdict.ALLOW), (self._map.undetermined, Verdict.UNDETERMINED))
            if any(src.intersection(edge.src) and dst.intersection(edge.dst) and packet in edge.ports for edge in edges)
        ]
        assert len(verdicts) < 2, f"edges contradict each other at {src} -> {dst}"
        return verdicts[0] if verdicts else Verdict.DENY

    def _ids(self, side: Side) -> set[str]:
        """The endpoints that one end of a packet belongs to; ranges of addresses may overlap."""
        if isinstance(side, Workload):
            return {self._workloads[side.key]}
        assert isinstance(side, int)
        found = {name for held, name in self._addresses if any(a <= side <= b for a, b in held.spans)}
        assert found, f"no endpoint of the map holds {side}"
        return found


def smallest(found: Difference) -> Difference:
    """The same disagreement with everything left out that it does not need."""
    while True:
        for cluster in _with_less(found.cluster):
            left_keys = {workload.key for workload in cluster.workloads}
            ends = (found.question.src, found.question.dst)
            if any(isinstance(end, Workload) and end.key not in left_keys for end in ends):
                continue
            left = next(differences(cluster, found.profile, [found.question]), None)
            if left is not None:
                found = left
                break
        else:
            return found


def _with_less(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster without one workload, policy, rule, peer, port or requirement."""
    for field in ("workloads", "network_policies", "cluster_policies"):
        held = getattr(cluster, field)
        for i in range(len(held)):
            yield msgspec.structs.replace(cluster, **{field: held[:i] + held[i + 1 :]})
    for field in ("network_policies", "cluster_policies"):
        held = getattr(cluster, field)
        for i, policy in enumerate(held):
            for less in _policy_with_less(policy):
                yield msgspec.structs.replace(cluster, **{field: (*held[:i], less, *held[i + 1 :])})


def _policy_with_less(policy: msgspec.Struct) -> Iterator[msgspec.Struct]:
    for side in ("ingress", "egress"):
        rules = getattr(policy, side) or ()
        for i, rule in enumerate(rules):
            yield msgspec.structs.replace(policy, **{side: rules[:i] + rules[i + 1 :]})
            for part in ("peers", "ports"):
                entries = getattr(rule, part) or ()
                for j in range(len(entries) if len(entries) > 1 else 0):
                    less = msgspec.structs.replace(rule, **{part: entries[:j] + entries[j + 1 :]})
                    yield msgspec.structs.replace(policy, **{side: (*rules[:i], less, *rules[i + 1 :])})
            if getattr(rule, "ports", None):
                less = msgspec.structs.replace(rule, ports=None)
                yield msgspec.structs.replace(policy, **{side: (*rules[:i], less, *rules[i + 1 :])})
