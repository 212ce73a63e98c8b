"""How much callers may take of a node."""

from __future__ import annotations

import resource

import msgspec

_OWN_DESCRIPTORS = 256
_DESCRIPTORS_EACH = 6
"""The caller's socket, both ends of the one within, and three by which the process is watched."""


class Limits(msgspec.Struct, frozen=True):
    """Connections in all and for one uid, streams on each of them, bytes of one message, and seconds to say hello.

    A connection without a call is ended after `idle` seconds. What is over a limit is turned away and may come again.
    """

    connections: int = 4096
    connections_for_uid: int = 2048
    streams: int = 100
    message: int = 1 << 18
    hello: float = 10.0
    idle: float = 600.0

    def affordable(self) -> int:
        """Connections in all, as far as the process may open files."""
        open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if open_files == resource.RLIM_INFINITY:
            return self.connections
        return max(1, min(self.connections, (open_files - _OWN_DESCRIPTORS) // _DESCRIPTORS_EACH))
