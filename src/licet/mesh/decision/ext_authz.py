"""Envoy's external authorization over gRPC: `envoy.service.auth.v3.Authorization/Check`.

Every question is answered, and no call fails for what it says: a failed call is what `failure_mode_allow` is about,
and a gateway that has it set would let through what could not be read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import grpc
import msgspec
from envoy.service.auth.v3.attribute_context_pb2 import AttributeContext  # type: ignore[import-untyped]
from envoy.service.auth.v3.external_auth_pb2 import (  # type: ignore[import-untyped]
    CheckRequest,
    CheckResponse,
    DeniedHttpResponse,
    OkHttpResponse,
)
from envoy.type.v3.http_status_pb2 import HttpStatus  # type: ignore[import-untyped]
from google.protobuf.struct_pb2 import Struct
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from licet.identity.errors import MalformedError
from licet.identity.workload.calls import Context, read
from licet.mesh.decision.point import Answer, Point, Question

Caller: TypeAlias = Callable[[Context], str | None]
"""The SPIFFE ID of whoever calls, as its certificate or the kernel says."""

WORKLOAD, PORT = "licet.workload", "licet.port"
"""Context extensions by which a gateway's own configuration says what a route leads to."""


class ExternalAuthorization:
    """Answers Check calls; a gateway is told nothing to change of a request."""

    SERVICE = "envoy.service.auth.v3.Authorization"

    def __init__(self, point: Point, caller: Caller) -> None:
        self._point = point
        self._caller = caller
        self.methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "Check": grpc.unary_unary_rpc_method_handler(self.check)
        }

    async def check(self, data: bytes, context: Context) -> bytes:
        """The answer to one question, in bytes; equal for equal questions to one version of the fleet."""
        try:
            answer = self._point.answer(self._caller(context), question(read(CheckRequest, data)))
        except MalformedError as error:
            answer = self._point.unreadable(error.message)
        except Exception as error:
            answer = self._point.failed(error)
        return bytes(_response(answer).SerializeToString(deterministic=True))


def question(request: CheckRequest) -> Question:
    """What is asked; raises MalformedError.

    The destination is what the gateway's configuration says (`licet.workload`, `licet.port`), or else the address that
    was connected to, or the identity that was shown there. The caller's identity is that of its certificate.
    """
    asked = request.attributes
    extensions = asked.context_extensions
    http = asked.request.http
    to = asked.destination
    if asked.request.HasField("http") and not (http.method and http.path):
        raise MalformedError("the request has no method or no path", "`request.http.method` and `request.http.path`")
    return Question(
        _number(extensions[PORT]) if PORT in extensions else _port(to),
        _named(extensions[WORKLOAD]) if WORKLOAD in extensions else "",
        _address(to),
        to.principal,
        asked.source.principal,
        _address(asked.source),
        http.method,
        http.path,
    )


def _named(text: str) -> str:
    if not text:
        raise MalformedError(f"`{WORKLOAD}` is empty", "leave it out, or name a workload")
    return text


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise MalformedError(f"`{PORT}` is no port", "a number")
    return int(text)


def _address(peer: AttributeContext.Peer) -> str:
    return str(peer.address.socket_address.address)


def _port(peer: AttributeContext.Peer) -> int:
    return int(peer.address.socket_address.port_value)


def _response(answer: Answer) -> CheckResponse:
    """The request's sender is told the reason in a word; the rest is metadata, which stays with the gateway."""
    told = Struct()
    told.update(msgspec.to_builtins(answer.because))
    if answer.allowed:
        return CheckResponse(status=Status(code=0), ok_response=OkHttpResponse(), dynamic_metadata=told)
    reason = answer.explained.reason.value
    denied = DeniedHttpResponse(status=HttpStatus(code=403), body=f"refused: {reason}\n")
    status = Status(code=grpc.StatusCode.PERMISSION_DENIED.value[0], message=reason)
    return CheckResponse(status=status, denied_response=denied, dynamic_metadata=told)
