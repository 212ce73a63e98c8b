"""What the sockets of a node serve from."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from licet.identity.node.upstream import Witness
from licet.identity.spiffeid import SpiffeID
from licet.identity.svid import JwtSvid, View


class Peer(msgspec.Struct, frozen=True):
    """A process on the other end of a socket, attested when it connected.

    `started` is the process's start in clock ticks since boot: with the pid it names one process for as long as the
    machine runs, since a pid alone is used again.
    """

    pid: int
    started: int
    uid: int
    gid: int
    selectors: frozenset[str]

    @property
    def witness(self) -> Witness:
        """The peer as a server is told of it."""
        return Witness(self.pid, self.uid, self.gid, tuple(sorted(self.selectors)))


class Source(Protocol):
    """Answers for peers. Every call may raise RefusedError (no identity) and UnavailableError (starting, shedding)."""

    def views(self, peer: Peer, *, keys: bool) -> AsyncGenerator[View, None]:
        """What the peer may see, the first at once, then whenever it changes, complete each time.

        Without `keys` no SVID is made and `svids` is empty: for those who ask for bundles alone. Raises RefusedError
        when the peer no longer has an identity. A view that is overtaken before it is asked for is left out, so that a
        slow reader costs no memory. Whoever stops reading closes the generator.
        """

    async def tokens(self, peer: Peer, audience: tuple[str, ...], wanted: SpiffeID | None) -> tuple[JwtSvid, ...]:
        """A JWT-SVID for each identity of the peer, or for the wanted one alone."""
