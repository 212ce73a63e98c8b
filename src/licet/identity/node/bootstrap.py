"""What an agent believes before it knows anything: roots from a file, or the pin of one. Nothing is believed unseen."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path
from typing import TypeAlias

import grpc
import msgspec
from cryptography.exceptions import InvalidSignature

from licet.identity import bundle_document, path, pem
from licet.identity.address import host_and_port
from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.keys import UNREADABLE, pin, supported
from licet.identity.node import tls, wire
from licet.identity.node.proto import node_pb2 as pb
from licet.identity.node.proto import node_pb2_grpc as rpc
from licet.identity.spiffeid import TrustDomain

_PATIENCE = 10.0
_PIN = re.compile(r"[0-9a-f]{64}")


class Given(msgspec.Struct, frozen=True):
    """Roots in DER that somebody brought to the node."""

    roots: tuple[bytes, ...]


class Pinned(msgspec.Struct, frozen=True):
    """Pins of roots: the SHA-256 of their SubjectPublicKeyInfo in hexadecimal."""

    pins: frozenset[str]


Trust: TypeAlias = Given | Pinned


def given(file: Path, trust_domain: TrustDomain) -> Given:
    """The roots in this file, which is in PEM or a SPIFFE bundle; raises IdentityError."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise IdentityError(f"`{file}` cannot be read", error.strerror or "look at the file") from error
    if data.lstrip()[:1] == b"{":
        roots = bundle_document.decode(data, trust_domain).x509
    else:
        try:
            roots = pem.read_certificates(data)
        except MalformedError:
            roots = ()
    if not roots:
        raise MalformedError(f"`{file}` holds no root", "certificates in PEM, or a SPIFFE bundle in JSON")
    return Given(roots)


def pinned(*pins: str) -> Pinned:
    """These pins, which may be written with colons and in upper case; raises MalformedError."""
    found = frozenset(each.replace(":", "").lower() for each in pins)
    if not found or not all(_PIN.fullmatch(each) for each in found):
        raise MalformedError("a pin is no SHA-256", "64 hexadecimal digits, of `licet identity bundle -o pins`")
    return Pinned(found)


async def roots(trust: Trust, address: str) -> tuple[bytes, ...]:
    """The roots to know the server at this join address by; raises RefusedError and UnavailableError."""
    if isinstance(trust, Given):
        return trust.roots
    believed = tuple(each for each in await _offered(address) if _is_pinned(each, trust.pins))
    if not believed:
        raise RefusedError(
            f"no root of `{address}` has the pin that was given", "compare it with `licet identity bundle -o pins`"
        )
    return believed


async def _offered(address: str) -> tuple[bytes, ...]:
    """What a server that is not known yet says its roots are; it is sent nothing that is secret."""
    try:
        shown = await asyncio.to_thread(ssl.get_server_certificate, host_and_port(address), timeout=_PATIENCE)
    except OSError as error:
        raise UnavailableError(f"`{address}` does not answer", "see whether the server is reachable") from error
    credentials = grpc.ssl_channel_credentials(shown.encode())
    async with grpc.aio.secure_channel(address, credentials, options=tls.options()) as channel:
        try:
            answer = await rpc.JoinStub(channel).Roots(pb.RootsRequest(), timeout=_PATIENCE)
        except grpc.aio.AioRpcError as failure:
            raise wire.error(failure) from None
    return tuple(answer.x509)


def _is_pinned(root: bytes, pins: frozenset[str]) -> bool:
    try:
        [certificate] = path.read([root])
        certificate.verify_directly_issued_by(certificate)
        return pin(supported(certificate.public_key())) in pins
    except (MalformedError, InvalidSignature, *UNREADABLE):
        return False
