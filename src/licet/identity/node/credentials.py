"""An agent's own key and certificate: made on the node, kept in its data directory, and renewed while it runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Protocol

import structlog
from cryptography import x509

from licet.diag.wording import instant
from licet.identity import certificate, keys, path, request
from licet.identity.errors import IdentityError, RefusedError, UnavailableError
from licet.identity.node import papers, tls
from licet.identity.node.authority import Admission
from licet.identity.node.backoff import backoff
from licet.identity.node.upstream import NodeState
from licet.identity.renewal import renewal
from licet.identity.spiffeid import SpiffeID, TrustDomain

_log = structlog.get_logger("licet.identity.node")
_LOOK = 60.0
"""Seconds between two looks at the clock, which may be set while an agent waits."""


class Attestation(Protocol):
    """How the agent gets a certificate where it has none."""

    @property
    def again(self) -> bool:
        """Whether this works more than once."""

    async def attest(self, request: bytes, known: tuple[bytes, ...]) -> Admission:
        """The first certificate; raises RefusedError and UnavailableError."""


class Credentials:
    """The agent's papers, as `Remote` asks for them."""

    def __init__(
        self,
        home: Path,
        trust_domain: TrustDomain,
        attestation: Attestation,
        clock: Callable[[], datetime],
        random: Random,
    ) -> None:
        self._home = home
        self._domain = trust_domain
        self._attestation = attestation
        self._clock = clock
        self._random = random
        self._material: tls.Material | None = None
        self._changed = asyncio.Event()
        self._due: datetime | None = None
        self._pressed = asyncio.Event()
        self._writing = asyncio.Lock()
        self._sequence = 0

    @property
    def spiffe_id(self) -> SpiffeID:
        """Who the agent is."""
        return certificate.spiffe_id_of(self._leaf)

    @property
    def not_after(self) -> datetime:
        """When the certificate ends."""
        return self._leaf.not_valid_after_utc

    def current(self) -> tls.Material:
        """What holds now; raises UnavailableError before `start` and once it has expired."""
        if self._material is None or self.not_after <= self._clock():
            raise UnavailableError("this agent has no certificate that is valid", "it has to be attested")
        return self._material

    async def changed(self, known: tls.Material) -> None:
        """Return once something else is current."""
        while self._material is known:
            await self._changed.wait()

    async def start(self) -> None:
        """Take up what an earlier run left, or be attested. Raises IdentityError, which says what to do."""
        stored = await asyncio.to_thread(papers.load, self._home)
        if stored is not None:
            self._check(stored.chain, stored.key)
            self._hold(stored)
        if self._material is None or self.not_after <= self._clock():
            await self._attest()

    async def keep(self, renew: Callable[[bytes], Awaitable[Admission]]) -> None:
        """Renew at half-life until cancelled; raises RefusedError where only somebody else can help."""
        failures = 0
        while True:
            await self._wait(backoff(failures, self._random) if failures else None)
            try:
                await self._renewed(renew)
                failures = 0
            except IdentityError as error:
                failures += 1
                _log.warning("the agent's certificate is not renewed", reason=error.message, help=error.help)
                if self.not_after <= self._clock() and not self._attestation.again:
                    raise RefusedError(
                        f"the certificate of `{self.spiffe_id}` expired at {instant(self.not_after)}",
                        "make a join token on the server and start the agent with it",
                    ) from error

    async def follow(self, state: NodeState) -> None:
        """Believe the domain's roots; be certified again where the own issuer is to be believed no more."""
        async with self._writing:
            material = self.current()
            self._sequence = state.own.sequence
            if material.roots != state.own.x509:
                await self._store(tls.Material(material.chain, material.key, state.own.x509))
        if self._issuer() in (None, *state.reissue):
            self._pressed.set()

    def refused(self) -> None:
        """Be attested again where that is possible: a server that was restored may not know the certificate."""
        if self._attestation.again:
            self._pressed.set()

    async def settled(self) -> None:
        """Return once no renewal is pressing."""
        while self._pressed.is_set():
            await self._changed.wait()

    async def _renewed(self, renew: Callable[[bytes], Awaitable[Admission]]) -> None:
        key = keys.generate(keys.KeyKind.EC_P256)
        try:
            admission = await renew(request.make(key, self.spiffe_id))
        except IdentityError:
            if not self._attestation.again:
                raise
            await self._attest()
        else:
            await self._take(admission, key, self.spiffe_id)

    async def _attest(self) -> None:
        key = keys.generate(keys.KeyKind.EC_P256)
        known = self._material.roots if self._material else ()
        asked = request.make(key, self._domain.member(tls.AGENT_PATH + "new"))
        await self._take(await self._attestation.attest(asked, known), key, None)

    async def _take(self, admission: Admission, key: keys.PrivateKey, wanted: SpiffeID | None) -> None:
        if admission.bundle.trust_domain != self._domain:
            raise RefusedError(f"the server is not of `{self._domain}`", "name the domain's own server")
        got = certificate.verify(admission.chain, admission.bundle.x509, self._clock())
        if got != (wanted or got):
            raise RefusedError(f"the server certified `{got}` instead of `{wanted}`", "look into the server's log")
        written = keys.write_private(key)
        self._check(admission.chain, written)
        async with self._writing:
            # What the stream of states said later counts more than what came with the certificate.
            old = wanted is not None and self._material is not None and admission.bundle.sequence < self._sequence
            roots = self._material.roots if old and self._material is not None else admission.bundle.x509
            await self._store(tls.Material(admission.chain, written, roots))

    async def _store(self, material: tls.Material) -> None:
        await asyncio.to_thread(papers.save, self._home, material)
        self._hold(material)

    def _check(self, chain: tuple[bytes, ...], key: bytes) -> None:
        leaf = path.read(chain)[0]
        got = certificate.spiffe_id_of(leaf)
        if got.trust_domain != self._domain or not got.path.startswith(tls.AGENT_PATH):
            raise RefusedError(
                f"`{got}` is no agent of `{self._domain}`", f"another data directory than `{self._home}`"
            )
        if leaf.public_key() != keys.read_private(key).public_key():
            raise RefusedError(f"the certificate of `{got}` is for another key", "look into the server's log")

    def _hold(self, material: tls.Material) -> None:
        if self._material is None or self._material.chain != material.chain:
            self._due = None
            self._pressed.clear()
        self._material = material
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _wait(self, pause: float | None) -> None:
        """Until half-life, or for as long as the pause after a failure, or until a renewal is pressing."""
        if pause is not None:
            await asyncio.sleep(pause)
            return
        if self._due is None:
            self._due = renewal(self._leaf.not_valid_before_utc, self.not_after, self._random)
        while (left := (self._due - self._clock()).total_seconds()) > 0 and not self._pressed.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._pressed.wait(), min(left, _LOOK))

    def _issuer(self) -> str | None:
        """The pin of the key that signed the certificate; None where the roots vouch for it no more."""
        assert self._material is not None
        chain = path.read(self._material.chain)
        try:
            signed = path.validate(chain, path.anchors(self._material.roots), self._clock())
        except RefusedError:
            return None
        return keys.pin(keys.supported(signed[1].public_key()))

    @property
    def _leaf(self) -> x509.Certificate:
        assert self._material is not None, "the agent was started"
        return path.read(self._material.chain)[0]
