"""A control plane of a test's own, and nodes that connect to it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
from envoy.service.discovery.v3.discovery_pb2 import (  # type: ignore[import-untyped]
    DeltaDiscoveryResponse,
    DiscoveryResponse,
)

from licet.diag.diagnostic import Diagnostic
from licet.mesh.errors import SidecarError
from licet.mesh.resource import Kind, Snapshot
from licet.mesh.xds.discovery import AggregatedDiscovery
from licet.mesh.xds.limits import Limits
from licet.mesh.xds.server import ControlServer, Local, Remote
from licet.mesh.xds.source import Caller
from tests.identity.workload.sources import attest
from tests.mesh.xds.nodes import Node, WholeNode

IDENTITY = "spiffe://example.org/node"


class Shown:
    """A source that shows every node the same snapshot, and notes what it is told of them."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.snapshot = snapshot
        self.error: Exception | None = None
        self.callers: list[Caller] = []
        self.acked: dict[str, dict[Kind, str]] = defaultdict(dict)
        self.faults: list[tuple[str, Kind, Diagnostic]] = []
        self.gone: list[str] = []
        self._changed = asyncio.Event()

    def show(self, snapshot: Snapshot | None, error: Exception | None = None) -> None:
        """From now on every node is to have this, or none may have anything."""
        self.snapshot, self.error = snapshot, error
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def snapshots(self, node: Any, caller: Caller) -> AsyncGenerator[Snapshot, None]:  # noqa: ARG002 - all alike
        """The last snapshot whenever it is asked for, if it is another."""
        self.callers.append(caller)
        if IDENTITY not in caller.identities:
            raise SidecarError("this caller is nobody's sidecar", "connect as one")
        shown: Snapshot | None = None
        while True:
            if self.error is not None:
                raise self.error
            changed = self._changed
            if self.snapshot is not shown and self.snapshot is not None:
                shown = self.snapshot
                yield shown
            else:
                await changed.wait()

    def acknowledged(self, node: str, kind: Kind, version: str) -> None:
        """Note it."""
        self.acked[node][kind] = version

    def refused(self, node: str, kind: Kind, version: str, finding: Diagnostic) -> None:
        """Note it."""
        assert version
        self.faults.append((node, kind, finding))

    def left(self, node: str) -> None:
        """Note it."""
        self.gone.append(node)

    def has(self, node: str) -> bool:
        """Whether a node has said that it holds what is shown now."""
        return self.snapshot is not None and self.acked[node] == self.snapshot.versions


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def local(home: Path, identity: str = IDENTITY) -> Local:
    """A socket in this folder, where everyone has this identity."""
    home.chmod(0o755)
    return Local(home / "control.sock", attest, lambda _: frozenset({identity}))


@asynccontextmanager
async def serving(
    source: Shown, *, local: Local | None = None, remote: Remote | None = None, limits: Limits | None = None
) -> AsyncGenerator[ControlServer, None]:
    """A control plane."""
    async with ControlServer(source, clock=now, local=local, remote=remote, limits=limits) as server:
        yield server


def channel(target: str, credentials: grpc.ChannelCredentials | None = None) -> grpc.aio.Channel:
    """A connection that no other channel has."""
    alone = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=alone)
    return grpc.aio.secure_channel(target, credentials, options=alone)


def call(over: grpc.aio.Channel, node: Node) -> grpc.aio.StreamStreamCall[bytes, bytes]:
    """A stream of discovery in the node's form."""
    method = "StreamAggregatedResources" if isinstance(node, WholeNode) else "DeltaAggregatedResources"
    multi: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = over.stream_stream(
        f"/{AggregatedDiscovery.SERVICE}/{method}"
    )
    return multi()


async def follow(over: grpc.aio.Channel, node: Node, told: Callable[[], None] = lambda: None) -> None:
    """Have a node follow until the stream ends, which raises AioRpcError where it was not the node that ended it."""
    stream = call(over, node)
    kind = DiscoveryResponse if isinstance(node, WholeNode) else DeltaDiscoveryResponse
    node.said.clear()
    node.begin()
    try:
        while True:
            while node.said:
                await stream.write(node.said.popleft().SerializeToString())
            data = await stream.read()
            if not isinstance(data, bytes):
                await stream.wait_for_connection()
                return
            node.take(kind.FromString(data))
            told()
    finally:
        stream.cancel()


@asynccontextmanager
async def following(over: grpc.aio.Channel, *nodes: Node) -> AsyncGenerator[list[asyncio.Task[None]], None]:
    """Nodes that follow meanwhile."""
    tasks = [asyncio.ensure_future(follow(over, node)) for node in nodes]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
                await task
