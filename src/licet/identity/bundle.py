"""A trust domain's bundle: the keys that its identities are verified with."""

from __future__ import annotations

import msgspec

from licet.identity.spiffeid import TrustDomain

REFRESH_HINT = 300
"""Seconds between two looks at a bundle whose publisher suggests none."""


class JwtKey(msgspec.Struct, frozen=True):
    """A public key for JWT-SVIDs: its `kid`, and the key as SubjectPublicKeyInfo in DER."""

    kid: str
    public_key: bytes


class Bundle(msgspec.Struct, frozen=True):
    """X.509 authorities as DER certificates, and JWT authorities, of one trust domain. Bundles are never merged.

    `sequence` grows with every change of the contents; `refresh_hint` is in seconds.
    """

    trust_domain: TrustDomain
    x509: tuple[bytes, ...]
    jwt: tuple[JwtKey, ...]
    sequence: int = 0
    refresh_hint: int = REFRESH_HINT
