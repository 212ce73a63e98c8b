"""Who is revoked loses what is open, who is not keeps it, and what cannot be ended is said with what bounds it."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import msgspec
import pytest

from licet.mesh.severing.connections import Connections
from licet.mesh.severing.severer import Severed, Severer, sole
from tests.mesh.severing.entries import BAD, BEGIN, GOOD, Pair, connected, ends, entry

AGE = timedelta(hours=1)
WORSE = "spiffe://shop.example/worse"


class Bench(msgspec.Struct, frozen=True):
    """A severer for the sidecar `one`, which is this process, with connections to it."""

    severer: Severer
    told: list[Severed]
    listener: socket.socket
    held: ExitStack

    def open(self, who: str, *, told: bool = True, source: str = "") -> Pair:
        """A connection of this identity, of which the sidecar says so, from this address."""
        pair = self.held.enter_context(connected(self.listener, source=source))
        if told:
            self.severer.hear("one", [entry(BEGIN, pair.ends, who)])
        return pair

    def revoke(self, *who: str) -> list[Severed]:
        """What was told of it."""
        return self._told(self.severer.revoke(frozenset(who)))

    def sweep(self) -> list[Severed]:
        """What was told of it."""
        return self._told(self.severer.sweep())

    def _told(self, doing: object) -> list[Severed]:
        before = len(self.told)
        asyncio.run(doing)  # type: ignore[arg-type]  # a coroutine
        return self.told[before:]


@contextmanager
def bench(pid: int | None = None) -> Iterator[Bench]:
    if os.geteuid():
        pytest.skip("ending connections needs CAP_NET_ADMIN")
    told: list[Severed] = []
    severer = Severer(Connections(), told.append, AGE)
    severer.attach("one", pid if pid is not None else os.getpid())
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener, ExitStack() as held:
        yield Bench(severer, told, listener, held)
    severer.close()


def test_a_revoked_identity_loses_all_it_has_open_and_others_nothing() -> None:
    with bench() as made:
        bad, good, worse = [made.open(BAD) for _ in range(150)], made.open(GOOD), made.open(WORSE)
        assert made.revoke(BAD) == [Severed(BAD, "one", 150)]
        assert [each.alive() for each in bad] == [False] * 150
        assert (good.alive(), worse.alive()) == (True, True)
        assert made.revoke(BAD, WORSE) == [Severed(WORSE, "one", 1)], "what was told is not told again"
        assert (good.alive(), worse.alive()) == (True, False)
        assert made.sweep() == []


def test_what_is_heard_of_after_the_revocation_is_ended_at_once_and_told_with_the_next_sweep() -> None:
    with bench() as made:
        pair = made.open(BAD, told=False)
        assert made.revoke(BAD) == []
        assert pair.alive()
        made.severer.hear("one", [entry(BEGIN, pair.ends)])
        assert not pair.alive()
        assert made.sweep() == [Severed(BAD, "one", 1)]


def test_what_was_logged_to_another_control_plane_is_known_by_its_address() -> None:
    """One that was started again has heard of nothing that is open; identities are told of where they run."""
    with bench() as made:
        bad, good = (made.open(BAD, told=False, source=source) for source in ("127.0.0.2", "127.0.0.3"))
        said = made.open(GOOD, source="127.0.0.2")
        made.severer.inherit("one", "127.0.0.1", {"127.0.0.2": BAD, "127.0.0.3": GOOD})
        assert made.revoke(BAD) == [Severed(BAD, "one", 1)]
        assert (bad.alive(), good.alive(), said.alive()) == (False, True, True)
        assert made.open(BAD, told=False, source="127.0.0.2").alive(), "what comes later is logged"


def test_what_is_known_by_its_address_after_the_revocation_is_ended_at_once() -> None:
    with bench() as made:
        pair = made.open(BAD, told=False, source="127.0.0.2")
        assert made.revoke(BAD) == []
        made.severer.inherit("one", "127.0.0.1", {"127.0.0.2": BAD})
        assert not pair.alive()
        assert made.sweep() == [Severed(BAD, "one", 1)]


def test_an_address_of_two_identities_says_nothing_of_either() -> None:
    assert sole({BAD: {"10.0.0.1", "10.0.0.2"}, GOOD: {"10.0.0.2"}}) == {"10.0.0.1": BAD}


def test_who_is_permitted_again_keeps_what_it_opens_then() -> None:
    with bench() as made:
        made.revoke(BAD)
        made.revoke()
        assert made.open(BAD).alive()
        assert made.sweep() == []


def test_what_had_ended_by_itself_is_not_counted() -> None:
    with bench() as made:
        pair = made.open(BAD)
        pair.caller.close()
        pair.accepted.close()
        assert made.revoke(BAD) == []


def test_a_port_that_has_another_owner_by_now_is_left_alone() -> None:
    """Of HTTP no log says when a connection ends; the one that came after it is known by its own entry."""
    with bench() as made:
        pair = made.open(BAD)
        made.severer.hear("one", [entry(BEGIN, pair.ends, GOOD, number=2)])
        assert made.revoke(BAD) == []
        assert pair.alive()


def test_a_sidecar_on_another_machine_is_told_of_with_what_bounds_it_and_ended_once_it_can_be() -> None:
    with bench() as made:
        made.severer.attach("one", None)
        [why] = made.severer.unable().values()
        assert why == (
            "the sidecar is on another machine: have its connections ended there; "
            "until then, streams and connections that are open live for up to 1:00:00"
        )
        pair = made.open(BAD)
        assert made.revoke(BAD) == [Severed(BAD, "one", 0, 1, why)]
        assert made.sweep() == [], "once is enough"
        assert pair.alive()
        made.severer.attach("one", os.getpid())
        assert made.severer.unable() == {}
        assert made.sweep() == [Severed(BAD, "one", 1)]
        assert not pair.alive()


def test_a_sidecar_whose_process_has_gone_is_forgotten_and_its_namespace_let_go_of() -> None:
    ended = subprocess.Popen(["sleep", "60"])
    try:
        with bench(ended.pid) as made:
            made.open(BAD)
            before = len(os.listdir("/proc/self/fd"))
            ended.kill()
            ended.wait()
            assert made.sweep() == []
            assert len(os.listdir("/proc/self/fd")) == before - 2
            assert made.revoke(BAD) == [], "nothing of it is known"
    finally:
        ended.kill()
        ended.wait()


def test_a_sidecar_that_cannot_be_asked_does_not_fill_the_memory() -> None:
    with bench() as made:
        made.severer.attach("one", None)
        for port in range(1, 20_001):
            made.severer.hear("one", [entry(BEGIN, ends(port), GOOD)])
            if port % 500 == 0:
                assert made.sweep() == []
        [severed] = made.revoke(GOOD)
        assert 500 <= severed.left <= 2500


def test_without_the_capability_it_is_said_before_anybody_is_revoked() -> None:
    if os.geteuid():
        pytest.skip("another user is taken on")
    program = """
