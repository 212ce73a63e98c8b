"""The ground of a proof: who is judged, what is expected of them, and what policies permit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from licet.analysis import bits
from licet.analysis.reach import Reach
from licet.compile.compiled import Unclosed
from licet.contracts.agreement import Agreements, Isolated, Pods
from licet.contracts.contract import Mode
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import Direction
from licet.model.profile import Profile
from licet.model.ternary import Ternary
from licet.proof.expected import Expectations
from licet.proof.standins import staged
from licet.proof.units import Units
from licet.proof.world import settled


class Scope(msgspec.Struct, frozen=True):
    """Who is judged: units that are default-deny and enforced, those of them also for what they let in.

    `nodes` and `world` are the addresses of nodes, and all that are no pods'; `chameleons` are units whose labels may
    be anything. `unclosed` are the (unit, direction) where nothing outside can be refused.
    """

    enforced: int
    admitting: int
    chameleons: int
    world: AddressSet
    nodes: AddressSet
    unclosed: frozenset[tuple[int, Direction]]


class Ground:
    """Everything that is compared, over a cluster with stand-ins in a world in which address blocks have answers."""

    def __init__(
        self, agreements: Agreements, cluster: Cluster, profile: Profile, unclosed: Sequence[Unclosed] = ()
    ) -> None:
        self.agreements = agreements
        self.isolated: dict[Key, Isolated] = {
            key: one for key, one in agreements.isolated.items() if one.mode is Mode.ENFORCE
        }
        world = settled(cluster, profile)
        closed = {name: one for name, one in agreements.closed.items() if one.mode is Mode.ENFORCE}
        stage = staged(_without_routes(world.cluster), _pods(agreements), closed)
        strangers = {key: closed[key.namespace] for key in stage.names if key.namespace in closed}
        self.isolated |= {key: Isolated(key, one.mode, one.place) for key, one in strangers.items()}
        self.names = stage.names
        self.reach = Reach(stage.cluster, world.profile)
        self.units = Units(self.reach.population)
        outside = EVERY_ADDRESS - cluster.platform.pod_addresses
        self.scope = Scope(
            self._those(list(self.isolated)),
            self._those([key for key, one in self.isolated.items() if one.ingress]),
            self._those(stage.chameleons),
            outside,
            cluster.platform.node_addresses,
            frozenset(self._open(unclosed, strangers)),
        )
        self.expectations = Expectations(
            agreements.agreements, self.reach.population, self.units, self.scope.enforced, outside
        )
        self.assumptions = (*agreements.assumptions, *world.assumptions, *stage.assumptions, *self._standing())

    def _those(self, keys: Sequence[Key]) -> int:
        return bits.of((unit for key in keys for unit in self.units.by_root.get(key, ())), self.units.width)

    def _open(self, unclosed: Sequence[Unclosed], strangers: Iterable[Key]) -> Iterator[tuple[int, Direction]]:
        """What a target cannot refuse to workloads it cannot refuse to strangers either."""
        for one in unclosed:
            yield from ((unit, one.direction) for unit in self.units.by_root.get(one.key, ()))
        for direction in {one.direction for one in unclosed}:
            yield from ((unit, direction) for key in strangers for unit in self.units.by_root.get(key, ()))

    def _standing(self) -> Iterator[str]:
        """What every proof rests on, as far as it matters in this one."""
        yield "a pod and the node that runs it always reach each other, which kubelet probes rest on"
        yield "namespaces that no manifest holds bear no labels but their names; pods there may bear any"
        yield "pods that no manifest holds, in namespaces that one does, bear no labels but those of the Platform"
        if self.units.host:
            yield "nothing is proved of hostNetwork pods: their traffic is their node's"
        if self.reach.profile.other_protocols_denied is Ternary.UNKNOWN:
            yield (
                "ICMP and protocols other than TCP, UDP and SCTP are not told: enforcers deny them or let them through"
            )
        if any(agreement.http or agreement.grpc for agreement in self.agreements.agreements):
            yield "ports are judged, not what is agreed of HTTP and gRPC on them"


def _without_routes(cluster: Cluster) -> Cluster:
    """What serves routes is judged as the pods that the Platform says it is, or as any pod at all."""
    return msgspec.structs.replace(cluster, services=(), slices=(), routes=(), gateways=(), grants=())


def _pods(agreements: Agreements) -> Iterator[Pods]:
    for agreement in agreements.agreements:
        yield from (end for end in (agreement.src, agreement.dst) if isinstance(end, Pods))
