"""Proof of life: a real handshake with a sidecar, which shows that the policy it was sent is the one that decides.

What a sidecar acknowledges it may still not do. So every policy admits the prober to one thing that carries the mark
of that very policy, and to nothing else: it has to be let through to that, and refused with another mark.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import msgspec

from licet.identity.bundle import Bundle
from licet.identity.errors import IdentityError
from licet.identity.federation.tls import present, spiffe_client
from licet.identity.node.tls import Material
from licet.identity.spiffeid import SpiffeID, parse
from licet.mesh.envoy import names
from licet.mesh.intent import Speaks

_WITHIN = 2.0
"""Seconds that one handshake and its answer may take."""
_AT_ONCE = 32
_MOST = 4096
_WRONG = "0" * 16


class Target(msgspec.Struct, frozen=True):
    """A served port of a sidecar: who has to answer there, and the mark of the policy that has to decide."""

    node: str
    address: str
    port: int
    identity: str
    speaks: Speaks
    mark: str


class Prober:
    """Asks sidecars, as the control plane; `own` says its certificate now, and `trusted` the bundle to believe."""

    def __init__(self, own: Callable[[], Material], trusted: Callable[[], Bundle]) -> None:
        self._own = own
        self._trusted = trusted
        self._material: tuple[Material, Bundle] | None = None
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def prove(self, target: Target) -> str:
        """Empty where the sidecar is alive and decides by this policy, and otherwise why not."""
        async with self._room:
            try:
                if not await self._passes(target, target.mark):
                    return "it refuses what its policy admits"
                if await self._passes(target, _WRONG):
                    return "it lets through what its policy refuses"
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IdentityError) as error:
                return _reason(error)
        return ""

    async def _passes(self, target: Target, mark: str) -> bool:
        async with asyncio.timeout(_WITHIN):
            name = f"{mark}.{names.ALIVE_NAME}"
            reader, writer = await asyncio.open_connection(
                target.address, target.port, ssl=self._context(target.identity), server_hostname=name
            )
            try:
                if target.speaks is Speaks.HTTP:
                    asked = f"GET {names.ALIVE_PATH}{mark} HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n"
                    writer.write(asked.encode())
                    return (await reader.readuntil(b"\r\n")).split(b" ")[1:2] == [b"200"]
                writer.write(b"\n")
                return bool(await _said(reader))
            finally:
                # Everything is known: whoever answered is not waited for to close as well.
                writer.transport.abort()

    def _context(self, identity: str) -> ssl.SSLContext:
        material = (self._own(), self._trusted())
        if self._material != material:
            self._material = material
            self._contexts.clear()
        if identity not in self._contexts:
            self._contexts[identity] = _context(parse(identity), *material)
        return self._contexts[identity]


async def _said(reader: asyncio.StreamReader) -> bytes:
    """What comes before the connection is closed; nothing where it is reset, as one that is refused may be."""
    try:
        return await reader.read(_MOST)
    except ConnectionResetError:
        return b""


def _context(identity: SpiffeID, own: Material, trusted: Bundle) -> ssl.SSLContext:
    context = spiffe_client(trusted, identity)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    present(context, own.chain, own.key)
    return context


def _reason(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "it does not answer"
        case IdentityError():
            return error.message
        case ssl.SSLError():
            return f"the handshake failed: {error.reason or error}"
        case OSError():
            return f"it cannot be reached: {error.strerror or error}"
        case _:
            return "it ended the connection without an answer"
