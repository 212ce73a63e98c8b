"""Who is there: workloads that no policy could tell apart are one class, and a set of classes is a set of bits."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

import msgspec

from licet.analysis import assumption, bits
from licet.analysis.grant import NO_REASONS, Reasons
from licet.analysis.labels import LabelIndex
from licet.analysis.partition import spread
from licet.model.addresses import EVERY_V4, NEVER_A_PODS, AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.platform import Platform
from licet.model.policy import BlockPeer, ClusterPolicy, NetworkPolicy
from licet.model.ports import Protocol
from licet.model.profile import Profile
from licet.model.selector import Selector
from licet.model.ternary import Ternary
from licet.model.workload import METADATA_NAME, Namespace, Workload

UNKNOWN_POD = 0
"""The class of a pod of which nothing is known: an ingress controller's, wherever it runs. It is only a source."""
_STRANGER = 1 << UNKNOWN_POD

NamedPorts = tuple[tuple[str, Protocol, int], ...]


class Hits(msgspec.Struct, frozen=True):
    """Classes that match: surely, and possibly with the reasons for the doubt. The two never overlap."""

    sure: int
    doubtful: tuple[tuple[Reasons, int], ...] = ()

    @property
    def possible(self) -> int:
        """Every class that may match."""
        found = self.sure
        for _, part in self.doubtful:
            found |= part
        return found


class PodClass(msgspec.Struct, frozen=True):
    """Workloads equal in everything that policies look at. `members` are positions in `Cluster.workloads`."""

    namespace: str
    labels: Mapping[str, str]
    runtime_labels: frozenset[str]
    certain_labels: frozenset[str]
    named_ports: NamedPorts
    host_network: bool
    addresses: AddressSet
    members: list[int]

    def port_numbers(self, name: str, protocol: Protocol | None) -> list[tuple[Protocol, int]]:
        """What a port name means on these pods; empty where they have no port of that name."""
        return [(p, number) for n, p, number in self.named_ports if n == name and protocol in (None, p)]


