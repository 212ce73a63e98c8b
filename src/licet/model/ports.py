"""Transport protocols, ports, and sets of them."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from licet.model import intervals
from licet.model.intervals import Intervals

FIRST_PORT = 1
LAST_PORT = 65535
_STRIDE = 1 << 16


class Protocol(enum.IntEnum):
    """The protocols that the Kubernetes APIs define; ICMP and others are outside every port set."""

    TCP = 0
    UDP = 1
    SCTP = 2


_PROTOCOLS = tuple(Protocol)


class PortRange(msgspec.Struct, frozen=True):
    """Ports `first` to `last`, both included, of one protocol."""

    protocol: Protocol
    first: int = FIRST_PORT
    last: int = LAST_PORT

    def holds(self, other: PortRange) -> bool:
        """Whether every port of another range is in this one."""
        return self.protocol is other.protocol and self.first <= other.first and other.last <= self.last


class NamedPort(msgspec.Struct, frozen=True):
    """A container port's name, looked up on each destination pod. `protocol` None asks for the name alone."""

    name: str
    protocol: Protocol | None = Protocol.TCP


PortRule: TypeAlias = PortRange | NamedPort


class PortSet(msgspec.Struct, frozen=True, cache_hash=True):
    """A set of (protocol, port). Equal sets compare equal."""

    spans: Intervals = ()

    @classmethod
    def of(cls, *ranges: PortRange) -> PortSet:
        """The union of the ranges."""
        return cls(intervals.normal((r.protocol * _STRIDE + r.first, r.protocol * _STRIDE + r.last) for r in ranges))

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __or__(self, other: PortSet) -> PortSet:
        return PortSet(intervals.union(self.spans, other.spans))

    def __and__(self, other: PortSet) -> PortSet:
        return PortSet(intervals.intersection(self.spans, other.spans))

    def __sub__(self, other: PortSet) -> PortSet:
        return PortSet(intervals.difference(self.spans, other.spans))

    def __contains__(self, item: tuple[Protocol, int]) -> bool:
        point = item[0] * _STRIDE + item[1]
        return any(first <= point <= last for first, last in self.spans)

    def ranges(self) -> Iterator[PortRange]:
        """The set as ranges: TCP, UDP, SCTP, ascending, never touching."""
        for first, last in self.spans:
            yield PortRange(_PROTOCOLS[first // _STRIDE], first % _STRIDE, last % _STRIDE)

    def __str__(self) -> str:
        """`all ports`, or such as `TCP 80,90-95, UDP 53`."""
        if self == ALL_PORTS:
            return "all ports"
        parts: dict[Protocol, list[str]] = {}
        for one in self.ranges():
            parts.setdefault(one.protocol, []).append(_range_text(one.first, one.last))
        return ", ".join(f"{protocol.name} {','.join(own)}" for protocol, own in parts.items()) or "no port"


def port_number(text: str) -> int | None:
    """The port that a text of digits is; None where it is none."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(LAST_PORT)) else 0
    return number if FIRST_PORT <= number <= LAST_PORT else None


def _range_text(first: int, last: int) -> str:
    if (first, last) == (FIRST_PORT, LAST_PORT):
        return "any"
    return str(first) if first == last else f"{first}-{last}"


NO_PORTS = PortSet()
ALL_PORTS = PortSet.of(*(PortRange(protocol) for protocol in Protocol))
