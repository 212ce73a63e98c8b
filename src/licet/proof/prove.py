"""Is what is permitted what was agreed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from licet.analysis import bits
from licet.analysis.reach import Reach
from licet.compile.compiled import Unclosed
from licet.contracts.agreement import Agreements, Pods
from licet.contracts.contract import Mode
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.profile import Profile
from licet.model.ternary import Ternary
from licet.proof.causes import Causes
from licet.proof.comparison import Comparison, Scope
from licet.proof.expected import Expectations
from licet.proof.proof import Fault, Open, Proof
from licet.proof.standins import Staged, staged
from licet.proof.units import Units
from licet.proof.world import outside, settled


def prove(agreements: Agreements, cluster: Cluster, profile: Profile, unclosed: Sequence[Unclosed] = ()) -> Proof:
    """Compare, exactly, for every pair of endpoints of which one is default-deny and enforced.

    `cluster` holds the policies to judge. `unclosed` is what the target said it cannot refuse.
    """
    world = outside(cluster)
    settled_world = settled(cluster, profile)
    stage = staged(_without_routes(settled_world.cluster), _pods(agreements))
    reach = Reach(stage.cluster, settled_world.profile)
    units = Units(reach.population)
    scope = _scope(agreements, stage, reach, units, unclosed, world)
    expectations = Expectations(agreements.agreements, reach.population, units, scope.enforced, world)
    comparison = Comparison(reach, units, expectations, scope)
    isolated = {key: one for key, one in agreements.isolated.items() if one.mode is Mode.ENFORCE}
    causes = Causes(reach, units, expectations, isolated, agreements.agreements, stage.names)
    differences = causes.differences(comparison.deviations())
    return Proof(
        profile.name,
        sum(1 for key in isolated if key in units.by_root),
        comparison.agreed,
        comparison.permitted,
        tuple(one for one in differences if one.fault is Fault.MISSING),
        tuple(one for one in differences if one.fault is Fault.EXCESS),
        tuple(one for one in differences if one.fault in (Fault.PERHAPS_MISSING, Fault.PERHAPS_EXCESS)),
        tuple(_open(unclosed, units, comparison)),
        tuple(expectations.unjudged),
        (*agreements.assumptions, *settled_world.assumptions, *stage.assumptions, *_standing(agreements, reach, units)),
    )


def _without_routes(cluster: Cluster) -> Cluster:
    """What serves routes is judged as the pods that the Platform says it is, or as any pod at all."""
    return msgspec.structs.replace(cluster, services=(), slices=(), routes=(), gateways=(), grants=())


def _pods(agreements: Agreements) -> Iterator[Pods]:
    for agreement in agreements.agreements:
        yield from (end for end in (agreement.src, agreement.dst) if isinstance(end, Pods))


def _scope(
    agreements: Agreements,
    stage: Staged,
    reach: Reach,
    units: Units,
    unclosed: Sequence[Unclosed],
    world: AddressSet,
) -> Scope:
    enforced = [one for one in agreements.isolated.values() if one.mode is Mode.ENFORCE]
    return Scope(
        bits.of((unit for one in enforced for unit in units.by_root.get(one.key, ())), units.width),
        bits.of((unit for one in enforced if one.ingress for unit in units.by_root.get(one.key, ())), units.width),
        units.by_root[stage.chameleon][0],
        world,
        reach.cluster.platform.node_addresses,
        frozenset((unit, one.direction) for one in unclosed for unit in units.by_root.get(one.key, ())),
    )


def _open(unclosed: Sequence[Unclosed], units: Units, comparison: Comparison) -> Iterator[Open]:
    for one in unclosed:
        if any((unit, one.direction) in comparison.used_unclosed for unit in units.by_root.get(one.key, ())):
            yield Open(one.key, one.direction, one.reason)


def _standing(agreements: Agreements, reach: Reach, units: Units) -> Iterator[str]:
    """What holds of every proof, as far as it matters in this one."""
    yield "a pod and the node that runs it always reach each other, which kubelet probes rest on"
    yield "namespaces that no manifest holds have no labels but their names, and pods there may have any"
    if units.host:
        yield "nothing is proved of hostNetwork pods: their traffic is their node's"
    if reach.profile.other_protocols_denied is Ternary.UNKNOWN:
        yield "ICMP and protocols other than TCP, UDP and SCTP are not told: the enforcer may deny or let them through"
    if any(agreement.http or agreement.grpc for agreement in agreements.agreements):
        yield "ports are judged, not what is agreed of HTTP and gRPC on them"
