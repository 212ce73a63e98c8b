"""Addresses of sockets, as Envoy writes them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, summarize_address_range

from envoy.config.core.v3.address_pb2 import Address, CidrRange, Pipe, SocketAddress  # type: ignore[import-untyped]
from google.protobuf.wrappers_pb2 import UInt32Value

from licet.model.addresses import AddressSet, address_text
from licet.model.ports import port_number


def inet(host: str, port: int) -> Address:
    """A TCP port of an IP address, or of a name where names are resolved."""
    return Address(socket_address=SocketAddress(address=host, port_value=port))


def pipe(path: str) -> Address:
    """A unix socket."""
    return Address(pipe=Pipe(path=path))


def host_port(text: str) -> tuple[str, int] | None:
    """The host and the port of `host:port`, with brackets around IPv6 addresses; None where it is none."""
    host, colon, digits = text.rpartition(":")
    port = port_number(digits)
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return (host, port) if colon and host and port is not None else None


def local(text: str) -> Address:
    """Of `host:port`, or of a unix socket where the text begins with a slash; ValueError where it is neither."""
    if text.startswith("/"):
        return pipe(text)
    found = host_port(text)
    if found is None:
        raise ValueError(text)
    return inet(*found)


def literal(host: str) -> bool:
    """Whether this is an IP address, and not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def networks(addresses: AddressSet) -> Iterator[IPv4Network | IPv6Network]:
    """The fewest networks that are together the set, ascending."""
    for first, last in addresses.ranges():
        low, high = ip_address(address_text(first)), ip_address(address_text(last))
        yield from summarize_address_range(low, high)


def block(network: IPv4Network | IPv6Network) -> CidrRange:
    """The network as Envoy writes it."""
    return CidrRange(address_prefix=str(network.network_address), prefix_len=UInt32Value(value=network.prefixlen))
