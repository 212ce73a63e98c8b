"""Port sets: three protocols side by side, never mixed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.model.ports import ALL_PORTS, NO_PORTS, PortRange, PortSet, Protocol, port_number

ports = st.sampled_from([1, 2, 79, 80, 81, 65534, 65535])
ranges = st.builds(lambda p, a, b: PortRange(p, min(a, b), max(a, b)), st.sampled_from(Protocol), ports, ports)
sets = st.lists(ranges, max_size=4).map(lambda found: PortSet.of(*found))


@given(sets, sets, st.sampled_from(Protocol), ports)
def test_operations_are_those_of_sets(a: PortSet, b: PortSet, protocol: Protocol, port: int) -> None:
    """Member by member, at the borders too."""
    point = (protocol, port)
    assert (point in (a | b)) == (point in a or point in b)
    assert (point in (a & b)) == (point in a and point in b)
    assert (point in (a - b)) == (point in a and point not in b)
    assert bool(a - b) == (a & b != a)


@given(sets)
def test_ranges_say_the_whole_set(found: PortSet) -> None:
    """Read back, they are the same set, and none crosses from one protocol into the next."""
    assert PortSet.of(*found.ranges()) == found
    assert all(1 <= r.first <= r.last <= 65535 for r in found.ranges())


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (ALL_PORTS, "all ports"),
        (NO_PORTS, "no port"),
        (PortSet.of(PortRange(Protocol.TCP, 80, 80)), "TCP 80"),
        (PortSet.of(PortRange(Protocol.TCP, 90, 95), PortRange(Protocol.TCP, 80, 80)), "TCP 80,90-95"),
        (PortSet.of(PortRange(Protocol.UDP), PortRange(Protocol.TCP, 53, 53)), "TCP 53, UDP any"),
        (PortSet.of(PortRange(Protocol.SCTP, 65535, 65535), PortRange(Protocol.UDP, 1, 1)), "UDP 1, SCTP 65535"),
    ],
)
def test_text_for_people(found: PortSet, text: str) -> None:
    """As it stands in tables and sentences."""
    assert str(found) == text


@given(ranges, ranges)
def test_a_range_holds_another_where_nothing_of_that_is_left_without_it(a: PortRange, b: PortRange) -> None:
    assert a.holds(b) == (not PortSet.of(b) - PortSet.of(a))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("65535", 65535),
        ("0", None),
        ("65536", None),
        ("", None),
        ("-1", None),
        ("80 ", None),
        ("\u0661", None),
    ],
)
def test_a_port_is_read_from_digits_alone(text: str, number: int | None) -> None:
    assert port_number(text) == number
