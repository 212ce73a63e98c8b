"""On random clusters, with agreements that nearly fit, the proof says what looking at every packet says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from random import Random

import msgspec
import pytest

from licet.contracts.agreement import Addresses, Agreement, Agreements, EdgeKind, End, Isolated
from licet.contracts.contract import Mode
from licet.diag.place import Origin, Place
from licet.model.addresses import EVERY_ADDRESS, EVERY_V4, AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import BlockPeer, ClusterPolicy, ClusterRule, NetworkPolicy, NetworkRule
from licet.model.ports import FIRST_PORT, LAST_PORT, PortRange, PortSet, Protocol
from licet.model.profile import Profile
from licet.model.profiles import PROFILES
from licet.model.verdict import Verdict
from licet.model.workload import Workload
from licet.proof.comparison import Comparison
from licet.proof.ground import Ground
from licet.proof.proof import Fault
from licet.proof.prove import prove
from tests.clusters import chance, random_cluster, random_profile, some
from tests.oracle import Side, decide

ANY = "any pod"
CASES = 32
EXTRA = 7777
"""A port that no rule names."""
PLACE = Place(Origin("contracts.yaml"))


class Pair(msgspec.Struct, frozen=True):
    """Two ends of which one is judged, and what the naive evaluator says port by port."""

    src: Side
    dst: Side
    verdicts: dict[tuple[Protocol, int], Verdict]

    def __str__(self) -> str:
        return " -> ".join(str(end.key) if isinstance(end, Workload) else str(end) for end in (self.src, self.dst))


class Case(msgspec.Struct, frozen=True):
    """A random cluster, who is isolated there, and agreements about it."""

    cluster: Cluster
    profile: Profile
    agreements: Agreements
    pairs: tuple[Pair, ...] = ()
    cells: tuple[int, ...] = ()


@cache
def random_case(seed: int) -> Case:
    """Agreements are what is certainly permitted, with at most one change: then a proof has few differences or none."""
    rng = Random(seed)
    cluster = random_cluster(rng)
    profile = rng.choice(list(PROFILES.values())) if seed % 2 else random_profile(rng)
    pods = [pod for pod in cluster.workloads if not pod.host_network]
    isolated = {
        pod.key: Isolated(pod.key, Mode.SHADOW if chance(rng, 8) else Mode.ENFORCE, PLACE, ingress=not chance(rng, 6))
        for pod in some(rng, pods, 1, 3)
    }
    bare = Case(cluster, profile, Agreements((), isolated, (), ()))
    ground = Ground(bare.agreements, cluster, profile)
    cells = tuple(address_cells(ground))
    bare = msgspec.structs.replace(bare, pairs=tuple(judged_pairs(ground, cells)), cells=cells)
    agreed = list(_permitted(bare, perhaps=chance(rng, 6)))
    rng.shuffle(agreed)
    match rng.randrange(4):
        case 0 if agreed:
            agreed.pop()
        case 1 if agreed:
            one = agreed.pop()
            extra = PortSet.of(PortRange(rng.choice(list(Protocol)), EXTRA, EXTRA))
            agreed.append(msgspec.structs.replace(one, ports=one.ports | extra))
        case 2 if len(agreed) > 1:
            first, second = agreed.pop(), agreed.pop()
            agreed += [msgspec.structs.replace(first, dst=second.dst), second]
    return msgspec.structs.replace(bare, agreements=msgspec.structs.replace(bare.agreements, agreements=tuple(agreed)))


def _permitted(case: Case, *, perhaps: bool) -> Iterator[Agreement]:
    """Everything that is certain, pods that no manifest holds included; with `perhaps` what is only possible too."""
    wanted = {Verdict.ALLOW, Verdict.UNDETERMINED} if perhaps else {Verdict.ALLOW}
    for pair in case.pairs:
        ports = _filled({point for point, verdict in pair.verdicts.items() if verdict in wanted}, pair)
        ends = [_end(pair.src, case), _end(pair.dst, case)]
        if ports:
            kind = EdgeKind.CIDR if Addresses in map(type, ends) else EdgeKind.WORKLOAD
            yield Agreement(kind, ends[0], ends[1], ports, PLACE, PLACE)


def _end(side: Side, case: Case) -> End:
    if isinstance(side, Workload):
        return side.key
    assert isinstance(side, int)
    after = min((cell for cell in case.cells if cell > side), default=EVERY_ADDRESS.spans[0][1] + 1)
    return Addresses(AddressSet(((side, after - 1),)), str(side))


def _filled(points: set[tuple[Protocol, int]], pair: Pair) -> PortSet:
    """The ports from each point that is asked up to the next."""
    ranges = []
    for protocol in Protocol:
        asked = sorted(port for asked, port in pair.verdicts if asked is protocol)
        for port, following in zip(asked, [*asked[1:], LAST_PORT + 1], strict=True):
            if (protocol, port) in points:
                ranges.append(PortRange(protocol, port, following - 1))
    return PortSet.of(*ranges)


def address_cells(ground: Ground) -> list[int]:
    """The first address of every range in which no block begins or ends."""
    cluster, platform = ground.reach.cluster, ground.reach.cluster.platform
    sets = [EVERY_ADDRESS, EVERY_V4, ground.scope.world, platform.pod_addresses, platform.node_addresses]
    sets += [peer.addresses for rule in rules(cluster) for peer in rule.peers or () if isinstance(peer, BlockPeer)]
    found = {edge for one in sets for first, last in one.ranges() for edge in (first, last + 1)}
    return sorted(found - {EVERY_ADDRESS.spans[0][1] + 1})


def port_cells(cluster: Cluster) -> list[int]:
    """The first port of every range in which nothing changes; the second one too, where endPort may be ignored."""
    found = {FIRST_PORT, EXTRA, EXTRA + 1}
    found |= {edge for pod in cluster.workloads for port in pod.ports for edge in (port.number, port.number + 1)}
    for rule in rules(cluster):
        for port in rule.ports or ():
            if isinstance(port, PortRange):
                found |= {port.first, port.first + 1, port.last + 1}
    return sorted(port for port in found if port <= LAST_PORT)


def rules(cluster: Cluster) -> Iterator[NetworkRule | ClusterRule]:
    """Every rule of every policy."""
    policies: list[NetworkPolicy | ClusterPolicy] = [*cluster.network_policies, *cluster.cluster_policies]
    for policy in policies:
        yield from (*(policy.ingress or ()), *(policy.egress or ()))


def judged_pairs(ground: Ground, cells: Sequence[int]) -> Iterator[Pair]:
    """Every pair that the proof is about: written from the definition, not from the code."""
    cluster, profile = ground.reach.cluster, ground.reach.profile
    told = ground.isolated
    points = [(protocol, port) for protocol in Protocol for port in port_cells(cluster)]
    ends: list[Side] = [pod for pod in cluster.workloads if not pod.host_network]
    outside = [
        address for address in cells if any(first <= address <= last for first, last in ground.scope.world.spans)
    ]
    for src in (*ends, *outside):
        for dst in (*ends, *outside):
            sends = isinstance(src, Workload) and src.key in told
            serves = isinstance(dst, Workload) and dst.key in told and told[dst.key].ingress
            is_itself = isinstance(src, Workload) and src is dst and src.key.kind == "Pod"
            if (sends or serves) and not is_itself:
                yield Pair(src, dst, {point: decide(cluster, profile, src, dst, *point) for point in points})


def naive_faults(case: Case, ground: Ground, pair: Pair) -> set[Fault]:
    """What is wrong with a pair, packet by packet."""
    found: set[Fault] = set()
    is_node = any(
        isinstance(end, int) and any(first <= end <= last for first, last in ground.scope.nodes.spans)
        for end in (pair.src, pair.dst)
    )
    mine = [a for a in case.agreements.agreements if _is(a.src, pair.src) and _is(a.dst, pair.dst)]
    for point, verdict in pair.verdicts.items():
        agreed = any(point in agreement.ports for agreement in mine)
        match (agreed, verdict):
            case (True, Verdict.DENY) if not is_node:
                found.add(Fault.MISSING)
            case (True, Verdict.UNDETERMINED) if not is_node:
                found.add(Fault.PERHAPS_MISSING)
            case (False, Verdict.ALLOW):
                found.add(Fault.EXCESS)
            case (False, Verdict.UNDETERMINED) if not is_node:
                found.add(Fault.PERHAPS_EXCESS)
    return found


def is_chameleon(end: Side) -> bool:
    """Whether this is a pod of which the labels may be anything; its excess is told as certain where it can be."""
    return isinstance(end, Workload) and end.key.name == ANY


def certain(fault: Fault) -> Fault:
    """The fault without the doubt whether a chameleon has the labels."""
    return Fault.EXCESS if fault is Fault.PERHAPS_EXCESS else fault


def _is(end: End, side: Side) -> bool:
    if isinstance(end, Addresses):
        return isinstance(side, int) and any(first <= side <= last for first, last in end.addresses.spans)
    return isinstance(end, Key) and isinstance(side, Workload) and side.key == end


@pytest.mark.parametrize("batch", range(8))
def test_the_proof_says_what_every_packet_says(batch: int) -> None:
    """Pairs of pods with their numbers, addresses as a whole; and whether the proof holds at all."""
    for seed in range(batch, CASES, 8):
        case = random_case(seed)
        ground = Ground(case.agreements, case.cluster, case.profile)
        naive: Counter[tuple[str, Fault]] = Counter()
        for pair in case.pairs:
            within = isinstance(pair.src, Workload) and isinstance(pair.dst, Workload)
            faults = naive_faults(case, ground, pair)
            if is_chameleon(pair.src) or is_chameleon(pair.dst):
                faults = {certain(fault) for fault in faults}
            for fault in faults:
                naive["pods" if within else "outside", fault] += 1
        told: Counter[tuple[str, Fault]] = Counter()
        for one in Comparison(ground).deviations():
            within = one.direction is None
            made = within and (ground.scope.chameleons & (1 << one.src | 1 << one.dst))
            told["pods" if within else "outside", certain(one.fault) if made else one.fault] += one.count
        for where, fault in {**naive, **told}:
            a, b = naive[where, fault], told[where, fault]
            assert a == b if where == "pods" else bool(a) == bool(b), f"seed {seed}: {where} {fault}: {a}, told {b}"
        assert prove(case.agreements, case.cluster, case.profile).holds == (not naive), f"seed {seed}"


def test_the_cases_are_worth_judging() -> None:
    """Some hold, and every fault is met."""
    met: Counter[str] = Counter()
    for seed in range(CASES):
        case = random_case(seed)
        proof = prove(case.agreements, case.cluster, case.profile)
        met["holds"] += proof.holds
        met.update(one.fault.value for one in (*proof.missing, *proof.excess, *proof.unproved))
    assert all(met[name] for name in ("holds", *(fault.value for fault in Fault))), met
