"""Addresses as CIDR blocks: exactly the set, in as few entries as will do."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.compile.blocks import Block, blocks, cidrs
from licet.model.addresses import EVERY_ADDRESS, V6_BASE, AddressSet


def meant(found: list[Block]) -> AddressSet:
    whole = AddressSet()
    for block in found:
        whole |= AddressSet.of([block.cidr]) - AddressSet.of(block.excepted)
    return whole


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (AddressSet(), []),
        (EVERY_ADDRESS, [Block("0.0.0.0/0"), Block("::/0")]),
        (AddressSet.of(["10.0.0.0/8"]) - AddressSet.of(["10.1.0.0/16"]), [Block("10.0.0.0/8", ("10.1.0.0/16",))]),
        (AddressSet.of(["10.0.0.0/24"]) - AddressSet.of(["10.0.0.0/25"]), [Block("10.0.0.128/25")]),
        (
            AddressSet.of(["0.0.0.0/0"]) - AddressSet.of(["10.244.0.0/16", "192.168.0.0/24"]),
            [Block("0.0.0.0/0", ("10.244.0.0/16", "192.168.0.0/24"))],
        ),
        (AddressSet.of(["10.0.0.0/25", "10.0.0.128/25", "::1"]), [Block("10.0.0.0/24"), Block("::1/128")]),
        (
            AddressSet.of(["10.0.0.0/16", "192.168.0.0/16"]) - AddressSet.of(["10.0.9.0/24"]),
            [Block("10.0.0.0/16", ("10.0.9.0/24",)), Block("192.168.0.0/16")],
        ),
    ],
)
def test_blocks_as_a_person_would_write_them(addresses: AddressSet, expected: list[Block]) -> None:
    assert blocks(addresses) == expected


SPANS = st.tuples(
    st.integers(0, 300), st.integers(0, 40), st.sampled_from([0, V6_BASE - 320, V6_BASE, V6_BASE + 2**64])
)
SETS = st.lists(SPANS, max_size=6).map(
    lambda found: AddressSet() if not found else _union([AddressSet(((b + f, b + f + n),)) for f, n, b in found])
)


def _union(found: list[AddressSet]) -> AddressSet:
    whole = AddressSet()
    for one in found:
        whole |= one
    return whole


@given(SETS, SETS)
def test_blocks_mean_exactly_the_set(inside: AddressSet, outside: AddressSet) -> None:
    for addresses in (inside, EVERY_ADDRESS - outside, AddressSet.of(["10.0.0.0/8", "::/64"]) - outside):
        found = blocks(addresses)
        assert meant(found) == addresses
        assert _union([AddressSet.of([one]) for one in cidrs(addresses)]) == addresses
        assert sum(1 + len(block.excepted) for block in found) <= len(cidrs(addresses))
        for block in found:
            network = ipaddress.ip_network(block.cidr)
            for one in map(ipaddress.ip_network, block.excepted):
                assert one != network
                assert one.version == network.version
                assert AddressSet.of([str(one)]) - AddressSet.of([block.cidr]) == AddressSet()
