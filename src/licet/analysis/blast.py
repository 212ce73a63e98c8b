"""What a compromised workload reaches, hop by hop, and what reaches it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from licet.analysis import bits
from licet.analysis.edges import gateway_id
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.grant import Grant
from licet.analysis.names import names_of_classes
from licet.analysis.population import every
from licet.analysis.reach import Reach
from licet.analysis.rows import Row
from licet.model.addresses import AddressSet, range_text
from licet.model.edge import EndpointType
from licet.model.key import Key
from licet.model.ports import PortSet


class Hop(msgspec.Struct, frozen=True):
    """An endpoint met on the way.

    `distance` counts connections from the start; `via` is the endpoint one connection nearer to it, of several the
    first in the input's order, and `ports` are those of that last connection. `certain` is False where some
    connection on every way of this length is undetermined.
    """

    id: str
    type: EndpointType
    distance: int
    via: str
    ports: PortSet
    certain: bool


class Blast(msgspec.Struct, frozen=True):
    """Outward: what the workload reaches, transitively. Inward: what reaches it, transitively. Nearest first."""

    workload: str
    outward: tuple[Hop, ...]
    inward: tuple[Hop, ...]


def blast(reach: Reach, workload: Key) -> Blast:
    """Follow edges from and to a workload until nothing new is met; KeyError where the cluster has no such workload.

    The key of an owner that is only there by its pods stands for them all. Addresses outside, the ingress controller
    and gateways are ends: nothing is followed through them.
    """
    population = reach.population
    pods = (
        [workload] if workload in population.class_of else [w.key for w in population.workloads if w.owner == workload]
    )
    if not pods:
        raise KeyError(workload)
    start = bits.of((population.class_of[pod] for pod in pods), population.width)
    own = {str(pod) for pod in pods}
    return Blast(
        str(workload),
        tuple(_Outward(reach, str(workload), own, start).hops()),
        tuple(_Inward(reach, str(workload), own, start).hops()),
    )


class _Step(msgspec.Struct, frozen=True):
    """A class newly met, the class that it was met through, and what is granted between them."""

    to: int
    via: int
    grant: Grant
    certain: bool


class _Walk:
    """Breadth first over classes, from those of `start`, in which `own` go by the name `workload`.

    `_sure` are the classes met so far by a wholly certain way.
    """

    def __init__(self, reach: Reach, workload: str, own: set[str], start: int) -> None:
        self._reach = reach
        self._names = [[name for _, name in names] for names in names_of_classes(reach, set())]
        for at in bits.indices(start):
            self._names[at] = [workload, *(name for name in self._names[at] if name not in own)]
        self._start = start
        self._sure = start
        self._seen_outside = AddressSet()

    def hops(self) -> Iterator[Hop]:
        frontier = self._start
        met = frontier
        distance = 1
        while frontier:
            yield from self._ends(frontier, distance)
            steps = list(self._steps(frontier, met if distance > 1 else 0))
            for step in steps:
                names = self._names[step.to][1:] if self._start >> step.to & 1 else self._names[step.to]
                via = self._names[step.via][0]
                for name in names:
                    yield Hop(name, EndpointType.WORKLOAD, distance, via, step.grant.may, step.certain)
            frontier = every(1 << step.to for step in steps) & ~met
            met |= frontier
            self._sure |= every(1 << step.to for step in steps if step.certain)
            distance += 1

    def _steps(self, frontier: int, met: int) -> Iterator[_Step]:
        raise NotImplementedError

    def _ends(self, frontier: int, distance: int) -> Iterator[Hop]:
        raise NotImplementedError

    def _outside(self, row: Row, at: int, distance: int) -> Iterator[Hop]:
        """Addresses not met before, through one class."""
        for grant, region in row.outside.items():
            fresh = region - self._seen_outside
            self._seen_outside |= fresh
            certain = bool(grant.must) and bool(self._sure >> at & 1)
            for first, last in fresh.ranges():
                name = range_text(first, last)
                yield Hop(name, EndpointType.ADDRESSES, distance, self._names[at][0], grant.may, certain)


class _Outward(_Walk):
    def _steps(self, frontier: int, met: int) -> Iterator[_Step]:
        for at in bits.indices(self._reach.population.pods & ~met):
            column = self._reach.columns[at]
            for certain, where in ((True, frontier & self._sure), (False, frontier)):
                found = next(
                    (
                        (grant, hit)
                        for grant, part in column.items()
                        if (grant.must or not certain) and (hit := part & where)
                    ),
                    None,
                )
                if found is not None:
                    grant, hit = found
                    yield _Step(at, (hit & -hit).bit_length() - 1, grant, certain)
                    break

    def _ends(self, frontier: int, distance: int) -> Iterator[Hop]:
        for at in bits.indices(frontier):
            yield from self._outside(self._reach.egress[at], at, distance)


class _Inward(_Walk):
    def _steps(self, frontier: int, met: int) -> Iterator[_Step]:
        met |= ~self._reach.population.pods
        for certain, where in ((True, frontier & self._sure), (False, frontier)):
            for at in bits.indices(where):
                for grant, part in self._reach.columns[at].items():
                    fresh = part & ~met if grant.must or not certain else 0
                    met |= fresh
                    for source in bits.indices(fresh):
                        yield _Step(source, at, grant, certain)

    def _ends(self, frontier: int, distance: int) -> Iterator[Hop]:
        for at in bits.indices(frontier):
            yield from self._outside(self._reach.ingress[at], at, distance)
            for key, grants in self._reach.routed.items():
                if (grant := grants.get(at)) is not None:
                    kind = EndpointType.INGRESS if key == INGRESS_CONTROLLER else EndpointType.GATEWAY
                    certain = bool(grant.must) and bool(self._sure >> at & 1)
                    yield Hop(gateway_id(key), kind, distance, self._names[at][0], grant.may, certain)
