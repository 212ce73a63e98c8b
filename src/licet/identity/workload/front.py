"""The front: attests whoever connects, and carries the bytes to a gRPC server that knows callers by an address.

gRPC tells a server nothing about who is on the other end of a unix socket. So the front asks the kernel, and connects
on from an abstract address that nobody else can have or guess; `context.peer()` says that address to the server.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import structlog

from licet.identity.errors import IdentityError
from licet.identity.workload.limits import Flow, Limits
from licet.identity.workload.pump import pump
from licet.identity.workload.source import Peer

Attest: TypeAlias = Callable[[socket.socket], Awaitable[tuple[Peer, "asyncio.Future[None]"]]]
"""Says who is on the other end; the future is done when that process has ended, and let go of when it is cancelled."""

_CREDENTIALS = struct.Struct("3i")
_RETRY = 0.01
_QUIET = 1.0
"""Seconds between two lines of the log of one kind about callers, who would fill it else. All are counted."""
log = structlog.get_logger()


class Front:
    """Connections of one listening socket, each carried to the socket at `inner`."""

    def __init__(self, listener: socket.socket, inner: Path, attest: Attest, limits: Limits) -> None:
        self._listener = listener
        self._inner = os.fspath(inner)
        self._attest = attest
        self._limits = limits
        self._most = limits.affordable()
        self._most_for_uid = limits.for_uid()
        self._peers: dict[str, Peer] = {}
        self._served: set[asyncio.Task[None]] = set()
        self._by_uid: Counter[int] = Counter()
        self._accepting: asyncio.Task[None] | None = None
        self._told: dict[str, float] = {}
        self._flows: dict[int, Flow] = {}
        self.shed = 0
        """Connections that were turned away since there were too many."""
        self.unattested = 0
        """Callers of whom could not be told who they are."""
        self.untaken = 0
        """How often an Envoy did not take secrets that it was told."""

    def caller(self, address: str) -> Peer | None:
        """Whom the gRPC server speaks to, by `context.peer()`; None for one who did not come through the front."""
        return self._peers.get(address)

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._served)

    def start(self) -> None:
        """Accept from now on."""
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def refuse(self) -> None:
        """Accept nobody any more; those who are there stay."""
        if self._accepting is not None:
            self._accepting.cancel()

    async def close(self) -> None:
        """End every connection."""
        self.refuse()
        for task in self._served:
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(self._listener)
            except OSError as error:
                log.warning("no connection could be accepted", reason=error.strerror)
                await asyncio.sleep(_RETRY)
                continue
            _, uid, _ = _CREDENTIALS.unpack(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
            if len(self._served) >= self._most or self._by_uid[uid] >= self._most_for_uid:
                client.close()
                self._turn_away(uid)
                continue
            self._by_uid[uid] += 1
            task = loop.create_task(self._serve(client, uid))
            self._served.add(task)
            task.add_done_callback(self._served.discard)

    def _turn_away(self, uid: int) -> None:
        self.shed += 1
        self._tell("connections are turned away", uid=uid, open=len(self._served), of_uid=self._by_uid[uid])

    def _tell(self, event: str, **facts: object) -> None:
        now = asyncio.get_running_loop().time()
        if event not in self._told or now >= self._told[event] + _QUIET:
            self._told[event] = now
            log.warning(event, **facts)

    async def _serve(self, client: socket.socket, uid: int) -> None:
        try:
            peer, gone = await self._ask(client)
            try:
                await self._carry(client, peer, gone)
            finally:
                gone.cancel()
        except IdentityError as error:
            self.unattested += 1
            self._tell("a caller was not attested", uid=uid, reason=str(error))
        except (TimeoutError, OSError) as error:
            self._tell("a caller was lost", uid=uid, reason=type(error).__name__)
        finally:
            self._by_uid[uid] -= 1
            if not self._by_uid[uid]:
                del self._by_uid[uid]

    async def _ask(self, client: socket.socket) -> tuple[Peer, asyncio.Future[None]]:
        try:
            async with asyncio.timeout(self._limits.hello):
                return await self._attest(client)
        except BaseException:
            client.close()
            raise

    async def _carry(self, client: socket.socket, peer: Peer, gone: asyncio.Future[None]) -> None:
        name = secrets.token_hex(16)
        address = f"unix-abstract:{name}"
        try:
            inner = await self._connect(name)
        except BaseException:
            client.close()
            raise
        self._peers[address] = peer
        try:
            await pump(client, inner, gone, self._limits.hello, self._flow(peer.uid))
        finally:
            del self._peers[address]

    def _flow(self, uid: int) -> Callable[[int], float]:
        """What this uid spends on; that of others without connections is forgotten once it is as good as new."""
        if uid in (0, os.geteuid()):
            return _free
        if uid not in self._flows:
            self._flows = {known: flow for known, flow in self._flows.items() if known in self._by_uid or flow.spent}
            self._flows[uid] = Flow(self._limits, asyncio.get_running_loop().time)
        return self._flows[uid].spend

    async def _connect(self, name: str) -> socket.socket:
        inner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            inner.bind(f"\0{name}")
            async with asyncio.timeout(self._limits.hello):
                # A full queue is EAGAIN on a unix socket, which the event loop's own connect takes for "under way".
                while True:
                    try:
                        inner.connect(self._inner)
                    except BlockingIOError:
                        await asyncio.sleep(_RETRY)
                    else:
                        return inner
        except BaseException:
            inner.close()
            raise


def _free(_size: int) -> float:
    return 0.0