class Population:
    """The classes of a cluster and every question that a policy may ask of them.

    Position 0 is UNKNOWN_POD; real classes follow in the order of the workloads. The unknown pod is a source only where
    `stranger` asks for it, since it makes every selector doubtful: with the namespace that it runs in, or "" where
    that is not known either.
    """

    def __init__(self, cluster: Cluster, profile: Profile, stranger: str | None = None) -> None:
        self.profile = profile
        self.platform: Platform = cluster.platform
        self.workloads = cluster.workloads
        self.cuts = _cuts(cluster, profile)
        self.classes = [PodClass(stranger or "", {}, frozenset(), frozenset(), (), False, AddressSet(), [])]
        self.class_of: dict[Key, int] = {}
        self._classify(cluster.workloads)
        width = len(self.classes)
        self.width = width
        self.pods = ((1 << width) - 1) ^ _STRANGER
        self.sources = self.pods if stranger is None else self.pods | _STRANGER
        self.host = bits.of((i for i, c in enumerate(self.classes) if c.host_network), width)
        self.has_named_ports = bits.of((i for i, c in enumerate(self.classes) if c.named_ports), width)
        self._labels = LabelIndex(
            (
                (i, c.labels, c.runtime_labels, c.certain_labels)
                for i, c in enumerate(self.classes)
                if self.sources >> i & 1
            ),
            width,
            self.sources & _STRANGER,
            (assumption.runtime_label, assumption.INGRESS_CONTROLLER),
        )
        self._stranger_hit = ((frozenset({assumption.INGRESS_CONTROLLER}), _STRANGER),) if stranger == "" else ()
        self._index_namespaces(cluster.namespaces, stranger or "")
        self._index_addresses()
        self._selected: dict[tuple[Selector | str, Selector], Hits] = {}
        self._namespaces_selected: dict[Selector | str, Hits] = {}
        self._blocks: dict[AddressSet, Hits] = {}

    def _classify(self, workloads: tuple[Workload, ...]) -> None:
        known: dict[tuple[object, ...], int] = {}
        for at, w in enumerate(workloads):
            named = _named_ports(w)
            where = self._signature(w.addresses) if w.addresses else ()
            marks = (
                w.key.namespace,
                frozenset(w.labels.items()),
                w.runtime_labels,
                w.certain_labels,
                named,
                w.host_network,
                where,
            )
            found = known.get(marks)
            if found is None:
                found = known[marks] = len(self.classes)
                unset, certain = w.runtime_labels, w.certain_labels
                self.classes.append(
                    PodClass(w.key.namespace, w.labels, unset, certain, named, w.host_network, w.addresses, [])
                )
            self.classes[found].members.append(at)
            self.class_of[w.key] = found

    def _signature(self, addresses: AddressSet) -> tuple[object, ...]:
        """On which side of every block's edges the addresses lie: all that policies can tell of them."""
        cuts = self.cuts
        return (True, *((bisect_right(cuts, first), bisect_right(cuts, last)) for first, last in addresses.spans))

    def _index_namespaces(self, declared: Mapping[str, Namespace], home: str) -> None:
        namespaces = dict(declared)
        if home:
            namespaces.setdefault(home, Namespace(home, {METADATA_NAME: home}, declared=False))
        names = ["", *namespaces]
        position = {name: at for at, name in enumerate(names)}
        members: list[list[int]] = [[] for _ in names]
        for at, c in enumerate(self.classes):
            members[position[c.namespace]].append(at)
        self._in_namespace = {name: bits.of(members[at], self.width) for name, at in position.items()}
        self._by_position = [self._in_namespace[name] for name in names]
        undeclared = [position[n.name] for n in namespaces.values() if not n.declared]
        self._namespace_labels = LabelIndex(
            [
                (0, {}, frozenset(), {METADATA_NAME}),
                *((position[n.name], n.labels, frozenset[str](), frozenset[str]()) for n in namespaces.values()),
            ],
            len(names),
            bits.of([0, *undeclared], len(names)),
            (str, assumption.NAMESPACE_LABELS),
        )

    def _index_addresses(self) -> None:
        """Classes with known addresses, by address, for blocks; those without are answered all at once."""
        spans = [
            (first, last, at)
            for at, c in enumerate(self.classes)
            if not c.host_network
            for first, last in c.addresses.spans
        ]
        self._spans = sorted(spans)
        self._span_starts = [first for first, _, _ in self._spans]
        self._longest = max((last - first for first, last, _ in self._spans), default=0)
        located = bits.of({at for _, _, at in spans}, self.width)
        self._unlocated = self.sources & ~located & ~self.host

    def is_cut_anew(self, policies: Iterable[NetworkPolicy | ClusterPolicy]) -> bool:
        """Whether a block of these policies may tell pods apart that are of one class here."""
        if not self._spans:
            return False
        edges: set[int] = set()
        for policy in policies:
            for rule in (*(policy.ingress or ()), *(policy.egress or ())):
                _add_edges(edges, rule.peers or ())
        return not edges <= set(self.cuts)

    def in_namespace(self, name: str) -> int:
        """Every class of a namespace."""
        return self._in_namespace.get(name, 0)

    def select(self, namespaces: Selector | str, pods: Selector) -> Hits:
        """Classes by labels, hostNetwork pods left out. `namespaces` is a selector, or the name of one namespace."""
        key = (namespaces, pods)
        found = self._selected.get(key)
        if found is None:
            found = self._select(namespaces, pods)
            if self.host:
                found = _within(found, ~self.host)
            self._selected[key] = found
        return found

    def isolated_by(self, namespace: str, pods: Selector) -> Hits:
        """The classes that a NetworkPolicy of `namespace` applies to."""
        if not self.host or self.profile.selects_host_network is Ternary.NO:
            found = self.select(namespace, pods)
            return found if self.sources == self.pods else _within(found, self.pods)
        return self.as_pods(_within(self._select(namespace, pods), self.pods))

    def behind(self, namespaces: Selector | str, pods: Selector) -> Hits:
        """The classes that a Service selects, hostNetwork pods among them. `namespaces` as in `select`."""
        return _within(self._select(namespaces, pods), self.pods)

    def _select(self, namespaces: Selector | str, pods: Selector) -> Hits:
        sure, doubts = self._labels.select(pods)
        around = self._namespace_hits(namespaces)
        if not doubts and not around.doubtful:
            return Hits(sure & around.sure)
        return union(
            [
                Hits(sure & around.sure),
                *(Hits(0, ((frozenset({r}), p & around.possible),)) for r, p in doubts.items()),
                *(Hits(0, ((r, p & (sure | every(doubts.values()))),)) for r, p in around.doubtful),
            ]
        )

    def _namespace_hits(self, namespaces: Selector | str) -> Hits:
        found = self._namespaces_selected.get(namespaces)
        if found is None:
            if isinstance(namespaces, str):
                found = Hits(self.in_namespace(namespaces), self._stranger_hit)
            else:
                found = self._select_namespaces(namespaces)
            self._namespaces_selected[namespaces] = found
        return found

    def _select_namespaces(self, selector: Selector) -> Hits:
        sure, doubts = self._namespace_labels.select(selector)
        doubtful: list[tuple[Reasons, int]] = []
        for reason, where in doubts.items():
            if where & 1:
                doubtful.extend(self._stranger_hit)
            if where & ~1:
                doubtful.append((frozenset({reason}), self._expand(where & ~1)))
        return Hits(self._expand(sure), tuple(doubtful))

    def _expand(self, namespaces: int) -> int:
        return every(self._by_position[at] for at in bits.indices(namespaces))

    def as_pods(self, hits: Hits) -> Hits:
        """The hits as far as the enforcer knows hostNetwork pods for pods."""
        if not self.host:
            return hits
        host = _limited(_within(hits, self.host), self.profile.selects_host_network, assumption.HOST_NETWORK_SELECTED)
        others = _within(hits, ~self.host)
        return Hits(others.sure | host.sure, others.doubtful + host.doubtful)

    def outside_block(self, block: AddressSet) -> tuple[AddressSet, tuple[tuple[Reasons, AddressSet], ...]]:
        """(addresses that an ipBlock surely matches, those that it may match, with the reason).

        Addresses of nodes, where the platform names them, are matched as the profile says.
        """
        nodes = block & self.platform.node_addresses
        answer = self.profile.block_matches_nodes
        if not nodes or answer is Ternary.YES:
            return block, ()
        doubt = ((frozenset({assumption.BLOCK_MATCHES_NODES}), nodes),) if answer is Ternary.UNKNOWN else ()
        return block - nodes, doubt

    def block(self, block: AddressSet, of_network_policy: bool) -> Hits:
        """Classes whose pods an address block, or several together, matches.

        For an ipBlock of a NetworkPolicy the profile says whether it matches pods and nodes at all; `networks` of
        a cluster policy always do.
        """
        profile = self.profile
        pods = self._contained(block)
        nodes = Hits(0)
        if self.host:
            inside = contains(block, self.platform.node_addresses)
            nodes = _lifted(self.host, inside, assumption.NODE_ADDRESSES)
        if of_network_policy:
            pods = _limited(pods, profile.block_matches_pods, assumption.BLOCK_MATCHES_PODS)
            nodes = _limited(nodes, profile.block_matches_nodes, assumption.BLOCK_MATCHES_NODES)
        return Hits(pods.sure | nodes.sure, pods.doubtful + nodes.doubtful)

    def _contained(self, addresses: AddressSet) -> Hits:
        found = self._blocks.get(addresses)
        if found is not None:
            return found
        hits = _lifted(self._unlocated, contains(addresses, self.platform.pod_addresses), assumption.POD_ADDRESSES)
        touched: set[int] = set()
        for first, last in addresses.spans:
            at = bisect_right(self._span_starts, first - self._longest - 1)
            while at < len(self._spans) and self._spans[at][0] <= last:
                if self._spans[at][1] >= first:
                    touched.add(self._spans[at][2])
                at += 1
        inside = bits.of((t for t in touched if not self.classes[t].addresses - addresses), self.width)
        partly = bits.of(touched, self.width) ^ inside
        doubtful = hits.doubtful
        if partly:
            doubtful += ((frozenset({assumption.POD_ADDRESSES}), partly),)
        found = self._blocks[addresses] = Hits(hits.sure | inside, doubtful)
        return found


