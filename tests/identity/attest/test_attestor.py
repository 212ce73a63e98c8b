"""From a connected socket to a peer, and until the peer is gone."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from licet.identity.attest.attestor import Attestor
from licet.identity.attest.process import Attended
from licet.identity.attest.unix import Unix
from licet.identity.errors import IdentityError, RefusedError, UnavailableError
from licet.identity.workload.source import Peer
from tests.identity.attest.callers import CONNECT, WAIT, calling, held


class Says:
    """A plugin that says this of everybody."""

    name = "says"

    def __init__(self, answer: frozenset[str] | Exception) -> None:
        self.answer = answer

    async def selectors(self, attended: Attended) -> frozenset[str]:
        """The answer, of a process that is held on to."""
        assert attended.still()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_peer_has_the_selectors_of_every_plugin() -> None:
    async def scenario(connection: socket.socket, pid: int) -> None:
        peer, gone = await Attestor([Says(frozenset({"k8s:ns:shop"})), Unix()]).attest(connection)
        stat = Path(f"/proc/{pid}/stat").read_text()
        started = int(stat.rpartition(")")[2].split()[19])
        assert {"k8s:ns:shop", f"unix:uid:{os.getuid()}"} <= peer.selectors
        assert peer == Peer(pid, started, os.getuid(), os.getgid(), peer.selectors)
        gone.cancel()

    with calling() as (connection, caller):
        asyncio.run(scenario(connection, caller.pid))


def test_a_selector_that_can_neither_be_sent_nor_recorded_is_not_shown() -> None:
    odd = {"unix:path:/tmp/\udcff", "unix:path:/" + "a" * 5000}

    async def scenario(connection: socket.socket) -> None:
        peer, gone = await Attestor([Says(frozenset({"unix:uid:7", *odd}))]).attest(connection)
        assert peer.selectors == {"unix:uid:7"}
        gone.cancel()

    with calling() as (connection, _):
        asyncio.run(scenario(connection))


def test_the_future_is_done_when_the_process_ends_and_nothing_stays_open() -> None:
    async def scenario(connection: socket.socket) -> None:
        before = held()
        _, gone = await Attestor([]).attest(connection)
        await asyncio.sleep(0)
        assert not gone.done()
        caller.kill()
        await asyncio.wait_for(gone, 10)
        await asyncio.sleep(0)
        assert held() == before

    with calling() as (connection, caller):
        asyncio.run(scenario(connection))


@pytest.mark.parametrize("begun", [True, False])
def test_cancelled_the_future_lets_go(begun: bool) -> None:
    async def scenario(connection: socket.socket) -> None:
        before = held()
        _, gone = await Attestor([]).attest(connection)
        if begun:
            await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
        await asyncio.sleep(0)
        assert held() == before

    with calling() as (connection, _):
        asyncio.run(scenario(connection))


def test_the_future_is_done_when_the_process_becomes_another_program() -> None:
    become = "peer.set_inheritable(True)\nsys.stdin.read(1)\nos.execv('/bin/sleep', ['sleep', '60'])\n"

    async def scenario(connection: socket.socket) -> None:
        _, gone = await Attestor([], pause=0.02).attest(connection)
        assert not (await asyncio.wait([gone], timeout=0.1))[0]
        assert caller.stdin is not None
        caller.stdin.write(b"x")
        caller.stdin.flush()
        await asyncio.wait_for(gone, 10)
        assert caller.poll() is None

    with calling(CONNECT + become + WAIT) as (connection, caller):
        asyncio.run(scenario(connection))


@pytest.mark.parametrize(
    "failure", [UnavailableError("no API server", "start it"), RefusedError("a forged group", "do not")]
)
def test_what_a_plugin_cannot_say_is_told_and_fails_the_attestation(failure: IdentityError) -> None:
    async def scenario(connection: socket.socket) -> None:
        before = held()
        with capture_logs() as logs, pytest.raises(type(failure)):
            await Attestor([Says(frozenset({"x:y:z"})), Says(failure)]).attest(connection)
        assert logs == [
            {
                "event": "a process was not attested",
                "log_level": "warning",
                "plugin": "says",
                "pid": caller.pid,
                "uid": os.getuid(),
                "reason": str(failure),
            }
        ]
        assert held() == before

    with calling() as (connection, caller):
        asyncio.run(scenario(connection))
