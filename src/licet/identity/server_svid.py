"""A server's own certificate, by which agents, sidecars and other trust domains know it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from threading import Lock

import structlog

from licet.identity import keys, path, request
from licet.identity.entry import SERVER_NAME
from licet.identity.errors import IdentityError
from licet.identity.federation.tls import svid_context
from licet.identity.issuer import Issuer
from licet.identity.node.tls import SERVER_PATH, Material
from licet.identity.renewal import renewal
from licet.identity.spiffeid import SpiffeID
from licet.store.errors import StoreError

_log = structlog.get_logger("licet.identity.server")

_PACE = 0.2
_RETRY = timedelta(seconds=10)


class ServerSvid:
    """Held in memory alone, and made anew at every start; renewed at half-life and when its issuer is tainted.

    `path` is that of the server's SPIFFE ID, and `dns_names` what clients without SPIFFE know it by.
    """

    def __init__(
        self,
        issuer: Issuer,
        clock: Callable[[], datetime],
        random: Random,
        path: str = SERVER_PATH,
        dns_names: tuple[str, ...] = (SERVER_NAME,),
    ) -> None:
        self._issuer = issuer
        self._clock = clock
        self._random = random
        self._path = path
        self._dns_names = dns_names
        self._lock = Lock()
        self._made: tuple[tuple[bytes, ...], bytes, str] = ((), b"", "")
        self._due = clock()
        self._context: tuple[bytes, ssl.SSLContext] | None = None

    @property
    def spiffe_id(self) -> SpiffeID:
        """Who the server is."""
        return self._issuer.state.trust_domain.member(self._path)

    def material(self) -> Material:
        """What a handshake with an agent is answered with now, and what agents are verified with."""
        chain, key, _ = self._made
        return Material(chain, key, self._issuer.state.bundle.x509)

    def context(self) -> ssl.SSLContext:
        """What a handshake at the bundle endpoint is answered with now."""
        with self._lock:
            chain, key, _ = self._made
            if self._context is None or self._context[0] != key:
                self._context = (key, svid_context(chain, key))
            return self._context[1]

    def renew(self) -> None:
        """Make a new one; raises IdentityError and StoreError."""
        key = keys.generate(keys.KeyKind.EC_P256)
        own = self.spiffe_id
        asked = request.make(key, own)
        issued = self._issuer.directly(own, asked, 0, self._dns_names, {"type": "server"})
        leaf, upper = path.read(issued.chain)
        signer = keys.pin(keys.supported(upper.public_key()))
        self._made = (issued.chain, keys.write_private(key), signer)
        self._due = renewal(leaf.not_valid_before_utc, leaf.not_valid_after_utc, self._random)

    async def run(self) -> None:
        """Keep it fresh until cancelled."""
        while True:
            await asyncio.sleep(_PACE)
            if self._clock() < self._due and self._made[2] not in self._issuer.state.reissue:
                continue
            try:
                await asyncio.to_thread(self.renew)
            except (IdentityError, StoreError) as error:
                self._due = self._clock() + _RETRY
                _log.error("the server's certificate is not renewed", reason=error.message, help=error.help)
