"""Bytes arrive whole and in order, and a slow reader costs a bounded amount of memory."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket

import pytest

from licet.identity.workload.limits import Flow, Limits
from licet.identity.workload.pump import pump


def free(size: int) -> float:
    """Nobody has to wait."""
    del size
    return 0.0


def pair() -> tuple[socket.socket, socket.socket]:
    one, other = socket.socketpair()
    one.setblocking(False)
    other.setblocking(False)
    return one, other


def test_bytes_arrive_whole_in_both_directions_and_the_end_follows_them() -> None:
    async def story() -> None:
        caller, front = pair()
        within, server = pair()
        carried = asyncio.create_task(pump(front, within, asyncio.get_running_loop().create_future(), 30, free))
        loop = asyncio.get_running_loop()
        for near, far in ((caller, server), (server, caller)):
            sent = os.urandom(3_000_000)
            sending = asyncio.create_task(loop.sock_sendall(near, sent))
            got = bytearray()
            while len(got) < len(sent):
                got += await loop.sock_recv(far, 1 << 20)
            await sending
            assert hashlib.sha256(got).digest() == hashlib.sha256(sent).digest()
        await loop.sock_sendall(caller, b"last words")
        caller.close()
        got = bytearray()
        while piece := await loop.sock_recv(server, 100):
            got += piece
        assert got == b"last words"
        await carried
        server.close()

    asyncio.run(story())


def test_nothing_more_is_read_for_a_reader_that_does_not_read() -> None:
    async def story() -> None:
        caller, front = pair()
        within, server = pair()
        loop = asyncio.get_running_loop()
        carried = asyncio.create_task(pump(front, within, loop.create_future(), 0.1, free))
        taken = 0
        idle = 0
        while idle < 20:
            try:
                taken += caller.send(bytes(1 << 16))
                idle = 0
            except BlockingIOError:
                idle += 1
            await asyncio.sleep(0.001)
        assert taken < 4 << 20
        server.close()
        caller.close()
        await carried

    asyncio.run(story())


def test_a_reader_who_never_takes_the_last_bytes_is_not_waited_for_long() -> None:
    async def story() -> None:
        caller, front = pair()
        within, server = pair()
        loop = asyncio.get_running_loop()
        carried = asyncio.create_task(pump(front, within, loop.create_future(), 0.1, free))
        sending = asyncio.create_task(loop.sock_sendall(server, bytes(2 << 20)))
        await loop.sock_sendall(caller, b"hello")
        await loop.sock_recv(server, 5)
        sending.cancel()
        server.close()
        await asyncio.wait_for(carried, 30)
        caller.close()

    asyncio.run(story())


def test_what_a_server_says_first_waits_for_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gRPC server speaks first. Python 3.11.2 reads on after a pause that was asked for as a connection was made."""
    monkeypatch.setattr("asyncio.selector_events._SelectorSocketTransport.pause_reading", lambda _: None)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(20):
            caller, front = pair()
            within, server = pair()
            server.send(b"settings")
            carried = asyncio.create_task(pump(front, within, loop.create_future(), 30, free))
            assert await asyncio.wait_for(loop.sock_recv(caller, 100), 30) == b"settings"
            caller.close()
            server.close()
            await carried

    asyncio.run(story())


def test_a_reader_who_takes_the_last_bytes_late_leaves_nothing_open() -> None:
    """A transport that has ended by writing its last bytes cannot be aborted in Python 3.11; nothing is left for it."""

    async def story() -> None:
        caller, front = pair()
        within, server = pair()
        within.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        loop = asyncio.get_running_loop()
        carried = asyncio.create_task(pump(front, within, loop.create_future(), 30, free))
        # More than the kernel has room for, and less than what nothing more is read for.
        await loop.sock_sendall(caller, bytes(48 << 10))
        caller.close()
        while front.fileno() >= 0:
            await asyncio.sleep(0)
        got = 0
        while piece := await loop.sock_recv(server, 1 << 20):
            got += len(piece)
        assert got == 48 << 10
        await carried
        assert within.fileno() == -1
        server.close()

    asyncio.run(story())


def test_who_sends_too_much_is_read_later_and_loses_nothing() -> None:
    async def story() -> None:
        caller, front = pair()
        within, server = pair()
        loop = asyncio.get_running_loop()
        told: list[int] = []

        def spend(size: int) -> float:
            told.append(size)
            return 0.05 if len(told) <= 3 else 0.0

        carried = asyncio.create_task(pump(front, within, loop.create_future(), 30, spend))
        sent = os.urandom(1_000_000)
        sending = asyncio.create_task(loop.sock_sendall(caller, sent))
        got = bytearray()
        began = loop.time()
        while len(got) < len(sent):
            got += await loop.sock_recv(server, 1 << 20)
        await sending
        rested = loop.time() - began
        assert bytes(got) == sent
        assert sum(told) == len(sent)
        assert rested >= 0.15  # three rests, which cannot be shorter
        # What comes the other way waits for nobody.
        await loop.sock_sendall(server, b"answer")
        assert await loop.sock_recv(caller, 100) == b"answer"
        caller.close()
        server.close()
        await carried

    asyncio.run(story())


def test_an_allowance_is_a_burst_and_then_so_much_a_second() -> None:
    now = [100.0]
    flow = Flow(Limits(bytes_for_uid=1000, burst=4000), lambda: now[0])
    assert (flow.spend(4000), flow.spent) == (0.0, True)
    assert flow.spend(500) == 0.5
    assert flow.spend(500) == 1.0
    now[0] += 2
    assert flow.spend(1000) == 0.0
    now[0] += 100
    assert not flow.spent
    assert flow.spend(4001) == 0.001
