"""Aggregated discovery (ADS): one stream to each node, over which it is told of everything in order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import datetime
from typing import TypeAlias

import grpc
import structlog
from envoy.service.discovery.v3.discovery_pb2 import (  # type: ignore[import-untyped]
    DeltaDiscoveryRequest,
    DiscoveryRequest,
)

from licet.identity.errors import MalformedError, RefusedError, UnavailableError
from licet.identity.workload.calls import Context, answering, read
from licet.mesh import findings
from licet.mesh.errors import MeshError
from licet.mesh.resource import Kind, Snapshot
from licet.mesh.xds.conversation import Conversation
from licet.mesh.xds.delta import Delta
from licet.mesh.xds.limits import Limits, Streams
from licet.mesh.xds.source import Caller, Identify, Node, Source
from licet.mesh.xds.track import LONGEST_NAME, Left, Request
from licet.mesh.xds.whole import Whole

_Form: TypeAlias = type[Whole] | type[Delta]
_Known: TypeAlias = tuple[_Form, str]
_MOST_LEFT, _MOST_TEXT = 4096, 1 << 24
"""Nodes of which is remembered what they may have without saying so, and characters of its names."""

log = structlog.get_logger("licet.mesh")


class AggregatedDiscovery:
    """Snapshots of a source, for whoever may have them. Requests and changes are answered in the order they come in."""

    SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"

    def __init__(self, source: Source, caller: Identify, limits: Limits, clock: Callable[[], datetime]) -> None:
        self._source = source
        self._caller = caller
        self._limits = limits
        self._clock = clock
        self._streams = Streams(limits.streams_for_caller)
        self._nodes: Counter[str] = Counter()
        self._behind: dict[_Known, Left] = {}
        self._text = 0
        self._leaving = asyncio.Event()
        self._open: set[asyncio.Task[object]] = set()
        self.methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "StreamAggregatedResources": grpc.stream_stream_rpc_method_handler(self._whole),
            "DeltaAggregatedResources": grpc.stream_stream_rpc_method_handler(self._delta),
        }

    @property
    def nodes(self) -> int:
        """How many nodes have a stream."""
        return len(self._nodes)

    async def leave(self, patience: float) -> None:
        """End the streams in a way after which every node comes back; wait for that so many seconds at most."""
        self._leaving.set()
        if self._open:
            await asyncio.wait(self._open, timeout=patience)

    async def _whole(self, _: object, context: Context) -> None:
        await self._stream("StreamAggregatedResources", DiscoveryRequest, Whole, context)

    async def _delta(self, _: object, context: Context) -> None:
        await self._stream("DeltaAggregatedResources", DeltaDiscoveryRequest, Delta, context)

    async def _stream(
        self,
        name: str,
        message: type[DiscoveryRequest | DeltaDiscoveryRequest],
        form: _Form,
        context: Context,
    ) -> None:
        async with answering(context, name):
            caller = self._caller(context)
            if caller is None:
                raise RefusedError("the caller is not known", "connect as a workload that has an identity")
            with self._streams.taken(caller), self._counted():
                try:
                    async with asyncio.timeout(self._left(caller)):
                        await self._converse(message, form, caller, context)
                except TimeoutError:
                    raise UnavailableError("the certificate of the caller has ended", "call with a new one") from None
                except MeshError as error:
                    raise RefusedError(error.message, error.help) from error

    async def _converse(
        self,
        message: type[DiscoveryRequest | DeltaDiscoveryRequest],
        form: _Form,
        caller: Caller,
        context: Context,
    ) -> None:
        first = await self._first(context)
        if first is None:
            return
        request = read(message, first)
        node = request.node
        _require_id(node)
        conversation = Conversation(form, _Report(self._source, node.id), self._take((form, node.id)))
        with self._attended(node.id), self._leaving_behind((form, node.id), conversation):
            async with (
                aclosing(self._source.snapshots(node, caller)) as snapshots,
                aclosing(self._events(context, snapshots)) as events,
            ):
                responses = conversation.hear(request)
                while True:
                    for response in responses:
                        await context.write(response.SerializeToString())
                    match await anext(events, None):
                        case None:
                            return
                        case Snapshot() as snapshot:
                            responses = conversation.see(snapshot)
                        case bytes() as data:
                            request = read(message, data)
                            _require_same(node, request)
                            responses = conversation.hear(request)

    async def _first(self, context: Context) -> bytes | None:
        try:
            async with asyncio.timeout(self._limits.hello):
                data = await context.read()
        except TimeoutError:
            raise MalformedError("the node says nothing", "the first request says who it is") from None
        # gRPC's own word for the end is no bytes, whatever the stubs say.
        return data if isinstance(data, bytes) else None  # type: ignore[redundant-expr]

    async def _events(
        self, context: Context, snapshots: AsyncGenerator[Snapshot, None]
    ) -> AsyncGenerator[bytes | Snapshot, None]:
        """Requests and snapshots as they come, until the node ends the stream."""
        leaving = asyncio.ensure_future(self._leaving.wait())
        request: asyncio.Task[object] = asyncio.ensure_future(context.read())
        snapshot: asyncio.Task[Snapshot] = asyncio.ensure_future(anext(snapshots))
        try:
            while True:
                await asyncio.wait((leaving, request, snapshot), return_when=asyncio.FIRST_COMPLETED)
                if leaving.done():
                    raise UnavailableError("the control plane is stopping", "call again")
                if snapshot.done():
                    try:
                        yield snapshot.result()
                    except StopAsyncIteration:
                        raise UnavailableError("there is no more to say", "call again") from None
                    snapshot = asyncio.ensure_future(anext(snapshots))
                if request.done():
                    if not isinstance(data := request.result(), bytes):
                        return
                    yield data
                    request = asyncio.ensure_future(context.read())
        finally:
            for task in (leaving, request, snapshot):
                task.cancel()
            await asyncio.gather(leaving, request, snapshot, return_exceptions=True)

    def _left(self, caller: Caller) -> float | None:
        return None if caller.until is None else max(0.0, (caller.until - self._clock()).total_seconds())

    @contextmanager
    def _counted(self) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            yield
        finally:
            self._open.discard(task)

    @contextmanager
    def _leaving_behind(self, node: _Known, conversation: Conversation) -> Iterator[None]:
        try:
            yield
        finally:
            if left := conversation.left():
                self._take(node)
                self._behind[node] = left
                self._text += _text(left)
                while len(self._behind) > _MOST_LEFT or self._text > _MOST_TEXT:
                    self._take(next(iter(self._behind)))

    def _take(self, node: _Known) -> Left | None:
        """What a node has left behind, which is not remembered any more."""
        left = self._behind.pop(node, None)
        self._text -= _text(left) if left is not None else 0
        return left

    @contextmanager
    def _attended(self, node: str) -> Iterator[None]:
        """A node that comes back before it was missed has two streams for a while, and has not left."""
        self._nodes[node] += 1
        try:
            yield
        finally:
            self._nodes[node] -= 1
            if not self._nodes[node]:
                del self._nodes[node]
                self._source.left(node)


class _Report:
    """Tells a source, and people, of one node."""

    def __init__(self, source: Source, node: str) -> None:
        self._source = source
        self._node = node

    def acknowledged(self, kind: Kind, version: str) -> None:
        self._source.acknowledged(self._node, kind, version)

    def refused(self, kind: Kind, version: str, names: tuple[str, ...], reason: str) -> None:
        finding = findings.refused_configuration(self._node, kind, names, reason)
        log.warning(
            "a sidecar refused configuration",
            code=finding.code,
            node=self._node,
            type=kind.name,
            names=names[:20],
            reason=reason,
        )
        self._source.refused(self._node, kind, version, finding)


def _text(left: Left) -> int:
    return sum(len(name) for names in left.values() for name in names)


def _require_id(node: Node) -> None:
    if not 0 < len(node.id) <= LONGEST_NAME or not node.id.isprintable():
        raise MalformedError("the first request does not say whose it is", "a printable `id` of the node")


def _require_same(node: Node, request: Request) -> None:
    if request.node.id not in ("", node.id):
        raise MalformedError("a stream is of one node", f"`{node.id}`, as its first request said")
