"""A process is whose it was started for, as the kernel knows it, and everybody else is nobody."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from licet.app.up.attest import Kin, selector
from licet.app.up.children import Children
from licet.identity.attest.process import attend
from tests.app.up.standing import deployment

LEDGER, CART = deployment("ledger"), deployment("cart")
CONNECT = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(1)"


@contextmanager
def door(home: Path) -> Iterator[socket.socket]:
    """A socket at `home/door` that children connect to."""
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(home / "door"))
        opened.listen()
        opened.settimeout(30)
        yield opened


def test_children_show_their_workload_and_nobody_else_shows_one(tmp_path: Path) -> None:
    """Two children each their own; this process, and a child of a child, none."""
    kin = Kin()
    connect = (sys.executable, "-c", CONNECT, str(tmp_path / "door"))

    async def shown(at: socket.socket) -> frozenset[str]:
        guest, _ = at.accept()
        with guest, attend(guest) as attended:
            return await kin.selectors(attended)

    async def scenario() -> None:
        with door(tmp_path) as at:
            async with Children(tmp_path, kin) as children:
                for key in (LEDGER, CART):
                    children.start(key.name, key, connect)
                    assert await shown(at) == {selector(key)}
                children.start("below", LEDGER, ("/bin/sh", "-c", '"$@" & wait', "sh", *connect))
                assert await shown(at) == frozenset()
                with socket.socket(socket.AF_UNIX) as own:
                    own.connect(str(tmp_path / "door"))
                    assert await shown(at) == frozenset()

    asyncio.run(scenario())


def test_a_number_that_another_process_has_now_is_nobodys() -> None:
    """A process is known by its start too, and not at all once it is let go."""
    kin = Kin()
    kin.adopt(os.getpid(), LEDGER)

    async def scenario() -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        with ours, theirs, attend(ours) as attended:
            assert await kin.selectors(attended) == {"licet:workload:shop/ledger"}
            process = attended.process
            attended.process = msgspec.structs.replace(process, started=process.started + 1)
            assert await kin.selectors(attended) == frozenset()
            attended.process = process
            kin.disown(os.getpid())
            assert await kin.selectors(attended) == frozenset()

    asyncio.run(scenario())


def test_children_that_were_stopped_are_nobody(tmp_path: Path) -> None:
    kin = Kin()

    async def scenario() -> None:
        with door(tmp_path) as at:
            async with Children(tmp_path, kin) as children:
                child = children.start("ledger", LEDGER, (sys.executable, "-c", CONNECT, str(tmp_path / "door")))
                guest, _ = at.accept()
                with guest, attend(guest) as attended:
                    assert await kin.selectors(attended) == {selector(LEDGER)}
                    await children.stop(child)
                    assert await kin.selectors(attended) == frozenset()

    asyncio.run(scenario())