def contains(block: AddressSet, addresses: AddressSet) -> Ternary:
    """Whether pods with these addresses (empty: not known) lie in a block.

    Of unknown addresses only a block of every IPv4 address is sure, and one of addresses that no pod may have; a pod
    with addresses on both sides hangs on which of them a connection uses.
    """
    block -= NEVER_A_PODS
    if not block:
        return Ternary.NO
    if not addresses:
        return Ternary.UNKNOWN if EVERY_V4 - NEVER_A_PODS - block else Ternary.YES
    if not addresses - block:
        return Ternary.YES
    return Ternary.UNKNOWN if addresses & block else Ternary.NO


def _lifted(members: int, answer: Ternary, reason: str) -> Hits:
    if answer is Ternary.YES:
        return Hits(members)
    if answer is Ternary.NO or not members:
        return Hits(0)
    return Hits(0, ((frozenset({reason}), members),))


def _limited(hits: Hits, answer: Ternary, reason: str) -> Hits:
    """The hits as far as the enforcer's own answer goes."""
    if answer is Ternary.YES or not hits.possible:
        return hits
    if answer is Ternary.NO:
        return Hits(0)
    why = frozenset({reason})
    sure = ((why, hits.sure),) if hits.sure else ()
    return Hits(0, sure + tuple((reasons | why, part) for reasons, part in hits.doubtful))


