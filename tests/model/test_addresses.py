"""Addresses of both families on one line."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.model.addresses import (
    EVERY_ADDRESS,
    EVERY_V4,
    EVERY_V6,
    AddressSet,
    address_text,
    range_from_text,
    range_text,
)

blocks = st.sampled_from(
    ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "255.255.255.255", "::/0", "fd00::/8", "::1", "0.0.0.0"]
)
sets = st.lists(blocks, max_size=4).map(AddressSet.of)
addresses = st.sampled_from(
    ["0.0.0.0", "10.1.2.3", "10.255.255.255", "11.0.0.0", "255.255.255.255", "::", "::1", "fd12::7"]
)


def holds(found: AddressSet, address: str) -> bool:
    """Membership by way of a block of one address."""
    return bool(found & AddressSet.of([address]))


@given(sets, sets, addresses)
def test_operations_are_those_of_sets(a: AddressSet, b: AddressSet, address: str) -> None:
    """Address by address."""
    assert holds(a | b, address) == (holds(a, address) or holds(b, address))
    assert holds(a - b, address) == (holds(a, address) and not holds(b, address))
    assert holds(a ^ b, address) == (holds(a, address) != holds(b, address))


@given(st.lists(blocks, max_size=4), addresses)
def test_a_set_holds_what_its_blocks_hold(texts: list[str], address: str) -> None:
    """As the standard library has it."""
    wanted = any(ipaddress.ip_address(address) in ipaddress.ip_network(text) for text in texts)
    assert holds(AddressSet.of(texts), address) == wanted


def test_the_families_are_apart_and_together_all() -> None:
    """The last IPv4 address and the first IPv6 address touch on the line, and stay two ranges."""
    assert EVERY_V4 | EVERY_V6 == EVERY_ADDRESS
    assert not EVERY_V4 & EVERY_V6
    assert [range_text(*r) for r in EVERY_ADDRESS.ranges()] == [
        "0.0.0.0-255.255.255.255",
        "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ]


def test_bits_behind_the_prefix_do_not_count() -> None:
    """`10.1.2.3/8` is `10.0.0.0/8`, as for the API server."""
    assert AddressSet.of(["10.1.2.3/8"]) == AddressSet.of(["10.0.0.0/8"])


@given(addresses)
def test_text_is_read_back(address: str) -> None:
    """Canonical notation in, the same out."""
    ((first, last),) = AddressSet.of([address]).spans
    assert first == last
    assert address_text(first) == address
    assert range_from_text(range_text(first, last)) == AddressSet.of([address])


@pytest.mark.parametrize(
    "text", ["", "10.0.0.300", "10.0.0.5-10.0.0.1", "10.0.0.1-::1", "10.0.0.0/33", "shop/web", "010.0.0.1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Backwards, across families, or simply wrong."""
    with pytest.raises(ValueError, match=r".*"):
        range_from_text(text)
