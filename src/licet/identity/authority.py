"""Signing keys and where each stands in its life."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from datetime import datetime

import msgspec

from licet.identity.bundle import Bundle, JwtKey
from licet.identity.spiffeid import TrustDomain


class Kind(enum.Enum):
    """What an authority signs: intermediates, X.509-SVIDs, JWT-SVIDs."""

    ROOT = "root"
    INTERMEDIATE = "intermediate"
    JWT = "jwt"


class Standing(enum.Enum):
    """PREPARED is published, not used; ACTIVE signs; RETIRED and TAINTED sign nothing and are believed until they go.

    What a TAINTED one signed is replaced at once. REVOKED is believed no more and its key is gone.
    """

    PREPARED = "prepared"
    ACTIVE = "active"
    RETIRED = "retired"
    TAINTED = "tainted"
    REVOKED = "revoked"


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """One signing key. `id` is its pin: the SHA-256 of its SubjectPublicKeyInfo in hexadecimal.

    `certificate` is DER, and None for JWT keys; `issuer` is the id of the root above an intermediate.
    """

    id: str
    kind: Kind
    standing: Standing
    issuer: str | None
    certificate: bytes | None
    public_key: bytes
    keeper: str
    handle: bytes | None = msgspec.field()
    not_before: datetime
    not_after: datetime
    changed_at: datetime

    def __repr__(self) -> str:
        return f"Authority({self.kind.value} {self.id[:12]}, {self.standing.value})"

    @property
    def believed(self) -> bool:
        """Whether what it signed is still to be accepted."""
        return self.standing is not Standing.REVOKED

    def age(self, now: datetime) -> float:
        """The part of its life that is over, from 0 to 1."""
        return (now - self.not_before) / (self.not_after - self.not_before)


def active(authorities: Iterable[Authority], kind: Kind) -> Authority | None:
    """The authority of this kind that signs now."""
    return next((a for a in authorities if a.kind is kind and a.standing is Standing.ACTIVE), None)


def prepared(authorities: Iterable[Authority], kind: Kind) -> Authority | None:
    """The one in reserve; of several the newest."""
    waiting = [a for a in authorities if a.kind is kind and a.standing is Standing.PREPARED]
    return max(waiting, key=lambda a: a.not_before, default=None)


def bundle(trust_domain: TrustDomain, authorities: Iterable[Authority], sequence: int, refresh_hint: int) -> Bundle:
    """What the domain publishes: every root and every JWT key that is believed, in one order everywhere."""
    believed = sorted((a for a in authorities if a.believed), key=lambda a: (a.not_before, a.id))
    return Bundle(
        trust_domain,
        tuple(a.certificate for a in believed if a.kind is Kind.ROOT and a.certificate is not None),
        tuple(JwtKey(a.id[:32], a.public_key) for a in believed if a.kind is Kind.JWT),
        sequence,
        refresh_hint,
    )


class Pins(msgspec.Struct, frozen=True):
    """Which root keys the fleet believes: the one that signs, those on their way out, and those in reserve."""

    active: tuple[str, ...]
    retiring: tuple[str, ...]
    backup: tuple[str, ...]


def pins(authorities: Iterable[Authority]) -> Pins:
    """The pins of the domain, each a SHA-256 of a SubjectPublicKeyInfo in hexadecimal."""
    roots = [a for a in authorities if a.kind is Kind.ROOT and a.believed]
    by = {standing: tuple(a.id for a in roots if a.standing is standing) for standing in Standing}
    return Pins(by[Standing.ACTIVE], by[Standing.RETIRED] + by[Standing.TAINTED], by[Standing.PREPARED])
