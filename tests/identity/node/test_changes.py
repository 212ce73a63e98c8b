"""What of a state is sent, and what is made of it."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.identity.errors import MalformedError
from licet.identity.node.backoff import FIRST, LONGEST, backoff
from licet.identity.node.changes import Hearing, Telling
from licet.identity.node.proto import node_pb2 as pb
from licet.identity.node.upstream import NodeState
from tests.identity.node.plane import DOMAIN, Domain, entries

ALL = entries(8)
STATE = Domain().state


def state(chosen: frozenset[int], hints: frozenset[int] = frozenset()) -> NodeState:
    """A state of some of the entries, some of them changed."""
    made = [msgspec.structs.replace(ALL[n], hint="changed" if n in hints else "") for n in sorted(chosen)]
    return msgspec.structs.replace(STATE, entries=tuple(made))


def over(message: pb.State) -> pb.State:
    return pb.State.FromString(message.SerializeToString())


subsets = st.frozensets(st.integers(0, 7))


@given(st.lists(st.tuples(subsets, subsets, st.booleans()), min_size=1, max_size=6))
def test_what_is_heard_is_what_was_told(steps: list[tuple[frozenset[int], frozenset[int], bool]]) -> None:
    """Whatever changes, and wherever a stream breaks off and another server goes on."""
    hearing = Hearing(DOMAIN)
    telling = Telling(hearing.mark)
    for chosen, hints, broken in steps:
        if broken:
            telling = Telling(hearing.mark)
        told = state(chosen, hints)
        assert hearing.state(over(telling.message(told))) == told


def test_only_what_changed_is_sent() -> None:
    telling = Telling(b"")
    first = telling.message(state(frozenset(range(8))))
    assert (first.entries.complete, len(first.entries.changed)) == (True, 8)
    second = telling.message(state(frozenset(range(1, 8)), frozenset({5})))
    assert (second.entries.complete, len(second.entries.changed), list(second.entries.removed)) == (
        False,
        1,
        ["e00000"],
    )
    third = telling.message(state(frozenset(range(1, 8)), frozenset({5})))
    assert third.entries == pb.Entries(mark=second.entries.mark)
    assert Telling(third.entries.mark).message(state(frozenset(range(1, 8)), frozenset({5}))).entries == third.entries


def test_an_agent_that_could_not_read_a_message_asks_for_everything() -> None:
    hearing = Hearing(DOMAIN)
    message = Telling(b"").message(state(frozenset({1})))
    hearing.state(message)
    assert hearing.mark
    message.entries.changed.append(b"{}")
    with pytest.raises(MalformedError, match="unreadable entry"):
        hearing.state(message)
    assert hearing.mark == b""


def test_waits_are_drawn_from_all_that_is_below_a_bound_that_doubles() -> None:
    random = Random(3)
    for failures, bound in ((1, FIRST), (2, 2 * FIRST), (3, 4 * FIRST), (4, LONGEST), (1000, LONGEST)):
        drawn = [backoff(failures, random) for _ in range(1000)]
        assert min(drawn) < bound * 0.01
        assert bound * 0.99 < max(drawn) <= bound
    assert backoff(0, random) == 0
