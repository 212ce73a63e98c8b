"""The SPIFFE Workload API: the service of SPIFFE_Workload_API.md, and nothing beside it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import grpc
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from licet.identity.errors import MalformedError, RefusedError, UnavailableError
from licet.identity.spiffeid import parse
from licet.identity.svid import View
from licet.identity.token import validate
from licet.identity.workload import responses
from licet.identity.workload.calls import Caller, Context, answering, first, known, read
from licet.identity.workload.limits import Room
from licet.identity.workload.proto.workload_pb2 import (
    JWTBundlesRequest,
    JWTSVIDRequest,
    ValidateJWTSVIDRequest,
    ValidateJWTSVIDResponse,
    X509BundlesRequest,
    X509SVIDRequest,
)
from licet.identity.workload.source import Source

_HEADER = ("workload.spiffe.io", "true")


class WorkloadApi:
    """Answers every method of the service, by its name; those of the WIT-SVID profile are Unimplemented (7)."""

    SERVICE = "SpiffeWorkloadAPI"

    def __init__(self, source: Source, caller: Caller, room: Room) -> None:
        self._source = source
        self._caller = caller
        self._room = room
        self.under_way: set[asyncio.Task[object]] = set()
        """Calls with one answer that are being answered."""
        streams = {
            "FetchX509SVID": (X509SVIDRequest, True, responses.x509_svids),
            "FetchX509Bundles": (X509BundlesRequest, False, responses.x509_bundles),
            "FetchJWTBundles": (JWTBundlesRequest, False, responses.jwt_bundles),
        }
        self.methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            name: grpc.unary_stream_rpc_method_handler(self._stream(name, *how)) for name, how in streams.items()
        }
        for name, answer in (("FetchJWTSVID", self._tokens), ("ValidateJWTSVID", self._validated)):
            self.methods[name] = grpc.unary_unary_rpc_method_handler(self._unary(name, answer))
        for name in ("FetchWITSVID", "FetchWITBundles"):
            self.methods[name] = grpc.unary_unary_rpc_method_handler(_unimplemented)

    def _stream(
        self, name: str, request: type[Message], keys: bool, response: Callable[[View], Message]
    ) -> Callable[[bytes, Context], Awaitable[None]]:
        async def handle(data: bytes, context: Context) -> None:
            async with answering(context, name):
                _check_header(context)
                read(request, data)
                peer = known(self._caller, context)
                with self._room.taken(peer.uid):
                    async with aclosing(self._source.views(peer, keys=keys)) as views:
                        await _tell(views, response, context)
                raise UnavailableError("the stream has ended", "call again")

        return handle

    def _unary(
        self, name: str, answer: Callable[[bytes, Context], Awaitable[Message]]
    ) -> Callable[[bytes, Context], Awaitable[bytes]]:
        async def handle(data: bytes, context: Context) -> bytes:
            if (task := asyncio.current_task()) is not None:
                self.under_way.add(task)
                task.add_done_callback(self.under_way.discard)
            async with answering(context, name):
                _check_header(context)
                return (await answer(data, context)).SerializeToString()
            raise AssertionError("a call that failed was aborted")

        return handle

    async def _tokens(self, data: bytes, context: Context) -> Message:
        request = read(JWTSVIDRequest, data)
        if not request.audience or not all(request.audience):
            raise MalformedError("no audience is given", "name whom the token is for in `audience`")
        wanted = parse(request.spiffe_id) if request.spiffe_id else None
        tokens = await self._source.tokens(known(self._caller, context), tuple(request.audience), wanted)
        if not tokens:
            raise RefusedError("no identity is registered", "register an entry whose selectors the workload shows")
        return responses.tokens(tokens)

    async def _validated(self, data: bytes, context: Context) -> Message:
        request = read(ValidateJWTSVIDRequest, data)
        if not request.audience or not request.svid:
            raise MalformedError("the token or its audience is missing", "set `audience` and `svid`")
        view = await first(self._source, known(self._caller, context), keys=False)
        bundles = {**view.federated, view.own.trust_domain: view.own}
        try:
            subject, claims = validate(request.svid, request.audience, bundles, datetime.now(UTC))
        except RefusedError as error:
            # The token is at fault and not the caller, who would else take it that it has no identity.
            raise MalformedError(error.message, error.help) from None
        response = ValidateJWTSVIDResponse(spiffe_id=str(subject))
        try:
            ParseDict(claims, response.claims)
        except (ParseError, ValueError, OverflowError, RecursionError):
            raise MalformedError("the token's claims cannot be told", "plain JSON, not too deep") from None
        return response


def _metadata(context: Context) -> Sequence[tuple[str, str | bytes]]:
    return [(str(key), value) for key, value in context.invocation_metadata() or ()]


def _check_header(context: Context) -> None:
    """Against requests that somebody is tricked into sending (SPIFFE_Workload_Endpoint.md 3)."""
    name, wanted = _HEADER
    if [value for key, value in _metadata(context) if key == name] != [wanted]:
        raise MalformedError(f"`{name}` is missing in the metadata", f"set it to `{wanted}`")


async def _tell(views: AsyncIterator[View], response: Callable[[View], Message], context: Context) -> None:
    """Write a response for each view in which there is anything new."""
    sent = b""
    async for view in views:
        wanted = response(view).SerializeToString(deterministic=True)
        # What was sent holds a key, so no copy of it is kept to compare with.
        if (digest := hashlib.sha256(wanted).digest()) != sent:
            await context.write(wanted)
            sent = digest


async def _unimplemented(_: bytes, context: Context) -> bytes:
    async with answering(context, "unimplemented"):
        _check_header(context)
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this profile is not served")
    raise AssertionError("a call that failed was aborted")
