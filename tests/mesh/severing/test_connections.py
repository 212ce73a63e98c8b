"""Who has what open, by access logs that come in any order, more than once, or not at all."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message

from licet.mesh.severing.connections import Connections
from tests.mesh.severing.entries import BAD, BEGIN, END, GOOD, ends, entry


@pytest.mark.parametrize("kind", [BEGIN, "DownstreamPeriodic", "DownstreamEnd", "TcpUpstreamConnected", "TcpPeriodic"])
def test_whatever_is_said_of_a_connection_shows_that_it_is_open(kind: str) -> None:
    """So a control plane that has just started learns of what was opened before."""
    connections = Connections()
    connections.hear("one", entry(kind, ends(5000)))
    assert connections.of({BAD}) == {(BAD, "one"): (ends(5000),)}
    assert connections.of({GOOD}) == {}


def test_a_connection_is_over_when_its_own_end_is_told() -> None:
    connections = Connections()
    connections.hear("one", entry("TcpUpstreamConnected", ends(5000), number=2))
    connections.hear("one", entry(END, ends(5000), number=1))
    assert len(connections) == 1, "that was an older one between the same ends"
    connections.hear("one", entry(END, ends(5000), number=2))
    assert len(connections) == 0


def test_sidecars_may_have_equal_ends_and_are_told_apart() -> None:
    connections = Connections()
    connections.hear("one", entry(BEGIN, ends(5000)))
    connections.hear("two", entry(BEGIN, ends(5000), GOOD))
    assert connections.of({BAD, GOOD}) == {(BAD, "one"): (ends(5000),), (GOOD, "two"): (ends(5000),)}
    connections.forget("one")
    assert connections.of({BAD, GOOD}) == {(GOOD, "two"): (ends(5000),)}


def test_a_port_that_another_identity_uses_after_one_is_the_later_ones() -> None:
    connections = Connections()
    connections.hear("one", entry(BEGIN, ends(5000), number=1))
    connections.hear("one", entry(BEGIN, ends(5000), GOOD, number=2))
    assert connections.of({BAD}) == {}


@pytest.mark.parametrize(
    ("tag", "local"), [("198.51.100.9:15006", ("198.51.100.9", 15006)), ("[2001:db8::9]:15006", ("2001:db8::9", 15006))]
)
def test_redirected_connections_are_known_by_where_the_kernel_has_them(tag: str, local: tuple[str, int]) -> None:
    connections = Connections()
    connections.hear("one", entry(BEGIN, ends(5000), local=tag))
    assert connections.of({BAD}) == {(BAD, "one"): (ends(5000, local),)}


def test_ipv4_within_ipv6_is_ipv4() -> None:
    connections = Connections()
    connections.hear("one", entry(BEGIN, ends(5000), address="::ffff:192.0.2.7"))
    assert connections.of({BAD}) == {(BAD, "one"): (ends(5000),)}


@pytest.mark.parametrize(
    "odd",
    [
        entry(BEGIN, ends(5000), who=""),
        entry(BEGIN, ends(5000), address="nowhere"),
        entry(BEGIN, ends(5000), local="nowhere:80"),
        entry(BEGIN, ends(5000), local="127.0.0.1:http"),
        entry(BEGIN, ends(5000), local="127.0.0.1:65536"),
    ],
    ids=["nobody", "a strange address", "a strange local address", "a strange port", "no port"],
)
def test_what_cannot_be_a_connection_of_an_identity_is_passed_over(odd: Message) -> None:
    connections = Connections()
    assert connections.hear("one", odd) is None
    assert len(connections) == 0


def test_no_sidecar_fills_the_memory_and_what_is_forgotten_is_counted() -> None:
    connections = Connections(most=100)
    for port in range(1000, 1150):
        connections.hear("one", entry(BEGIN, ends(port)))
    connections.hear("two", entry(BEGIN, ends(1)))
    assert (len(connections), connections.forgotten) == (101, 50)
    assert connections.of({BAD})[BAD, "two"] == (ends(1),)


def test_what_the_kernel_no_longer_has_is_forgotten_before_it_is_twice_what_it_has() -> None:
    connections = Connections()
    for port in range(1, 2001):
        connections.hear("one", entry(BEGIN, ends(port)))
        for node in tuple(connections.crowded()):
            connections.keep(node, {ends(each) for each in range(port - 9, port + 1)})
    assert len(connections) <= 1024
    assert connections.forgotten == 0