def union(hits: Iterable[Hits]) -> Hits:
    """What any of them matches; a doubt remains only where none is sure, with the reasons of all."""
    hits = list(hits)
    if len(hits) == 1:
        return hits[0]
    sure = every([h.sure for h in hits])
    if not any(h.doubtful for h in hits):
        return Hits(sure)
    parts: dict[Reasons, int] = {}
    for reasons, part in (doubt for h in hits for doubt in h.doubtful):
        if open_part := part & ~sure:
            parts = spread(parts, open_part, reasons.union, NO_REASONS)
    return Hits(sure, tuple(parts.items()))


def _within(hits: Hits, mask: int) -> Hits:
    if not hits.doubtful:
        return Hits(hits.sure & mask)
    return Hits(hits.sure & mask, tuple((r, kept) for r, part in hits.doubtful if (kept := part & mask)))


def every(parts: Iterable[int]) -> int:
    """The union of bit sets."""
    found = 0
    for part in parts:
        found |= part
    return found


def _named_ports(workload: Workload) -> NamedPorts:
    if not workload.ports:
        return ()
    first: dict[tuple[str, Protocol], int] = {}
    for port in workload.ports:
        if port.name:
            first.setdefault((port.name, port.protocol), port.number)
    return tuple(sorted((name, protocol, number) for (name, protocol), number in first.items()))


def _cuts(cluster: Cluster, profile: Profile) -> list[int]:
    """Every address at which a block that may match pods begins, or the first one behind it."""
    edges: set[int] = set()
    if profile.block_matches_pods is not Ternary.NO:
        for policy in cluster.network_policies:
            for rule in (*(policy.ingress or ()), *(policy.egress or ())):
                _add_edges(edges, rule.peers or ())
    for cluster_policy in cluster.cluster_policies:
        for cluster_rule in cluster_policy.egress:
            _add_edges(edges, cluster_rule.peers)
    return sorted(edges)


def _add_edges(edges: set[int], peers: Iterable[object]) -> None:
    for peer in peers:
        if isinstance(peer, BlockPeer):
            for first, last in peer.addresses.spans:
                edges.update((first, last + 1))
