"""From what the user writes to what is meant by it: workloads, Services, routes, gateways, addresses."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from licet.analysis.endpoints import INGRESS_CONTROLLER
from licet.model.addresses import AddressSet, address_text
from licet.model.cluster import Cluster
from licet.model.edge import Endpoint
from licet.model.key import Key, Pattern
from licet.model.service import Route, Service
from licet.sources import SourceError

_LISTED = 5
_SUGGESTED = 3


class Pods(msgspec.Struct, frozen=True):
    """A workload: the name it goes by, and a workload of the cluster that stands for it (a pod for its owner)."""

    name: Key
    key: Key


class Outside(msgspec.Struct, frozen=True):
    """An address that is no workload's."""

    number: int


End: TypeAlias = Pods | Outside | Service | Route | Key
"""One side of a question; a bare Key is the ingress controller or a Gateway."""


def end_id(end: End) -> str:
    """The id of an end, as maps and answers write it."""
    match end:
        case Pods(name=name):
            return str(name)
        case Outside(number=number):
            return address_text(number)
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

    def find(self, text: str) -> End:
        """What a text means: an id, an address, or a name that fits one thing; workloads come before all others.

        Raises SourceError, with what comes close, where it means nothing or more than one thing.
        """
        if text == INGRESS_CONTROLLER.name:
            return INGRESS_CONTROLLER
        address = _address(text)
        if address is not None:
            return self._at(address, text)
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

    def _at(self, address: int, text: str) -> End:
        one = AddressSet(((address, address),))
        for workload in self._cluster.workloads:
            if workload.addresses & one:
                return self._named[workload.key]
        if self._cluster.platform.pod_addresses & one:
            raise SourceError(f"`{text}` is a pod's address, and no manifest says whose", "name the workload")
        return Outside(address)


def endpoint(text: str, endpoints: Iterable[Endpoint]) -> Endpoint:
    """The endpoint of a map that has this id, or that this name fits; errors as `Ends.find`."""
    known = list(endpoints)
    for candidate in known:
        if candidate.id == text:
            return candidate
    pattern = _pattern(text)
    keyed = {candidate.key: candidate for candidate in known if candidate.key is not None}
    return keyed[_only(text, [key for key in keyed if pattern.matches(key)], keyed)]


def _pattern(text: str) -> Pattern:
    try:
        return Pattern.parse(text)
    except ValueError:
        advice = "write `namespace/name`, `namespace/name[Kind]` or an address"
        raise SourceError(f"`{text}` is not a name", advice) from None


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
    bare = [name for name in names if name.rpartition("/")[2] == asked.rpartition("/")[2]]
    close = bare or difflib.get_close_matches(asked, names) or _close_names(asked, names)
    if not close:
        return "`licet map` lists those there are"
    return f"did you mean {' or '.join(f'`{name}`' for name in close[:_SUGGESTED])}?"


def _address(text: str) -> int | None:
    if not text[:1].isdigit() and ":" not in text:
        return None
    try:
        addresses = AddressSet.of([text])
    except ValueError:
        return None
    first, last = addresses.spans[0]
    if first != last:
        raise SourceError(f"`{text}` is more than one address", "name one of them")
    return first


def _close_names(asked: str, names: Iterable[str]) -> list[str]:
    """Names whose part after the namespace comes close."""
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault(name.rpartition("/")[2], name)
    return [by_name[close] for close in difflib.get_close_matches(asked.rpartition("/")[2], by_name)]
