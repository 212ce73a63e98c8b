"""A server that is away, or started again: workloads go on while their SVIDs are valid, and come back after."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.clients.programs import Program, go_client, rust_client
from tests.clients.traffic import Failure, Pair, RefusedError, Running, Tally, Update, call, fetch, traffic, watch
from tests.identity.drills.plane import Plane
from tests.identity.drills.rotations import again, answered, replaced

LONG, SHORT = 24, 10
"""Seconds of an SVID. When a long one is due for renewal 10.8 of them are left at least (`guaranteed_budget`)."""
REFUSALS = {"expired", "alert", "closed", "no_svid", "no_certificate"}
"""Whose SVID has ended is told by an alert, or finds that the other's has.

The library of Rust shows none then, which the other side is told, and refuses whatever it has begun itself.
"""


class Both:
    """A client of each kind with a server of the other."""

    def __init__(self, plane: Plane, lifetime: int = 0) -> None:
        self.go, self.rust = go_client(), rust_client()
        self._plane, self._socket = plane, plane.socket
        ids = self.register(lifetime)
        go, rust = (self.go, ids["go"]), (self.rust, ids["rust"])
        self._sides: list[tuple[tuple[Program, str], tuple[Program, str]]] = [(go, rust), (rust, go)]

    def register(self, lifetime: int) -> dict[str, str]:
        """Give their SVIDs this lifetime, in seconds; their identities."""
        return self._plane.enlist({"go": self.go, "rust": self.rust}, lifetime)

    def traffic(self, stack: ExitStack) -> list[Pair]:
        """Requests both ways from now on."""
        return [stack.enter_context(traffic(*sides, self._socket, rate=10)) for sides in self._sides]

    def call(self, pairs: list[Pair], *options: str) -> list[Running]:
        """More clients of the same servers."""
        return [
            call(client[0], self._socket, pair.server.address, server[1], *options)
            for (client, server), pair in zip(self._sides, pairs, strict=True)
        ]

    def answered(self, pairs: list[Pair]) -> None:
        """Have requests answered, and those of the pairs meanwhile."""
        for (client, server), pair in zip(self._sides, pairs, strict=True):
            answered(client[0], self._socket, pair.server.address, server[1])


def test_an_outage_within_the_budget_is_not_noticed_and_a_longer_one_is_recovered_from(tmp_path: Path) -> None:
    plane = Plane(tmp_path)
    both = Both(plane, LONG)
    with ExitStack() as stack:
        server = stack.enter_context(plane.serving("--listen", "127.0.0.1:0", "--join", "127.0.0.1:0", socket=False))
        ports = ("--listen", server.port("agents"), "--join", server.port("joining"))
        agent = stack.enter_context(plane.attending(ports[1], ports[3]))
        watching = stack.enter_context(watch(both.go, plane.socket))
        held = watching.line(Update).serial

        pairs = both.traffic(stack)
        server.stop(signal.SIGKILL)
        agent.told("renewal failed")
        server = stack.enter_context(plane.serving(*ports, socket=False))
        held = replaced(watching, held)
        assert [pair.end().failed for pair in pairs] == [{}, {}]

        both.register(SHORT)
        replaced(watching, held)
        pairs = both.traffic(stack)
        server.stop(signal.SIGKILL)
        for calling in both.call(pairs, "--until-failed"):
            assert _unforeseen(stack.enter_context(calling).wait()) == []
        with pytest.raises(RefusedError, match="Unavailable"):
            fetch(both.go, plane.socket)
        stack.enter_context(plane.serving(*ports, socket=False))
        watching.line(Update)
        back = time.time()
        both.answered(pairs)
        for pair in pairs:
            exchange = pair.end()
            assert _unforeseen(exchange.client, exchange.server) == []
            assert exchange.client.first_failed < back < exchange.client.last_ok, "it came back by itself"


def test_a_server_that_is_started_again_ends_streams_politely_and_is_found_again(tmp_path: Path) -> None:
    plane = Plane(tmp_path)
    both = Both(plane)
    with ExitStack() as stack:
        server = stack.enter_context(plane.serving())
        watchers = [stack.enter_context(watch(program, plane.socket)) for program in (both.go, both.rust)]
        held = [watcher.line(Update).serial for watcher in watchers]
        pairs = both.traffic(stack)
        server.stop()
        with pytest.raises(RefusedError) as told:
            watchers[0].line(Update)
        assert told.value.code == "Unavailable", "a client of Go gives up for good where it is told `Canceled`"
        stack.enter_context(plane.serving())
        assert [again(watcher, "Unavailable").serial in held for watcher in watchers] == [False, False]
        both.answered(pairs)
        for pair in pairs:
            exchange = pair.end()
            assert exchange.failed == {}
            assert exchange.client.peer_serials == 2, "the pair took the new SVIDs as well"


def _unforeseen(*tallies: Tally) -> list[Failure]:
    """What failed for another reason than that an SVID had ended."""
    return [failure for tally in tallies for failure in tally.failures if failure.cause not in REFUSALS]
