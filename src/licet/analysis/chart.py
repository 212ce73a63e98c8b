"""The map of an answer: every endpoint, every edge, and what the whole rests on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from licet.analysis.edges import Picture, draw, gateway_id, settled
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.names import Names, indistinguishable, names_of_classes, shown_as
from licet.analysis.standing import resting_on
from licet.model.addresses import EVERY_ADDRESS
from licet.model.edge import Edge, Endpoint, EndpointType, ReachMap
from licet.model.key import Key
from licet.model.ports import ALL_PORTS

if TYPE_CHECKING:
    from licet.analysis.reach import Reach


def chart(reach: Reach) -> ReachMap:
    """The answer as edges between named endpoints, grouped; the order follows the input."""
    merged = indistinguishable(reach)
    names = names_of_classes(reach, merged)
    drawn = draw(picture(reach, names))
    selves = [Edge((name,), (name,), ALL_PORTS) for name in _restricted_pods(reach, names)]
    alone = {edge.src[0] for edge in selves}
    routed = [
        Endpoint(gateway_id(key), EndpointType.INGRESS)
        if key == INGRESS_CONTROLLER
        else Endpoint(gateway_id(key), EndpointType.GATEWAY, key)
        for key in reach.routed
    ]
    ranges = [Endpoint(name, EndpointType.ADDRESSES) for name in drawn.ranges]
    return ReachMap(
        reach.profile.name,
        (*_workloads(reach, merged), *routed, *ranges),
        (*drawn.certain, *selves),
        tuple(kept for edge in drawn.open for kept in settled(edge, alone)),
        tuple(resting_on(reach)),
    )


def picture(reach: Reach, names: list[Names]) -> Picture:
    """The whole answer, ready to be drawn."""
    return Picture(
        names,
        reach.columns,
        [row.outside for row in reach.ingress],
        [row.outside for row in reach.egress],
        reach.routed,
        EVERY_ADDRESS - reach.cluster.platform.pod_addresses,
    )


def _workloads(reach: Reach, merged: set[Key]) -> Iterator[Endpoint]:
    seen: set[Key] = set()
    for workload in reach.population.workloads:
        key = shown_as(workload, merged)
        if key not in seen:
            seen.add(key)
            yield Endpoint(str(key), EndpointType.WORKLOAD, key)


def _restricted_pods(reach: Reach, names: list[Names]) -> Iterator[str]:
    """Bare pods whose policies do not let their like reach them: each still reaches itself, whatever policies say."""
    for at, pod_class in enumerate(reach.population.classes):
        if not reach.columns[at].get(reach.grants.open, 0) >> at & 1:
            bare = {
                str(key)
                for member in pod_class.members
                if (key := reach.population.workloads[member].key).kind == "Pod"
            }
            yield from (name for _, name in names[at] if name in bare)
