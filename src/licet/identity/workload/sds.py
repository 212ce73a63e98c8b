"""Envoy's Secret Discovery Service, by the xDS protocol: state of the world, incremental, and asked for once.

Names that the caller has nothing for are left out. Who may have nothing any more has the stream ended.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from contextlib import aclosing

import grpc
import structlog
from envoy.service.discovery.v3.discovery_pb2 import (  # type: ignore[import-untyped]
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)
from envoy.service.discovery.v3.discovery_pb2 import Resource as DeltaResource

from licet.identity import findings
from licet.identity.errors import MalformedError, RefusedError, UnavailableError
from licet.identity.spiffeid import LONGEST
from licet.identity.svid import View
from licet.identity.workload.calls import Caller, Context, answering, first, known, read
from licet.identity.workload.limits import Room
from licet.identity.workload.secrets import TYPE, Resource, find, version
from licet.identity.workload.source import Source

_LONGEST_REASON = 500
_TOLD = 20
_MOST_NAMES = 1000
"""Secrets that one stream may ask for; an Envoy asks for one or two."""

log = structlog.get_logger()


class SecretDiscovery:
    """Secrets of whoever calls. There is no `workload.spiffe.io` in the metadata, since Envoy sends none."""

    SERVICE = "envoy.service.secret.v3.SecretDiscoveryService"

    def __init__(self, source: Source, caller: Caller, room: Room, refused: Callable[[], None] = lambda: None) -> None:
        """`refused` is called whenever an Envoy does not take what it was told."""
        self._source = source
        self._refused = refused
        self._caller = caller
        self._room = room
        self.methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "StreamSecrets": grpc.stream_stream_rpc_method_handler(self._whole),
            "DeltaSecrets": grpc.stream_stream_rpc_method_handler(self._delta),
            "FetchSecrets": grpc.unary_unary_rpc_method_handler(self.once),
        }

    async def _whole(self, _: object, context: Context) -> None:
        await self._stream("StreamSecrets", Whole(self._refused), context)

    async def _delta(self, _: object, context: Context) -> None:
        await self._stream("DeltaSecrets", Delta(self._refused), context)

    async def _stream(self, name: str, conversation: Whole | Delta, context: Context) -> None:
        async with answering(context, name):
            peer = known(self._caller, context)
            with self._room.taken(peer.uid):
                async with (
                    aclosing(self._source.views(peer, keys=True)) as views,
                    aclosing(_events(context, views)) as events,
                ):
                    async for event in events:
                        response = conversation.see(event) if isinstance(event, View) else conversation.hear(event)
                        if response is not None:
                            await context.write(response)

    async def once(self, data: bytes, context: Context) -> bytes:
        """The secrets of one request, which nothing follows."""
        async with answering(context, "FetchSecrets"):
            request = read(DiscoveryRequest, data)
            _check_type(request.type_url)
            _check_names(request.resource_names)
            view = _entitled(await first(self._source, known(self._caller, context), keys=True))
            found = _all(view, request.resource_names)
            response = DiscoveryResponse(
                version_info=version(found), type_url=TYPE, resources=[each.body for each in found]
            )
            return bytes(response.SerializeToString())
        raise AssertionError("a call that failed was aborted")


class Whole:
    """A conversation in which every response has all that is asked for.

    What Envoy refuses is told in the log and not sent again; it keeps what it had until there is something new.
    """

    def __init__(self, refused: Callable[[], None] = lambda: None) -> None:
        self._refused = refused
        self._node = ""
        self._names: tuple[str, ...] | None = None
        self._view: View | None = None
        self._nonce = ""
        self._sent = ""

    def hear(self, data: bytes) -> bytes | None:
        """What is to be said to a request; raises MalformedError."""
        request = read(DiscoveryRequest, data)
        _check_type(request.type_url)
        self._node = request.node.id or self._node
        # What answers an older response says nothing new: the answer to the latest repeats every name.
        if request.response_nonce != self._nonce:
            return None
        if request.HasField("error_detail"):
            _tell(self._node, request.error_detail.message, request.resource_names, self._refused)
        names = tuple(request.resource_names)
        _check_names(names)
        if names == self._names:
            return None
        self._names, self._sent = names, ""
        return self._response()

    def see(self, view: View) -> bytes | None:
        """What is to be said when the view changes."""
        self._view = _entitled(view)
        return self._response()

    def _response(self) -> bytes | None:
        if self._view is None or self._names is None:
            return None
        found = _all(self._view, self._names)
        now = version(found)
        # To Envoy a response without the secret it asked for is an error, not news.
        if not found or now == self._sent:
            return None
        self._nonce, self._sent = str(int(self._nonce or 0) + 1), now
        response = DiscoveryResponse(
            version_info=now, type_url=TYPE, nonce=self._nonce, resources=[each.body for each in found]
        )
        return bytes(response.SerializeToString())


class Delta:
    """A conversation in which every response has what is new; a secret that is not there is said to be removed."""

    def __init__(self, refused: Callable[[], None] = lambda: None) -> None:
        self._refused = refused
        self._node = ""
        self._held: dict[str, str | None] = {}
        """The version of each name that was subscribed to: none before anything is said of it, empty where removed."""
        self._view: View | None = None
        self._nonce = 0

    def hear(self, data: bytes) -> bytes | None:
        """What is to be said to a request; raises MalformedError."""
        request = read(DeltaDiscoveryRequest, data)
        _check_type(request.type_url)
        self._node = request.node.id or self._node
        if request.HasField("error_detail"):
            _tell(self._node, request.error_detail.message, self._held, self._refused)
        # Who subscribes again is told again.
        self._held.update(dict.fromkeys(request.resource_names_subscribe))
        if not self._nonce:
            held = request.initial_resource_versions
            self._held.update({name: held[name] for name in request.resource_names_subscribe if name in held})
        for name in request.resource_names_unsubscribe:
            self._held.pop(name, None)
        _check_names(self._held)
        return self._response()

    def see(self, view: View) -> bytes | None:
        """What is to be said when the view changes."""
        self._view = _entitled(view)
        return self._response()

    def _response(self) -> bytes | None:
        if self._view is None:
            return None
        found = {each.name: each for each in _all(self._view, self._held)}
        new = [each for each in found.values() if each.version != self._held[each.name]]
        removed = [name for name, held in self._held.items() if name not in found and held != ""]
        if not new and not removed:
            return None
        self._held.update({each.name: each.version for each in new}, **dict.fromkeys(removed, ""))
        self._nonce += 1
        response = DeltaDiscoveryResponse(
            type_url=TYPE,
            nonce=str(self._nonce),
            system_version_info=version(found.values()),
            resources=[DeltaResource(name=each.name, version=each.version, resource=each.body) for each in new],
            removed_resources=removed,
        )
        return bytes(response.SerializeToString())


def _all(view: View, names: Iterable[str]) -> list[Resource]:
    return [found for name in dict.fromkeys(names) if (found := find(view, name)) is not None]


def _entitled(view: View) -> View:
    if not view.svids:
        raise RefusedError("no identity is registered", "register an entry whose selectors the workload shows")
    return view


def _check_type(url: str) -> None:
    if url not in ("", TYPE):
        raise MalformedError(f"`{url[:200]}` is not served", f"ask for `{TYPE}`")


def _check_names(names: Collection[str]) -> None:
    if len(names) > _MOST_NAMES or any(len(name) > LONGEST for name in names):
        raise MalformedError("too much is asked for", f"{_MOST_NAMES} names of {LONGEST} bytes at most")


def _tell(node: str, reason: str, names: Iterable[str], refused: Callable[[], None]) -> None:
    secrets = ", ".join(itertools.islice(names, _TOLD))
    found = findings.secret_rejected(node, secrets, f"Envoy says: {reason[:_LONGEST_REASON]}")
    log.error(found.message, code=found.code, node=node, notes=list(found.notes), help=found.help)
    refused()


async def _events(context: Context, views: AsyncGenerator[View, None]) -> AsyncGenerator[bytes | View, None]:
    """Requests and views as they come, until the caller ends."""
    request: asyncio.Task[object] = asyncio.ensure_future(context.read())
    view: asyncio.Task[View] = asyncio.ensure_future(anext(views))
    try:
        while True:
            await asyncio.wait((request, view), return_when=asyncio.FIRST_COMPLETED)
            if view.done():
                try:
                    yield view.result()
                except StopAsyncIteration:
                    raise UnavailableError("the stream has ended", "call again") from None
                view = asyncio.ensure_future(anext(views))
            if request.done():
                data = request.result()
                if not isinstance(data, bytes):
                    return
                yield data
                request = asyncio.ensure_future(context.read())
    finally:
        request.cancel()
        view.cancel()
        await asyncio.gather(request, view, return_exceptions=True)
