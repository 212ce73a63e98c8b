"""Certificates that questions are signed with, by authorities of a test's own, and a clock to sign by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from licet.identity import certificate, keys
from licet.identity.bundle import Bundle
from licet.identity.keys import KeyKind, PrivateKey
from licet.identity.spiffeid import TrustDomain, parse
from licet.mesh.decision.nonces import Nonces
from licet.mesh.decision.signature import Signatures, sign
from tests.identity.node.plane import der

DOMAIN = TrustDomain("shop.example")
AUDIENCE = "spiffe://shop.example/ns/licet/sa/decisions"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PATH = "/access/v1/evaluation"
BODY = b'{"a question": 1}'


class Signer(msgspec.Struct, frozen=True):
    """A certificate and its key."""

    chain: tuple[bytes, ...]
    key: PrivateKey

    def sign(
        self, body: bytes = BODY, path: str = PATH, audience: str = AUDIENCE, at: datetime = NOW, nonce: str = ""
    ) -> str:
        """The header for a request."""
        return sign(body, path, audience, self.chain, self.key, at, nonce)


class Authority:
    """A root of the trust domain, and SVIDs of anybody under it."""

    def __init__(self, now: datetime = NOW, domain: TrustDomain = DOMAIN) -> None:
        self._now = now.replace(microsecond=0)
        self._key = keys.generate(KeyKind.EC_P256)
        begin, end = (self._now + timedelta(days=days) for days in (-1, 1))
        self._root = certificate.root(domain, self._key, begin, end)
        self.bundle = Bundle(domain, (der(self._root),), ())

    def signer(self, name: str, seconds: float = 3600, kind: KeyKind = KeyKind.EC_P256) -> Signer:
        """An SVID that ends so many seconds from now."""
        key = keys.generate(kind)
        public, end = keys.supported(key.public_key()), self._now + timedelta(seconds=seconds)
        begin = min(self._now, end) - timedelta(minutes=1)
        leaf = certificate.leaf(parse(name), public, self._root, self._key, begin, end, certificate.new_serial())
        return Signer((der(leaf),), key)


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """What it is."""
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let time pass, or go back."""
        self.now += timedelta(seconds=seconds)


def signatures(
    authority: Authority, clock: Clock, denied: frozenset[str] = frozenset(), nonces: Nonces | None = None
) -> Signatures:
    """A verifier that began a minute ago."""
    clock.pass_(-60)
    verifying = Signatures(AUDIENCE, lambda: {DOMAIN: authority.bundle}, clock, lambda: denied, nonces)
    clock.pass_(60)
    return verifying
