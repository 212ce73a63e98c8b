"""Who is meant: the parties of assertions as sets of workloads, addresses and gateways."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

import msgspec

from licet.analysis import bits
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.lint.peers import near
from licet.analysis.population import Population, every
from licet.analysis.reach import Reach
from licet.model.addresses import EVERY_ADDRESS, AddressSet
from licet.model.assertion import (
    AddressesWithin,
    Anything,
    GatewayNamed,
    IngressController,
    NamespaceNamed,
    PodsLabelled,
    Who,
    WorkloadNamed,
    World,
)
from licet.model.key import Key, Pattern


class Crowd(msgspec.Struct, frozen=True, eq=False):
    """One side of an assertion.

    `whole` are classes all of whose workloads are in; `some` are those of which only these are (positions in
    `Cluster.workloads`). `routers` are the ingress controller and gateways.
    """

    whole: int = 0
    some: Mapping[int, frozenset[int]] = {}
    addresses: AddressSet = AddressSet()
    routers: frozenset[Key] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.whole or self.some or self.addresses or self.routers)

    @property
    def classes(self) -> int:
        """Every class of which a workload is in."""
        return self.whole | every(1 << at for at in self.some)

    def members(self, population: Population, at: int) -> Iterable[int]:
        """The workloads of one class that are in."""
        if self.whole >> at & 1:
            return population.classes[at].members
        return sorted(self.some.get(at, ()))


def union(crowds: Iterable[Crowd]) -> Crowd:
    """Whoever is in any of them."""
    crowds = list(crowds)
    if len(crowds) == 1:
        return crowds[0]
    whole = every(crowd.whole for crowd in crowds)
    some: dict[int, frozenset[int]] = {}
    addresses = AddressSet()
    routers: frozenset[Key] = frozenset()
    for crowd in crowds:
        for at, members in crowd.some.items():
            if not whole >> at & 1:
                some[at] = some.get(at, frozenset()) | members
        addresses |= crowd.addresses
        routers |= crowd.routers
    return Crowd(whole, some, addresses, routers)


class Crowds:
    """Looks parties up in one answer, each kind of name in an index of its own."""

    def __init__(self, reach: Reach) -> None:
        self._population = reach.population
        self._world = EVERY_ADDRESS - reach.cluster.platform.pod_addresses
        self._namespaces = list(reach.cluster.namespaces)
        self._gateways = dict.fromkeys([g.key for g in reach.cluster.gateways])
        self._gateways |= dict.fromkeys(key for key in reach.routed if key != INGRESS_CONTROLLER)
        self._by_name: dict[str, list[tuple[Key, int]]] = {}
        for at, workload in enumerate(reach.population.workloads):
            for key in (workload.key, workload.owner):
                if key is not None:
                    self._by_name.setdefault(key.name, []).append((key, at))
        self._known: dict[tuple[Who, bool], Crowd] = {}
        self._planes = _planes([len(pod_class.members) for pod_class in reach.population.classes])

    def workloads(self, crowd: Crowd, classes: int) -> int:
        """How many workloads of a crowd are in some classes."""
        whole = classes & crowd.whole
        count = sum((whole & plane).bit_count() << power for power, plane in enumerate(self._planes))
        return count + sum(len(members) for at, members in crowd.some.items() if classes >> at & 1)

    def of(self, who: Who, surely: bool = False) -> Crowd:
        """Whoever is meant, or with `surely` whoever is meant without a doubt."""
        key = (who, surely)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._find(who, surely)
        return found

    def _find(self, who: Who, surely: bool) -> Crowd:
        match who:
            case WorkloadNamed(pattern=pattern):
                return self._named(pattern)
            case NamespaceNamed(name=name):
                return Crowd(self._population.in_namespace(name) & self._population.pods)
            case PodsLabelled(namespaces=namespaces, pods=pods):
                hits = self._population.behind(namespaces, pods)
                return Crowd(hits.sure if surely else hits.possible)
            case AddressesWithin(addresses=addresses):
                return Crowd(addresses=addresses)
            case World():
                return Crowd(addresses=self._world)
            case IngressController():
                return Crowd(routers=frozenset({INGRESS_CONTROLLER}))
            case GatewayNamed(name=name, namespace=namespace):
                pattern = Pattern(name, namespace)
                return Crowd(routers=frozenset(key for key in self._gateways if pattern.matches(key)))
            case Anything():
                routers = frozenset((*self._gateways, INGRESS_CONTROLLER))
                return Crowd(self._population.pods, {}, self._world, routers)

    def _named(self, pattern: Pattern) -> Crowd:
        chosen: dict[int, set[int]] = {}
        for key, at in self._by_name.get(pattern.name, ()):
            if pattern.matches(key):
                chosen.setdefault(self._population.class_of[self._population.workloads[at].key], set()).add(at)
        whole = {at for at, members in chosen.items() if len(members) == len(self._population.classes[at].members)}
        some = {at: frozenset(members) for at, members in chosen.items() if at not in whole}
        return Crowd(bits.of(whole, self._population.width), some)

    def others(self, crowd: Crowd) -> Crowd:
        """Everyone who is not in."""
        everyone = self.of(Anything())
        some = {
            at: rest
            for at, members in crowd.some.items()
            if not crowd.whole >> at & 1 and (rest := frozenset(self._population.classes[at].members) - members)
        }
        return Crowd(
            everyone.whole & ~crowd.classes,
            some,
            everyone.addresses - crowd.addresses,
            everyone.routers - crowd.routers,
        )

    def meant(self, who: Who) -> str:
        """What comes close to a party that is nobody, or nothing."""
        match who:
            case WorkloadNamed(pattern=pattern):
                return self._near_workload(pattern)
            case NamespaceNamed(name=name):
                return next(iter(difflib.get_close_matches(name, self._namespaces, 1)), "")
            case PodsLabelled(namespaces=str(namespace)) if not self._population.in_namespace(namespace):
                return next(iter(difflib.get_close_matches(namespace, self._namespaces, 1)), "")
            case PodsLabelled(pods=pods):
                return near(self._population, self._population.pods, pods)
            case GatewayNamed(name=name):
                by_name = {key.name: str(key) for key in self._gateways}
                return next((by_name[close] for close in difflib.get_close_matches(name, by_name, 1)), "")
            case _:
                return ""

    def _near_workload(self, pattern: Pattern) -> str:
        """One of that very name, or one whose name comes close; in the same namespace first."""
        here = [name for name, entries in self._by_name.items() if any(_is_in(pattern, key) for key, _ in entries)]
        close = (
            [pattern.name]
            if pattern.name in self._by_name
            else difflib.get_close_matches(pattern.name, here, 1)
            or difflib.get_close_matches(pattern.name, self._by_name, 1)
        )
        if not close:
            return ""
        keys = [key for key, _ in self._by_name[close[0]]]
        return str(next((key for key in keys if _is_in(pattern, key)), keys[0]))


def _is_in(pattern: Pattern, key: Key) -> bool:
    return pattern.namespace in (None, key.namespace)


def _planes(counts: list[int]) -> list[int]:
    """Numbers by position, written in binary: plane `k` has the positions whose number has bit `k`."""
    return [
        bits.of((at for at, count in enumerate(counts) if count >> power & 1), len(counts))
        for power in range(max(counts).bit_length())
    ]
