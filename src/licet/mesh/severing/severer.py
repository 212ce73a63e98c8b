"""Ends what revoked identities have open at any sidecar, and nothing of anybody else's.

The policy of a sidecar refuses what comes next, this ends what is there already. It is done at the callee's sidecar,
which is the one that is trusted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta
from ipaddress import ip_address

import msgspec
import structlog
from envoy.data.accesslog.v3.accesslog_pb2 import (  # type: ignore[import-untyped]
    HTTPAccessLogEntry,
    TCPAccessLogEntry,
)

from licet.mesh.severing.connection import Ends
from licet.mesh.severing.connections import Connections, Held
from licet.mesh.severing.owned import UnsureError
from licet.mesh.severing.sockets import CannotEndError, Sockets

_AT_ONCE = 64
"""Connections that are ended before others have their turn."""
_UNKNOWN = "the kernel did not end them, which is tried again"
log = structlog.get_logger()


class Severed(msgspec.Struct, frozen=True, order=True):
    """What became of what a revoked identity had open at one sidecar: `left` is open still, and `why` says why."""

    identity: str
    node: str
    ended: int
    left: int = 0
    why: str = ""


class Severer:
    """Who is revoked, and the sockets of each sidecar.

    `tell` hears of each identity and sidecar what was ended, and what was not. What cannot be ended is bounded by `age`
    (Settings.connection_age): a stream and a plain connection end then, and what is refused begins none.
    """

    def __init__(self, connections: Connections, tell: Callable[[Severed], None], age: timedelta) -> None:
        self._connections = connections
        self._tell = tell
        self._age = age
        self._revoked: frozenset[str] = frozenset()
        self._withdrawn: set[tuple[str, Held]] = set()
        self._sockets: dict[str, Sockets] = {}
        self._unable: dict[str, str] = {}
        self._ended: Counter[tuple[str, str]] = Counter()
        self._left: Mapping[tuple[str, str], int] = {}

    def unable(self) -> Mapping[str, str]:
        """Sidecars, by node id, whose connections cannot be ended, each with why and what holds there instead."""
        return dict(self._unable)

    def attach(self, node: str, pid: int | None) -> None:
        """The sidecar runs as this process, None for one that is not on this machine. Later calls take its place."""
        self._release(node)
        try:
            if pid is None:
                raise CannotEndError("the sidecar is on another machine", "have its connections ended there")
            self._sockets[node] = Sockets(pid)
            self._unable.pop(node, None)
        except (CannotEndError, OSError) as error:
            self._unable[node] = self._instead(error)
            log.warning("connections of revoked identities cannot be ended", node=node, reason=self._unable[node])

    def inherit(self, node: str, address: str, whose: Mapping[str, str]) -> None:
        """Know what is open at an attached sidecar, at its address, and was logged to nobody who is here now.

        `whose` says whom the other end is, by its address, where that is one identity's alone. What the sidecar logs
        says it better.
        """
        sockets = self._sockets.get(node)
        if sockets is None or not whose:
            return
        own, others = ip_address(address), {ip_address(at): identity for at, identity in whose.items()}
        try:
            found = sockets.at(own)
        except OSError as error:
            log.warning("the kernel does not say which connections are open", node=node, reason=error.strerror)
            return
        for ends in found:
            if (identity := others.get(ends.remote.address)) is None:
                continue
            held = self._connections.inherit(node, ends, identity)
            if held.identity in self._revoked:
                self._end(held.identity, node, ends)

    def detach(self, node: str) -> None:
        """The sidecar has gone, with all it had open."""
        self._release(node)
        self._unable.pop(node, None)
        self._connections.forget(node)

    def close(self) -> None:
        """Let go of every sidecar."""
        for node in tuple(self._sockets):
            self._release(node)

    def hear(self, node: str, entries: Iterable[HTTPAccessLogEntry | TCPAccessLogEntry], port: int = 0) -> None:
        """What a sidecar logged of a port. What shows a revoked identity to have something open ends that at once.

        So ends what was opened just before the policy came, and is heard of just after.
        """
        for entry in entries:
            held = self._connections.hear(node, entry, port)
            if held is not None and held.identity in self._revoked:
                self._end(held.identity, node, held.ends)

    async def revoke(self, identities: frozenset[str]) -> None:
        """Have these revoked, and no others; what they have open is ended when it returns, unless `tell` hears else."""
        self._revoked = identities
        await self.sweep()

    def withdraw(self, lost: Callable[[str, Held], bool]) -> None:
        """Have the next sweep end what this says of a node and one of its connections."""
        self._withdrawn |= {(node, held) for node, held in self._connections if lost(node, held)}

    async def sweep(self) -> None:
        """End what is still open, tell what was ended since the last time, and forget what is no longer there.

        To be called every second or so: what failed is tried again, and told again once it is less or more.
        """
        for node in [node for node, sockets in self._sockets.items() if sockets.gone]:
            self.detach(node)
        for (identity, node), held in self._connections.of(self._revoked).items():
            for number, ends in enumerate(held, 1):
                self._end(identity, node, ends)
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)
        for number, (node, lost) in enumerate(tuple(self._withdrawn), 1):
            self._end(lost.identity, node, lost.ends)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        self._withdrawn = {each for each in self._withdrawn if self._connections.knows(*each)}
        self._report({key: len(held) for key, held in self._connections.of(self._revoked).items()})
        for node in tuple(self._connections.crowded()):
            self._thin(node)

    def _thin(self, node: str) -> None:
        """Where the kernel cannot be asked what is still there, the older half is taken for over."""
        sockets = self._sockets.get(node)
        try:
            self._connections.keep(node, self._connections.newest(node) if sockets is None else sockets.all())
        except OSError as error:
            log.warning("the kernel does not say which connections are open", node=node, reason=error.strerror)

    def _report(self, left: Mapping[tuple[str, str], int]) -> None:
        ended, self._ended = self._ended, Counter()
        changed = {key for key in left if left[key] != self._left.get(key)}
        self._left = left
        for identity, node in sorted({*ended, *changed}):
            open_ = left.get((identity, node), 0)
            why = self._unable.get(node, _UNKNOWN) if open_ else ""
            self._tell(Severed(identity, node, ended[identity, node], open_, why))

    def _end(self, identity: str, node: str, ends: Ends) -> None:
        """One that the kernel no longer has is over, and does not count."""
        sockets = self._sockets.get(node)
        if sockets is None:
            return
        try:
            if sockets.end(ends):
                self._ended[identity, node] += 1
        except CannotEndError as error:
            self._unable[node] = self._instead(error)
        except UnsureError:
            return
        except OSError as error:
            log.warning("a connection could not be ended", identity=identity, node=node, reason=error.strerror)
        else:
            self._connections.drop(node, [ends])

    def _instead(self, error: Exception) -> str:
        return f"{error}; until then, streams and connections that are open live for up to {self._age}"

    def _release(self, node: str) -> None:
        if (sockets := self._sockets.pop(node, None)) is not None:
            sockets.close()


def sole(bound: Mapping[str, Collection[str]]) -> Mapping[str, str]:
    """Whose each address is that is one identity's alone, of those that identities have."""
    shared = Counter(at for addresses in bound.values() for at in addresses)
    return {at: identity for identity, addresses in bound.items() for at in addresses if shared[at] == 1}
