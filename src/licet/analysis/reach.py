"""The whole answer over one cluster: every pair, every port, exactly."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import copy

import msgspec

from licet.analysis.chart import chart
from licet.analysis.doors import Doors
from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.analysis.grant import Grant, Grants, Reasons
from licet.analysis.leads import Leads
from licet.analysis.meeting import Column, Meeting, is_most
from licet.analysis.pages import Pages
from licet.analysis.partition import R, combine
from licet.analysis.population import UNKNOWN_POD, Population
from licet.analysis.rows import Row, Rows
from licet.analysis.rules import Rules
from licet.analysis.shelf import Policy, Shelf
from licet.analysis.strangers import admitting_strangers
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.edge import ReachMap
from licet.model.key import Key
from licet.model.policy import Direction
from licet.model.ports import PortSet, Protocol
from licet.model.profile import Profile
from licet.model.verdict import Verdict
from licet.model.workload import Workload

_MOST_FOLLOWED = 8
"""How many policies may come, by class and policy of the cluster, before everything is answered anew."""


class Update(msgspec.Struct, frozen=True):
    """An answer that followed from another, and the classes for which it differs.

    `columns`: what reaches them from pods; `arriving`: from outside; `leaving`: what they reach outside.
    """

    reach: Reach
    columns: tuple[int, ...]
    arriving: tuple[int, ...]
    leaving: tuple[int, ...]


class Reach:
    """Who can reach whom.

    `columns[c]` holds the grants towards class `c` by source class. `ingress[c]` and `egress[c]` are what `c` itself
    lets in and out; their `outside` is the answer for addresses. `routed` holds, per ingress controller and gateway,
    what its routes lead to and policies let it reach.
    """

    def __init__(self, cluster: Cluster, profile: Profile) -> None:
        self._followed = 0
        """Policies that came since everything was answered anew."""
        self._bare = msgspec.structs.replace(cluster, network_policies=(), cluster_policies=())
        self._cluster: Cluster | None = cluster
        self.profile = profile
        self.grants = Grants()
        self.population = Population(cluster, profile)
        self._shelf = Shelf.of(cluster)
        rules = Rules(self.population, self.grants)
        self._ingress = Rows(self._shelf, self.population, self.grants, rules, Direction.INGRESS)
        self._egress = Rows(self._shelf, self.population, self.grants, rules, Direction.EGRESS)
        self._doors = Doors.of(self.ingress)
        self._meeting = Meeting(self.population, self.grants, self._egress.of)
        self.columns: Pages[Column] = Pages.filled(
            [{} if at == UNKNOWN_POD else self._meeting.column(at, row) for at, row in enumerate(self.ingress)]
        )
        self.leads = Leads(cluster, self.population, self.grants)
        self._led = self.leads.of_routes()
        self.routed = self._route(range(self.population.width))

    @property
    def cluster(self) -> Cluster:
        """What the answer is about, with the policies that hold now."""
        if self._cluster is None:
            network, wide = tuple(self._shelf.network), tuple(self._shelf.cluster)
            self._cluster = msgspec.structs.replace(self._bare, network_policies=network, cluster_policies=wide)
        return self._cluster

    @property
    def ingress(self) -> Pages[Row]:
        """What each class lets in, by peer."""
        return self._ingress.of

    @property
    def egress(self) -> Pages[Row]:
        """What each class lets out, by peer."""
        return self._egress.of

    def update(self, gone: Iterable[Key] = (), come: Iterable[Policy] = ()) -> Update:
        """The answer after policies went and came, found from this one in the time that the changed rows take.

        A policy in `come` replaces its namesake. This answer stays as it is. Where an address block draws a line
        between pods that no block has drawn before, everything is answered anew, and every class is named. So it is
        once in very many updates, since what is remembered of selectors and peers grows with every new one met; then
        only what changed is named. Raises KeyError for a key in `gone` that no policy has.
        """
        arriving = tuple(come)
        shelf, swap = self._shelf.swapped(gone, arriving)
        found = copy(self)
        found._cluster = None
        found._shelf = shelf
        if self.population.is_cut_anew(arriving):
            fresh = Reach(found.cluster, self.profile)
            everyone = tuple(range(1, fresh.population.width))
            return Update(fresh, everyone, everyone, everyone)
        found._followed += len(arriving)
        if found._followed > _MOST_FOLLOWED * (self.population.width + len(shelf.network)):
            return self._compared(Reach(found.cluster, self.profile))
        found._ingress, touched, arriving_rows = self._ingress.swapped(shelf, swap)
        found._egress, _, leaving_rows = self._egress.swapped(shelf, swap)
        found._doors = self._doors.changed(found.ingress, arriving_rows)
        senders = {at: (self.egress[at], row) for at, row in leaving_rows.items()}
        found._meeting = self._meeting.swapped(senders, found.egress) if senders else self._meeting
        columns: dict[int, Column] = {}
        for at in sorted(arriving_rows.keys() | found._met_differently(senders)):
            column = found._meeting.column(at, found._ingress.of[at])
            if column != self.columns[at]:
                columns[at] = column
        found.columns = self.columns.changed(columns)
        anew = found._route(touched)
        found.routed = {
            source: {at: grant for at, grant in grants.items() if at not in touched} | anew[source]
            for source, grants in self.routed.items()
        }
        return Update(
            found,
            tuple(columns),
            tuple(at for at, row in arriving_rows.items() if row.outside != self.ingress[at].outside),
            tuple(at for at, row in leaving_rows.items() if row.outside != self.egress[at].outside),
        )

    def _compared(self, fresh: Reach) -> Update:
        """An answer over the same classes that shares nothing with this one, as an update of it."""
        every_class = range(1, self.population.width)
        return Update(
            fresh,
            tuple(at for at in every_class if _told(self.columns[at]) != _told(fresh.columns[at])),
            tuple(at for at in every_class if _told(self.ingress[at].outside) != _told(fresh.ingress[at].outside)),
            tuple(at for at in every_class if _told(self.egress[at].outside) != _told(fresh.egress[at].outside)),
        )

    def _met_differently(self, senders: Mapping[int, tuple[Row, Row]]) -> set[int]:
        """Destinations towards which a sender's grant changed, and which let that sender in at all.

        With very many senders simply all of them: asking each is more work than answering.
        """
        if is_most(senders, self.population):
            return set(range(1, self.population.width))
        denied = self.grants.denied
        differing: dict[int, int] = {}
        for source, (before, after) in senders.items():
            parts = combine(
                before.pods, after.pods, self.population.pods, (denied, denied), lambda a, b: a is not b, False
            )
            if where := parts.get(True, 0):
                differing[where] = differing.get(where, 0) | 1 << source
        width = self.population.width
        return {at for where, sources in differing.items() for at in self._doors.admitting(sources, where, width)}

    def _route(self, within: Collection[int]) -> dict[Key, dict[int, Grant]]:
        """What routes lead to among these classes, as far as policies let a pod of which nothing is known reach it."""
        denied = self.grants.denied
        found: dict[Key, dict[int, Grant]] = {}
        for (source, home), by_class in self._led.items():
            grants = found.setdefault(source, {})
            for at, admitted in self._strangers(sorted(at for at in by_class if at in within), home).items():
                grant = self.grants.both(by_class[at], admitted)
                if grant is not denied:
                    grants[at] = self.grants.either(grants.get(at, denied), grant)
        return found

    def _strangers(self, members: list[int], home: str = "") -> dict[int, Grant]:
        """What policies grant to a pod of which nothing is known, towards each of these classes."""
        if not members:
            return {}
        first = {at: self.population.workloads[self.population.classes[at].members[0]] for at in members}
        declared = self._bare.namespaces
        near = Cluster(
            namespaces={name: declared[name] for name in (home, *_namespaces(first.values())) if name in declared},
            platform=self._bare.platform,
            workloads=tuple(first.values()),
            network_policies=self._ingress.applying(members),
            cluster_policies=tuple(self._shelf.cluster),
        )
        admitted = admitting_strangers(near, self.profile, self.grants, home)
        return {at: admitted[workload.key] for at, workload in first.items()}

    def at(self, column: Column, source: int) -> Grant:
        """The grant of one source class."""
        bit = 1 << source
        for grant, part in column.items():
            if part & bit:
                return grant
        return self.grants.denied

    def between(self, src: Key | int, dst: Key | int) -> Grant:
        """What policies grant from one endpoint to another: workloads by key, addresses outside by number.

        INGRESS_CONTROLLER as a source is a pod of which nothing is known, wherever routes lead; `routed` has the part
        that routes lead to. Raises KeyError for a key that is not in the cluster. Traffic from outside to
        outside is not Licet's: denied.
        """
        grants = self.grants
        if isinstance(dst, int):
            if isinstance(src, int):
                return grants.denied
            return self._outside(self.egress[self.population.class_of[src]].outside, dst)
        to = self.population.class_of[dst]
        if isinstance(src, int):
            return self._outside(self.ingress[to].outside, src)
        if src == INGRESS_CONTROLLER:
            return self._strangers([to])[to]
        if src == dst and dst.kind == "Pod":
            return grants.open
        return self.at(self.columns[to], self.population.class_of[src])

    def _outside(self, parts: dict[Grant, AddressSet], address: int) -> Grant:
        one = AddressSet(((address, address),))
        return next((grant for grant, part in parts.items() if part & one), self.grants.denied)

    def verdict(self, src: Key | int, dst: Key | int, protocol: Protocol, port: int) -> Verdict:
        """May `src` open a connection to this port of `dst`? Errors as `between`."""
        return self.between(src, dst).verdict((protocol, port))

    def map(self) -> ReachMap:
        """The answer as edges between named endpoints."""
        return chart(self)


def _namespaces(workloads: Iterable[Workload]) -> dict[str, None]:
    """The namespaces of workloads, each once."""
    return dict.fromkeys(workload.key.namespace for workload in workloads)


def _told(parts: Mapping[Grant, R]) -> dict[tuple[PortSet, PortSet, Reasons], R]:
    """Parts by what their grants say, which answers that share no grants have in common."""
    return {(grant.must, grant.may, grant.reasons): part for grant, part in parts.items()}


def reach(cluster: Cluster, profile: Profile) -> Reach:
    """Answer for every pair of endpoints of a cluster, under what a profile says of its enforcer."""
    return Reach(cluster, profile)
