"""Endpoints as people name them: short where that is clear, groups folded where that is shorter."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Sequence

from licet.diag.render.terminal import counted
from licet.diag.render.visible import visible
from licet.model.addresses import EVERY_V4, EVERY_V6, V6_BASE, AddressSet, address_text, range_from_text
from licet.model.edge import Endpoint, EndpointType

_LISTED = 12
"""Members of a namespace that are named one by one."""
_LEFT_OUT = 2
"""Exceptions that are named after `but`."""
_PLACES = 8
"""Namespaces that are told apart."""
_RANGES = 6
"""Ranges of addresses that are named one by one."""


class Names:
    """How the endpoints of one whole map are called. Labels are safe to show on a terminal."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._endpoints = {endpoint.id: endpoint for endpoint in endpoints}
        stems = Counter(_stem(id) for id in self._endpoints)
        self._short = {
            id: visible(_stem(id) if stems[_stem(id)] == 1 else id)
            for id, endpoint in self._endpoints.items()
            if endpoint.type is not EndpointType.ADDRESSES
        }
        workloads = [e for e in self._endpoints.values() if e.type is EndpointType.WORKLOAD]
        self._members: dict[str, list[str]] = {}
        for endpoint in workloads:
            self._members.setdefault(self.place(endpoint.id), []).append(endpoint.id)
        self._workloads = len(workloads)
        self._ranges = sum(1 for e in self._endpoints.values() if e.type is EndpointType.ADDRESSES)

    def short(self, id: str) -> str:
        """One endpoint's label."""
        if id in self._short:
            return self._short[id]
        try:
            return ", ".join(_blocks(range_from_text(id)))
        except ValueError:
            return visible(id)

    def place(self, id: str) -> str:
        """The namespace that a workload or gateway stands in, with its cluster where there is one; else empty."""
        endpoint = self._endpoints.get(id)
        if endpoint is None or endpoint.key is None:
            return ""
        key = endpoint.key
        return visible(f"{key.cluster}:{key.namespace}" if key.cluster else key.namespace)

    def type(self, id: str) -> EndpointType | None:
        """What an id stands for; ranges of addresses need not be among the endpoints."""
        endpoint = self._endpoints.get(id)
        if endpoint is not None:
            return endpoint.type
        return None if id.endswith(("]", "}")) else EndpointType.ADDRESSES

    def fold(self, ids: Sequence[str]) -> list[str]:
        """A group as a few labels that say exactly who is in it, or how many where that would be long."""
        if len(ids) == 1:
            return [self.short(ids[0])]
        kinds: dict[EndpointType | None, list[str]] = {}
        for id in ids:
            kinds.setdefault(self.type(id), []).append(id)
        workloads = kinds.pop(EndpointType.WORKLOAD, [])
        ranges = kinds.pop(EndpointType.ADDRESSES, [])
        others = [self.short(id) for group in kinds.values() for id in group]
        return [*self._fold_workloads(workloads), *others, *self._fold_ranges(ranges)]

    def _fold_workloads(self, ids: list[str]) -> list[str]:
        if len(ids) > 2 and self._workloads - len(ids) <= min(_LEFT_OUT, len(ids) // 3):
            members = set(ids)
            out = [self.short(id) for group in self._members.values() for id in group if id not in members]
            return [f"all {len(ids) + len(out):,} workloads{_but(out)}"]
        groups: dict[str, list[str]] = {}
        for id in ids:
            groups.setdefault(self.place(id), []).append(id)
        labels = [label for place, group in groups.items() for label in self._fold_place(place, group)]
        if len(groups) > _PLACES and len(labels) > _PLACES:
            return [f"{len(ids):,} of {self._workloads:,} workloads in {len(groups):,} namespaces"]
        return labels

    def _fold_place(self, place: str, ids: list[str]) -> list[str]:
        everyone = self._members[place]
        missing = len(everyone) - len(ids)
        if len(ids) > 2 and missing <= min(_LEFT_OUT, len(ids) // 3):
            members = set(ids)
            out = [self.short(id) for id in everyone if id not in members]
            return [f"all {len(everyone):,} in {place}{_but(out)}"]
        if len(ids) > _LISTED:
            return [f"{len(ids):,} of {len(everyone):,} in {place}"]
        return [self.short(id) for id in ids]

    def _fold_ranges(self, ids: list[str]) -> list[str]:
        if len(ids) > 1 and len(ids) == self._ranges:
            return ["every address outside"]
        if len(ids) > 4 * _RANGES:
            return [counted(len(ids), "address range")]
        blocks = _blocks(AddressSet.of(())) if not ids else _blocks(_union(ids))
        return blocks if len(blocks) <= _RANGES else [counted(len(ids), "address range")]


def _union(ids: Iterable[str]) -> AddressSet:
    total = AddressSet()
    for id in ids:
        total |= range_from_text(id)
    return total


def _blocks(addresses: AddressSet) -> list[str]:
    """Each run as a CIDR block where it is one, as `first-last` otherwise."""
    if addresses == EVERY_V4 | EVERY_V6:
        return ["every address outside"]
    return [_block(first, last) for first, last in addresses.ranges()]


def _block(first: int, last: int) -> str:
    size = last - first + 1
    if first == last:
        return address_text(first)
    base = V6_BASE if first >= V6_BASE else 0
    if size & (size - 1) == 0 and (first - base) % size == 0:
        bits = (128 if base else 32) - size.bit_length() + 1
        return str(ipaddress.ip_network(f"{address_text(first)}/{bits}"))
    return f"{address_text(first)}-{address_text(last)}"


def _stem(id: str) -> str:
    """An id without its kind."""
    return id[: id.rindex("[")] if id.endswith("]") and "[" in id else id


def _but(out: Sequence[str]) -> str:
    return f" but {' and '.join(out)}" if out else ""
