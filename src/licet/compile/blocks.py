"""Sets of addresses as CIDR blocks: as few entries as will say exactly the set."""

from __future__ import annotations

import ipaddress

import msgspec

from licet.model.addresses import V6_BASE, AddressSet, address_text


class Block(msgspec.Struct, frozen=True):
    """A CIDR block and the blocks inside it that are left out."""

    cidr: str
    excepted: tuple[str, ...] = ()


def cidrs(addresses: AddressSet) -> list[str]:
    """The fewest CIDR blocks that together are the set, ascending, IPv4 first."""
    return [
        str(network)
        for first, last in addresses.ranges()
        for network in ipaddress.summarize_address_range(
            ipaddress.ip_address(address_text(first)), ipaddress.ip_address(address_text(last))
        )
    ]


def blocks(addresses: AddressSet) -> list[Block]:
    """Blocks with exceptions that together are the set, with the fewest CIDRs written, ascending, IPv4 first."""
    found: list[Block] = []
    if not addresses:
        return found
    for base, bits in ((0, 32), (V6_BASE, 128)):
        found += _cover(addresses & AddressSet(((base, base + (1 << bits) - 1),)), base, bits)
    return found


def _cover(inside: AddressSet, start: int, bits: int) -> list[Block]:
    """The part of a set that lies in the block at `start` of 2 to the power of `bits` addresses."""
    if not inside:
        return []
    last = start + (1 << bits) - 1
    own = ((start, last),)
    if inside.spans == own:
        return [Block(cidrs(inside)[0])]
    middle = start + (1 << (bits - 1))
    lower = _cover(inside & AddressSet(((start, middle - 1),)), start, bits - 1)
    upper = _cover(inside & AddressSet(((middle, last),)), middle, bits - 1)
    whole = AddressSet(own)
    if not (lower and upper):
        return lower or upper
    excepted = cidrs(whole - inside)
    split = [*lower, *upper]
    if 1 + len(excepted) < sum(1 + len(block.excepted) for block in split):
        return [Block(cidrs(whole)[0], tuple(excepted))]
    return split
