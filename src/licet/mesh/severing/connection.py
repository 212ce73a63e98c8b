"""A TCP connection as a sidecar has it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

import msgspec

Address: TypeAlias = IPv4Address | IPv6Address


class End(msgspec.Struct, frozen=True, order=True):
    """An address and port; an IPv4 address that stands in an IPv6 one is the IPv4 address."""

    address: Address
    port: int

    @classmethod
    def of(cls, address: str | Address, port: int) -> End:
        """Raises ValueError for what is no address and no port."""
        if not 0 <= port < 1 << 16:
            raise ValueError("no port is as high")
        address = ip_address(address)
        return cls((isinstance(address, IPv6Address) and address.ipv4_mapped) or address, port)


class Ends(msgspec.Struct, frozen=True, order=True):
    """A connection by its two ends, `local` being the sidecar's."""

    local: End
    remote: End
