"""Attestation: from a connected socket to a peer with selectors."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Protocol

import structlog

from licet.identity.attest.process import Attended, attend
from licet.identity.errors import IdentityError
from licet.identity.workload.source import Peer

_LONGEST = 4096
"""Bytes of a selector; one that is longer is not shown."""
log = structlog.get_logger()


class Plugin(Protocol):
    """One kind of knowledge about processes."""

    @property
    def name(self) -> str:
        """What it is called in logs."""

    async def selectors(self, attended: Attended) -> frozenset[str]:
        """Everything of its kind that the process shows. May raise RefusedError and UnavailableError."""


class Attestor:
    """Attests peers with every plugin, and watches them every `pause` seconds for as long as they are connected.

    A plugin that fails fails the attestation. Without its selectors a peer could only have fewer identities, but it is
    attested once a connection, and would go without for as long as it keeps that open; turned away, it comes again.
    """

    def __init__(self, plugins: Sequence[Plugin], *, pause: float = 10.0) -> None:
        self._plugins = tuple(plugins)
        self._pause = pause

    async def attest(self, sock: socket.socket) -> tuple[Peer, asyncio.Future[None]]:
        """The peer, and a future that is done when its process has ended or become another program.

        Cancelled, or done, the future lets go of the process. Raises RefusedError and UnavailableError.
        """
        attended = attend(sock)
        try:
            peer = await self._peer(attended)
        except BaseException:
            attended.close()
            raise
        watch = asyncio.get_running_loop().create_task(self._watch(attended))
        # Not in the task itself, which is never begun where it is cancelled at once.
        watch.add_done_callback(lambda _: attended.close())
        return peer, watch

    async def _peer(self, attended: Attended) -> Peer:
        process = attended.process
        shown: frozenset[str] = frozenset()
        for plugin in self._plugins:
            try:
                shown |= await plugin.selectors(attended)
            except IdentityError as error:
                log.warning(
                    "a process was not attested",
                    plugin=plugin.name,
                    pid=process.pid,
                    uid=process.uid,
                    reason=str(error),
                )
                raise
        return Peer(process.pid, process.started, process.uid, process.gid, frozenset(filter(_tellable, shown)))

    async def _watch(self, attended: Attended) -> None:
        while attended.still():
            try:
                async with asyncio.timeout(self._pause):
                    await attended.gone()
            except TimeoutError:
                continue
            return


def _tellable(selector: str) -> bool:
    """Whether it can be sent and recorded: whoever makes a file chooses its name, which may be any bytes."""
    try:
        return len(selector.encode()) <= _LONGEST
    except UnicodeEncodeError:
        return False