import os
from datetime import timedelta
from licet.mesh.severing.connections import Connections
from licet.mesh.severing.severer import Severer
os.setgroups([])
os.setuid(65534)
severer = Severer(Connections(), print, timedelta(hours=1))
severer.attach("one", os.getpid())
print(severer.unable()["one"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.splitlines()[-1] == (
        "connections may not be ended: run the control plane with `CAP_NET_ADMIN`; "
        "until then, streams and connections that are open live for up to 1:00:00"
    )


def test_what_is_withdrawn_is_ended_and_what_came_in_its_place_is_not() -> None:
    with bench() as made:
        gone, kept = made.open(BAD), made.open(GOOD)
        made.severer.withdraw(lambda _, held: held.identity == BAD)
        assert made.sweep() == [Severed(BAD, "one", 1)]
        assert (gone.alive(), kept.alive()) == (False, True)
        later = made.open(BAD)
        assert made.sweep() == []
        assert later.alive(), "it was let in since"


def test_a_sidecar_is_served_whatever_keeps_its_connections_from_being_looked_at() -> None:
    severer = Severer(Connections(), lambda _: None, AGE)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, hard))
    try:
        severer.attach("one", os.getpid())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "Too many open files" in severer.unable()["one"]


def test_what_is_let_in_no_more_is_ended_once_it_can_be() -> None:
    with bench() as made:
        bad, good = made.open(BAD), made.open(GOOD)
        made.severer.attach("one", None)
        made.severer.withdraw(lambda _, held: held.identity == BAD)
        made.sweep()
        assert bad.alive()
        made.severer.attach("one", os.getpid())
        assert made.sweep() == [Severed(BAD, "one", 1)]
        assert (bad.alive(), good.alive()) == (False, True)
