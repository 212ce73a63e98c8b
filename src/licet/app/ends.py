"""From what the user writes to what is meant by it: workloads, Services, routes, gateways, addresses."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.model.addresses import AddressSet, address_text, range_from_text
from licet.model.cluster import Cluster
from licet.model.edge import Endpoint
from licet.model.key import Key, Pattern
from licet.model.policy import BlockPeer, ClusterPolicy, Direction, NetworkPolicy, Peer
from licet.model.service import Route, Service
from licet.sources import SourceError

_LISTED = 5
_SUGGESTED = 3
_LONGEST = 253
"""The characters of the longest name that an object may have: a DNS subdomain (RFC 1123)."""


class Pods(msgspec.Struct, frozen=True):
    """A workload: the name it goes by, and a workload of the cluster that stands for it (a pod for its owner)."""

    name: Key
    key: Key


class Outside(msgspec.Struct, frozen=True):
    """An address that is no workload's, or, where `id` names a range, its first one.

    `others` are further ones of the range, such that each address of it is to policies as one of them or the first.
    """

    number: int
    id: str = ""
    others: tuple[int, ...] = ()


End: TypeAlias = Pods | Outside | Service | Route | Key
"""One side of a question; a bare Key is the ingress controller or a Gateway."""


def end_id(end: End) -> str:
    """The id of an end, as maps and answers write it."""
    match end:
        case Pods(name=name):
            return str(name)
        case Outside(number=number, id=id):
            return id or address_text(number)
        case Service() | Route():
            return str(end.key)
        case Key():
            return end.name if end == INGRESS_CONTROLLER else str(end)


class Ends:
    """Everything in a cluster that can be named."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._named: dict[Key, End] = {}
        for workload in cluster.workloads:
            self._named[workload.key] = Pods(workload.key, workload.key)
            if workload.owner is not None:
                self._named.setdefault(workload.owner, Pods(workload.owner, workload.key))
        self._named.update({gateway.key: gateway.key for gateway in cluster.gateways})
        self._named.update({service.key: service for service in cluster.services})
        self._named.update({route.key: route for route in cluster.routes})
        self._ids = {str(key): end for key, end in self._named.items()}

    def find(self, text: str) -> End:
        """What a text means: an id, an address, or a name that fits one thing; workloads come before all others.

        Raises SourceError, with what comes close, where it means nothing or more than one thing.
        """
        if text == INGRESS_CONTROLLER.name:
            return INGRESS_CONTROLLER
        if text in self._ids:
            return self._ids[text]
        addresses = _addresses(text)
        if addresses is not None:
            return self._at(addresses, text)
        pattern = _pattern(text)
        fitting = [key for key in self._named if pattern.matches(key)]
        workloads = [key for key in fitting if isinstance(self._named[key], Pods)]
        return self._named[_only(text, workloads or fitting, self._named)]

    def workload(self, text: str) -> Pods:
        """As `find`, for what has to be a workload."""
        found = self.find(text)
        if not isinstance(found, Pods):
            raise SourceError(f"`{text}` is no workload", "name one that `licet map` lists")
        return found

    def _at(self, addresses: AddressSet, text: str) -> End:
        ((first, last),) = addresses.spans
        if self._cluster.platform.pod_addresses & addresses and first != last:
            raise SourceError(f"`{text}` holds addresses of pods", "name a workload, or addresses outside")
        if first != last:
            return Outside(first, text, self._cuts(first, last))
        for workload in self._cluster.workloads:
            if workload.addresses & addresses:
                return self._named[workload.key]
        if self._cluster.platform.pod_addresses & addresses:
            raise SourceError(f"`{text}` is a pod's address, and no manifest says whose", "name the workload")
        return Outside(first)

    def _cuts(self, first: int, last: int) -> tuple[int, ...]:
        """The addresses of a range behind its first at which something begins or ends that may tell them apart."""
        cluster = self._cluster
        policies: list[NetworkPolicy | ClusterPolicy] = [*cluster.network_policies, *cluster.cluster_policies]
        blocks = [peer.addresses for policy in policies for peer in _peers(policy) if isinstance(peer, BlockPeer)]
        spans = [span for block in (cluster.platform.node_addresses, *blocks) for span in block.spans]
        return tuple(sorted({at for low, high in spans for at in (low, high + 1) if first < at <= last}))


def endpoint(text: str, endpoints: Iterable[Endpoint]) -> Endpoint:
    """The endpoint of a map that has this id, or that this name fits; errors as `Ends.find`."""
    known = list(endpoints)
    addresses = _addresses(text)
    for candidate in known:
        if candidate.id == text or (addresses is not None and _addresses(candidate.id) == addresses):
            return candidate
    pattern = _pattern(text)
    keyed = {candidate.key: candidate for candidate in known if candidate.key is not None}
    return keyed[_only(text, [key for key in keyed if pattern.matches(key)], keyed)]


def _pattern(text: str) -> Pattern:
    try:
        pattern = Pattern.parse(text)
    except ValueError:
        advice = "write `namespace/name`, `namespace/name[Kind]` or an address"
        raise SourceError(f"`{text}` is not a name", advice) from None
    if any(part and len(part) > _LONGEST for part in (pattern.name, pattern.namespace, pattern.cluster)):
        raise SourceError(f"`{text}` is longer than any name", f"no name has more than {_LONGEST} characters")
    return pattern


def _only(text: str, fitting: Sequence[Key], known: Iterable[Key]) -> Key:
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise SourceError(f"no workload `{text}`", _near(text, known))
    some = " or ".join(f"`{key}`" for key in fitting[:_LISTED])
    rest = f" and {len(fitting) - _LISTED} more" if len(fitting) > _LISTED else ""
    raise SourceError(f"`{text}` fits {len(fitting)}", f"say which: {some}{rest}")


def _near(text: str, known: Iterable[Key]) -> str:
    """What may have been meant: the same name elsewhere, or one that comes close."""
    asked = text.partition("[")[0]
    names = dict.fromkeys(f"{key.namespace}/{key.name}" for key in known)
    if text.startswith("{"):
        return f"did you mean `{INGRESS_CONTROLLER.name}`?"
    bare = [name for name in names if name.rpartition("/")[2] == asked.rpartition("/")[2]]
    close = bare or difflib.get_close_matches(asked, names) or _close_names(asked, names)
    if not close:
        return "`licet map` lists those there are"
    return f"did you mean {' or '.join(f'`{name}`' for name in close[:_SUGGESTED])}?"


def _addresses(text: str) -> AddressSet | None:
    if not text[:1].isdigit() and ":" not in text:
        return None
    try:
        return range_from_text(text)
    except ValueError:
        return None


def _peers(policy: NetworkPolicy | ClusterPolicy) -> Iterator[Peer]:
    for direction in Direction:
        for rule in policy.rules(direction) or ():
            yield from rule.peers or ()


def _close_names(asked: str, names: Iterable[str]) -> list[str]:
    """Names whose part after the namespace comes close."""
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault(name.rpartition("/")[2], name)
    return [by_name[close] for close in difflib.get_close_matches(asked.rpartition("/")[2], by_name)]
