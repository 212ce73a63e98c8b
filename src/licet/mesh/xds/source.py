"""What the control plane serves from, and who calls it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Any, Protocol, TypeAlias

import grpc
import msgspec

from licet.diag.diagnostic import Diagnostic
from licet.identity.workload.calls import Context
from licet.mesh.resource import Kind, Snapshot

Node: TypeAlias = Any
"""`envoy.config.core.v3.Node`, for which there are no stubs: what an Envoy says of itself."""


class Caller(msgspec.Struct, frozen=True):
    """Whoever is on the other end, by what it has proved.

    `identities` are its SPIFFE IDs; more than one only over the unix socket, where it may be any of them. `address` is
    the IP address that it calls from, empty over the unix socket; `pid` its process there, and 0 over TCP. `until` is
    when its certificate ends.
    """

    identities: frozenset[str]
    address: str = ""
    pid: int = 0
    until: datetime | None = None


Identify: TypeAlias = Callable[[Context], Caller | None]
"""Who makes a call; None for one who has proved nothing. What is wrong with a proof goes to the log."""


class Service(Protocol):
    """A gRPC service beside discovery, on the same sockets."""

    SERVICE: str
    methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]]


class Source(Protocol):
    """Snapshots for nodes, and how far those are. A node is known by the `id` that it gives itself."""

    def snapshots(self, node: Node, caller: Caller) -> AsyncGenerator[Snapshot, None]:
        """What the node is to have, at once where it is known, then whenever it is another.

        One that is overtaken before it is asked for is left out. Raises SidecarError for who may not be served as what
        it says it is, also later. Whoever stops reading closes the generator.
        """

    def acknowledged(self, node: str, kind: Kind, version: str) -> None:
        """The node holds this version of a kind (`Snapshot.versions`), or what it asked for where some was refused."""

    def refused(self, node: str, kind: Kind, version: str, finding: Diagnostic) -> None:
        """The node does not take some of this version of a kind, and keeps what it had."""

    def left(self, node: str) -> None:
        """The node's last stream has ended."""
