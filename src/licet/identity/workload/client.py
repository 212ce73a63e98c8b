"""A client of the Workload API: what a workload is given, and whether it holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from licet.identity import certificate, path
from licet.identity.bundle import Bundle
from licet.identity.errors import MalformedError, RefusedError, UnavailableError
from licet.identity.keys import pin, read_private, supported
from licet.identity.spiffeid import TrustDomain, parse
from licet.identity.svid import JwtSvid, View, X509Svid
from licet.identity.workload.proto.workload_pb2 import (
    X509SVID,
    JWTSVIDRequest,
    JWTSVIDResponse,
    X509SVIDRequest,
    X509SVIDResponse,
)

_PATIENCE = 10.0
_HEADER = (("workload.spiffe.io", "true"),)
_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", 64 << 20))

_Response = TypeVar("_Response", bound=Message)


class Client:
    """Calls of one socket, as the process that runs this. Every call may raise an IdentityError."""

    def __init__(self, socket: Path, clock: Callable[[], datetime]) -> None:
        self._socket = socket
        self._clock = clock

    def view(self) -> View:
        """Every X.509-SVID, each verified with the bundle that came with it, and the bundles of other domains."""
        response = self._first("FetchX509SVID", X509SVIDRequest(), X509SVIDResponse)
        if not response.svids:
            raise MalformedError(f"`{self._socket}` answers without an identity", "is it a Workload API?")
        svids = tuple(self._svid(each) for each in response.svids)
        foreign = {parse(name).trust_domain: joined for name, joined in response.federated_bundles.items()}
        return View(
            svids,
            _bundle(svids[0].spiffe_id.trust_domain, response.svids[0].bundle),
            {domain: _bundle(domain, joined) for domain, joined in foreign.items()},
        )

    def tokens(self, audience: Sequence[str]) -> tuple[JwtSvid, ...]:
        """A JWT-SVID for each identity."""
        response = self._first("FetchJWTSVID", JWTSVIDRequest(audience=audience), JWTSVIDResponse)
        return tuple(JwtSvid(parse(each.spiffe_id), each.svid, each.hint) for each in response.svids)

    def _svid(self, told: X509SVID) -> X509Svid:
        chain = separate(told.x509_svid)
        named = certificate.verify(chain, separate(told.bundle), self._clock())
        leaf, upper = path.read(chain)[0], path.read([*chain, *separate(told.bundle)])[1]
        if str(named) != told.spiffe_id or read_private(told.x509_svid_key).public_key() != leaf.public_key():
            raise MalformedError(f"the certificate of `{told.spiffe_id}` is for another key or name", "look at its log")
        return X509Svid(
            named,
            chain,
            told.x509_svid_key,
            f"{leaf.serial_number:x}",
            pin(supported(upper.public_key())),
            leaf.not_valid_before_utc,
            leaf.not_valid_after_utc,
            told.hint,
        )

    def _first(self, method: str, request: Message, kind: type[_Response]) -> _Response:
        if not self._socket.is_socket():
            raise UnavailableError(f"no socket stands at `{self._socket}`", "`--socket` names it; is the node running?")
        with grpc.insecure_channel(f"unix:{self._socket}", options=_OPTIONS) as channel:
            ask: grpc.UnaryStreamMultiCallable[Message, _Response] = channel.unary_stream(
                f"/SpiffeWorkloadAPI/{method}", lambda message: message.SerializeToString(), kind.FromString
            )
            call = ask(request, timeout=_PATIENCE, metadata=_HEADER)
            try:
                return next(call)
            except grpc.RpcError:
                raise _failure(call.code(), call.details() or "", self._socket) from None
            except StopIteration:
                raise UnavailableError(f"`{self._socket}` ended the call without an answer", "ask again") from None
            finally:
                call.cancel()


def separate(joined: bytes) -> tuple[bytes, ...]:
    """DER certificates that stand one behind the other; raises MalformedError."""
    found = []
    while joined:
        length = _length(joined)
        if length > len(joined):
            raise _unreadable()
        found.append(joined[:length])
        joined = joined[length:]
    return tuple(found)


def _length(der: bytes) -> int:
    """Bytes of the first of them (X.690, 8.1.3): tag, length, and what is as long."""
    if len(der) < 2 or (der[1] & 0x80 and not 1 <= der[1] & 0x7F <= 4):
        raise _unreadable()
    if der[1] < 0x80:
        return 2 + der[1]
    octets = der[1] & 0x7F
    return 2 + octets + int.from_bytes(der[2 : 2 + octets], "big")


def _unreadable() -> MalformedError:
    return MalformedError("a certificate cannot be read", "DER, one certificate behind the other")


def _bundle(domain: TrustDomain, joined: bytes) -> Bundle:
    return Bundle(domain, separate(joined), ())


def _failure(code: grpc.StatusCode, details: str, socket: Path) -> RefusedError | UnavailableError:
    match code:
        case grpc.StatusCode.PERMISSION_DENIED:
            return RefusedError(
                f"this process, `unix:uid:{os.getuid()}`, is given no identity", details or "look at the node's log"
            )
        case grpc.StatusCode.UNAVAILABLE if "failed to connect" in details.lower() and "unix:" in details:
            return UnavailableError(f"nobody answers at `{socket}`", "start the node")
        case _:
            return UnavailableError(f"`{socket}` answers {code.name}", details or "look at the node's log")
