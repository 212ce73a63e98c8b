"""Requests of workloads and of Envoy to mutate: what comes through the public socket of a node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, NoReturn, cast

import grpc
from envoy.service.discovery.v3.discovery_pb2 import (  # type: ignore[import-untyped]
    DeltaDiscoveryRequest,
    DiscoveryRequest,
)
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from structlog.testing import capture_logs

from licet.identity.errors import RefusedError
from licet.identity.spiffeid import SpiffeID
from licet.identity.svid import JwtSvid, View
from licet.identity.workload.api import WorkloadApi
from licet.identity.workload.calls import Context
from licet.identity.workload.limits import Room
from licet.identity.workload.proto import workload_pb2 as pb
from licet.identity.workload.sds import Delta, SecretDiscovery, Whole
from licet.identity.workload.secrets import TYPE
from licet.identity.workload.source import Peer
from tests.identity.workload.sources import Authority

_PATIENCE = 10.0
_AUTHORITY = Authority("example.org")
_VIEW = View((_AUTHORITY.svid("/myservice"),), _AUTHORITY.bundle(), {})


class _Once:
    """A source with one view, after which it ends."""

    async def views(self, peer: Peer, *, keys: bool) -> AsyncGenerator[View, None]:
        del peer
        yield _VIEW if keys else View((), _VIEW.own, {})

    async def tokens(self, peer: Peer, audience: tuple[str, ...], wanted: SpiffeID | None) -> tuple[JwtSvid, ...]:
        del peer
        if wanted not in (None, _VIEW.svids[0].spiffe_id):
            raise RefusedError("this identity is not the caller's", "ask for one of its own")
        return (_AUTHORITY.token("/myservice", audience),)


class _Call:
    """What a handler sees of a call."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def peer(self) -> str:
        return "unix-abstract:caller"

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        return (("workload.spiffe.io", "true"),)

    async def write(self, message: bytes) -> None:
        self.written.append(message)

    async def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        if code is grpc.StatusCode.INTERNAL:
            raise AssertionError("an error that nobody foresaw")
        raise RefusedError(details, code.name)


def _caller(_: str) -> Peer:
    return Peer(1, 1, 0, 0, frozenset())


_METHODS = WorkloadApi(_Once(), _caller, Room(1)).methods
_SECRETS = SecretDiscovery(_Once(), _caller, Room(1))


def _answered(handler: Callable[[bytes, Context], Awaitable[object]]) -> Callable[[bytes], object]:
    """The answer of a handler; a stream's is what it wrote before the source ended."""

    async def answer(data: bytes, call: _Call) -> object:
        async with asyncio.timeout(_PATIENCE):
            return await handler(data, cast("Context", call))

    def handle(data: bytes) -> object:
        call = _Call()
        try:
            return asyncio.run(answer(data, call))
        except RefusedError:
            if call.written:
                return call.written
            raise

    return handle


def _heard(conversation: type[Whole | Delta]) -> Callable[[bytes], object]:
    """A request in a conversation that has just begun, and once more as an answer."""

    def handle(data: bytes) -> object:
        begun = conversation()
        begun.see(_VIEW)
        with capture_logs():
            return begun.hear(data), begun.hear(data)

    return handle


_METHOD: Any = _METHODS
_REFUSAL = Status(code=3, message="Failed to load certificate chain")
_NAMES = ["default", "ROOTCA", "ALL", "spiffe://example.org/myservice", "spiffe://example.org", "unknown"]
_SENT: dict[str, tuple[Sequence[Message], Callable[[bytes], object]]] = {
    "workload-api-x509": ([pb.X509SVIDRequest()], _answered(_METHOD["FetchX509SVID"].unary_stream)),
    "workload-api-x509-bundles": ([pb.X509BundlesRequest()], _answered(_METHOD["FetchX509Bundles"].unary_stream)),
    "workload-api-jwt-bundles": ([pb.JWTBundlesRequest()], _answered(_METHOD["FetchJWTBundles"].unary_stream)),
    "workload-api-jwt": (
        [
            pb.JWTSVIDRequest(audience=["db", "cache"]),
            pb.JWTSVIDRequest(audience=["db"], spiffe_id="spiffe://example.org/myservice"),
        ],
        _answered(_METHOD["FetchJWTSVID"].unary_unary),
    ),
    "workload-api-validate": (
        [pb.ValidateJWTSVIDRequest(audience="db", svid=_AUTHORITY.token("/myservice", ("db",)).token)],
        _answered(_METHOD["ValidateJWTSVID"].unary_unary),
    ),
    "workload-api-sds": (
        [
            DiscoveryRequest(resource_names=_NAMES, type_url=TYPE),
            DiscoveryRequest(resource_names=["default"], type_url=TYPE, error_detail=_REFUSAL),
        ],
        _heard(Whole),
    ),
    "workload-api-sds-once": (
        [DiscoveryRequest(resource_names=_NAMES, type_url=TYPE)],
        _answered(_SECRETS.once),
    ),
    "workload-api-sds-delta": (
        [
            DeltaDiscoveryRequest(
                resource_names_subscribe=_NAMES, initial_resource_versions={"default": "1"}, type_url=TYPE
            ),
            DeltaDiscoveryRequest(resource_names_unsubscribe=_NAMES, type_url=TYPE, error_detail=_REFUSAL),
        ],
        _heard(Delta),
    ),
}
KINDS: dict[str, tuple[Sequence[bytes], Callable[[bytes], object]]] = {
    name: ([message.SerializeToString() for message in messages], target) for name, (messages, target) in _SENT.items()
}
