"""Calls put together by where they lead."""

from __future__ import annotations

import pytest

from licet.contracts.contract import HttpMatch
from licet.mesh.intent import Named, Outside, Speaks
from licet.mesh.ways import falls_under, to_addresses, to_callees, to_names, toward
from licet.model.addresses import AddressSet
from tests.mesh.envoy.shop import call, key, outside


@pytest.mark.parametrize(
    ("name", "pattern", "falls"),
    [
        ("example.com", "example.com", True),
        ("a.example.com", "*.example.com", True),
        ("example.com", "*.example.com", False),
        ("a.b.example.com", "*.example.com", False),
        (".example.com", "*.example.com", False),
        ("*.example.com", "*.example.com", True),
        ("a.example.com", "example.com", False),
    ],
)
def test_a_wildcard_is_exactly_one_label(name: str, pattern: str, falls: bool) -> None:
    """No more and no less."""
    assert falls_under(name, pattern) is falls


def test_calls_of_one_port_are_one_way_that_is_as_wide_as_the_widest() -> None:
    """A call of everything takes the limits from one of some requests."""
    narrow = call("cart", 80, http=(HttpMatch(("GET",), "/v1"),))
    wide = call("cart", 80, Speaks.TCP)
    [alone] = to_callees([narrow])
    [both] = to_callees([narrow, wide])
    assert (alone.destination, alone.narrowed) == (f"{key('cart')}:80", True)
    assert (both.narrowed, both.speaks, both.calls) == (False, Speaks.HTTP, (narrow, wide))


def test_addresses_of_several_calls_are_cut_where_they_overlap() -> None:
    """What lies in both has both calls, however they are ordered."""
    wide, narrow = call(outside("10.0.0.0/8"), 80), call(outside("10.1.0.0/16", "192.0.2.0/24"), 80)
    for calls in ((wide, narrow), (narrow, wide)):
        found = {way.to.addresses: set(way.calls) for way in to_addresses(calls) if isinstance(way.to, Outside)}
        assert found == {
            AddressSet.of(["10.1.0.0/16"]): {wide, narrow},
            AddressSet.of(["10.0.0.0/8"]) - AddressSet.of(["10.1.0.0/16"]): {wide},
            AddressSet.of(["192.0.2.0/24"]): {narrow},
        }


def test_a_name_has_the_calls_of_wildcards_that_it_falls_under() -> None:
    """Since they agree to it too."""
    exact, below = call(Named("a.example.com"), 443), call(Named("*.example.com"), 443)
    assert [(way.destination, way.calls) for way in to_names([exact, below])] == [
        ("*.example.com:443", (below,)),
        ("a.example.com:443", (exact, below)),
    ]


@pytest.mark.parametrize(
    ("destination", "agreed"),
    [
        ("shop/cart[Deployment]:80", True),
        ("shop/cart[Deployment]:81", False),
        ("shop/cart[StatefulSet]:80", False),
        ("b.example.com:443", True),
        ("b.c.example.com:443", False),
        ("10.1.2.3:5432", True),
        ("11.1.2.3:5432", False),
        ("10.1.2.3:5433", False),
        ("[2001:db8::1]:5432", True),
        ("", False),
        (":80", False),
    ],
)
def test_an_exit_is_followed_to_what_was_agreed(destination: str, agreed: bool) -> None:
    """Or to nothing."""
    calls = (
        call("cart", 80),
        call(Named("*.example.com"), 443),
        call(outside("10.0.0.0/8", "2001:db8::/32"), 5432, Speaks.TCP),
    )
    way = toward(calls, destination)
    assert (way is not None) is agreed
    assert way is None or way.destination == destination
