"""IPv4 and IPv6 addresses as sets of whole numbers on one line: IPv4 first, IPv6 after it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

import msgspec

from licet.model import intervals
from licet.model.intervals import Intervals

V6_BASE = 1 << 32
"""Where IPv6 begins on the line; IPv4 addresses are their own numbers."""
_V6_LAST = V6_BASE + (1 << 128) - 1


class AddressSet(msgspec.Struct, frozen=True, cache_hash=True):
    """A set of addresses of both families. Equal sets compare equal."""

    spans: Intervals = ()

    @classmethod
    def of(cls, blocks: Iterable[str]) -> AddressSet:
        """Read addresses and CIDR blocks; bits behind the prefix are ignored, as the API does.

        Raises ValueError (of `ipaddress`, which rejects leading zeros) where one is neither.
        """
        pairs: list[tuple[int, int]] = []
        for block in blocks:
            network = ipaddress.ip_network(block, strict=False)
            base = V6_BASE if network.version == 6 else 0
            first = base + int(network.network_address)
            pairs.append((first, first + network.num_addresses - 1))
        return cls(intervals.normal(pairs))

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __or__(self, other: AddressSet) -> AddressSet:
        return AddressSet(intervals.union(self.spans, other.spans))

    def __and__(self, other: AddressSet) -> AddressSet:
        return AddressSet(intervals.intersection(self.spans, other.spans))

    def __sub__(self, other: AddressSet) -> AddressSet:
        return AddressSet(intervals.difference(self.spans, other.spans))

    def __xor__(self, other: AddressSet) -> AddressSet:
        return (self - other) | (other - self)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Maximal (first, last) runs, each within one family."""
        for first, last in self.spans:
            if first < V6_BASE <= last:
                yield first, V6_BASE - 1
                first = V6_BASE
            yield first, last


EVERY_V4 = AddressSet(((0, V6_BASE - 1),))
EVERY_V6 = AddressSet(((V6_BASE, _V6_LAST),))
EVERY_ADDRESS = AddressSet(((0, _V6_LAST),))
NEVER_A_PODS = AddressSet.of(
    ["127.0.0.0/8", "::1", "169.254.0.0/16", "fe80::/10", "224.0.0.0/24", "ff02::/16", "0.0.0.0", "::"]
)
"""Addresses that no pod has: an endpoint "may not be loopback, link-local or link-local multicast", nor unspecified
(Kubernetes API reference, Endpoints v1, `EndpointAddress.ip`; validation `ValidateEndpointIP`)."""


def address_text(number: int) -> str:
    """The usual notation of an address on the line."""
    if number < V6_BASE:
        return str(ipaddress.IPv4Address(number))
    return str(ipaddress.IPv6Address(number - V6_BASE))


def range_text(first: int, last: int) -> str:
    """The id of a range of addresses: `first-last`."""
    return f"{address_text(first)}-{address_text(last)}"


def range_from_text(text: str) -> AddressSet:
    """Read an address, a CIDR block, or `first-last`; raises ValueError where it is none of them."""
    first, dash, last = text.partition("-")
    if not dash:
        return AddressSet.of([text])
    low, high = AddressSet.of([first]), AddressSet.of([last])
    start, end = low.spans[0][0], high.spans[0][1]
    if start > end or (start < V6_BASE) != (end < V6_BASE):
        raise ValueError(f"{text} runs backwards or from one address family into the other")
    return AddressSet(((start, end),))
