"""Where one workload may go: its calls, put together by destination and port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

import msgspec

from licet.mesh.intent import Call, Callee, Destination, Named, Outside, Speaks
from licet.model.addresses import AddressSet
from licet.model.ports import Protocol, port_number


class Way(msgspec.Struct, frozen=True):
    """One destination on one port, with every call that agrees to it; none does where it is passed unagreed.

    `destination` is what it is known by, such as `shop/cart[Deployment]:8080`, `api.example.com:443` or
    `192.0.2.1:5432`.
    """

    destination: str
    to: Destination
    port: int
    calls: tuple[Call, ...]

    @property
    def speaks(self) -> Speaks:
        """Requests where any of the calls makes some."""
        return Speaks.HTTP if any(each.speaks is Speaks.HTTP for each in self.calls) else Speaks.TCP

    @property
    def narrowed(self) -> bool:
        """Whether only some requests were agreed to, and every call says which."""
        return bool(self.calls) and all(each.http or each.grpc for each in self.calls)


def to_callees(calls: Iterable[Call]) -> tuple[Way, ...]:
    """Those to workloads of the mesh, in order."""
    found: dict[str, Way] = {}
    for call in calls:
        if isinstance(call.to, Callee):
            for port in _ports(call):
                name = f"{call.to.key}:{port}"
                known = found[name].calls if name in found else ()
                found[name] = Way(name, call.to, port, (*known, call))
    return tuple(found[name] for name in sorted(found))


def to_names(calls: Iterable[Call]) -> tuple[Way, ...]:
    """Those to DNS names, in order: each is for the calls by a wildcard too that its name falls under."""
    calls = tuple(calls)
    names = {(call.to.name, port) for call in calls if isinstance(call.to, Named) for port in _ports(call)}
    ways = (_named(calls, name, port) for name, port in sorted(names))
    return tuple(way for way in ways if way is not None)


def to_addresses(calls: Iterable[Call]) -> tuple[Way, ...]:
    """Those to addresses without an identity, in order. On one port no two have an address in common."""
    by_port: dict[int, list[tuple[AddressSet, tuple[Call, ...]]]] = {}
    for call in calls:
        if isinstance(call.to, Outside):
            for port in _ports(call):
                by_port[port] = list(_cut(by_port.get(port, ()), call, call.to.addresses))
    return tuple(_addressed(part, port, calls) for port, parts in sorted(by_port.items()) for part, calls in parts)


def toward(calls: Iterable[Call], destination: str) -> Way | None:
    """The way to what a person calls so; None where nothing was agreed."""
    calls = tuple(calls)
    callee = next((way for way in to_callees(calls) if way.destination == destination), None)
    host, _, digits = destination.rpartition(":")
    port = port_number(digits)
    if callee is not None or port is None:
        return callee
    try:
        address = str(ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        return _named(calls, host, port)
    at = AddressSet.of([address])
    agreed = tuple(
        call
        for call in calls
        if isinstance(call.to, Outside) and call.to.addresses & at and (Protocol.TCP, port) in call.ports
    )
    return Way(destination, Outside(at, address), port, agreed) if agreed else None


def falls_under(name: str, pattern: str) -> bool:
    """Whether a DNS name is this one, or has exactly one label before what follows `*.`."""
    if name == pattern or not pattern.startswith("*."):
        return name == pattern
    label, _, parent = name.partition(".")
    return bool(label) and label != "*" and parent == pattern[2:]


def _named(calls: Iterable[Call], name: str, port: int) -> Way | None:
    agreed = tuple(
        call
        for call in calls
        if isinstance(call.to, Named) and falls_under(name, call.to.name) and (Protocol.TCP, port) in call.ports
    )
    return Way(f"{name}:{port}", Named(name), port, agreed) if agreed else None


def _cut(
    parts: Iterable[tuple[AddressSet, tuple[Call, ...]]], call: Call, left: AddressSet
) -> Iterator[tuple[AddressSet, tuple[Call, ...]]]:
    """The parts cut along the addresses of another call, which is one of those for what it holds."""
    for part, calls in parts:
        if part & left:
            yield part & left, (*calls, call)
        if part - left:
            yield part - left, calls
        left = left - part
    if left:
        yield left, (call,)


def _addressed(part: AddressSet, port: int, calls: tuple[Call, ...]) -> Way:
    text = "+".join(dict.fromkeys(call.to.text for call in calls if isinstance(call.to, Outside)))
    return Way(f"{text}:{port}", Outside(part, text), port, calls)


def _ports(call: Call) -> Iterator[int]:
    for span in call.ports.ranges():
        if span.protocol is Protocol.TCP:
            yield from range(span.first, span.last + 1)
