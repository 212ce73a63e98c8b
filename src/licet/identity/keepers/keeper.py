"""What keeps private keys of authorities: the database, a token, or a program of one's own."""

from __future__ import annotations

import secrets
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from licet.identity.errors import IdentityError
from licet.identity.keys import KeyKind, PrivateKey, PublicKey, digest, kind_of, pin


class Kept(msgspec.Struct, frozen=True):
    """A key that a keeper made: what it will find it by, which holds no secret in the clear, and its public half."""

    handle: bytes
    public_key: PublicKey


class Keeper(Protocol):
    """Keeps private keys. A label says what a key is for, and is asked for again when it is loaded.

    Every call raises IdentityError where the keeper does not answer or answers wrongly.
    """

    @property
    def name(self) -> str:
        """What the database remembers this keeper by."""

    def generate(self, kind: KeyKind, label: str) -> Kept:
        """A new key, which signs before it is handed out."""

    def load(self, handle: bytes, label: str) -> PrivateKey:
        """The key behind this handle, proven to be the one whose public half was handed out with it."""

    def destroy(self, handle: bytes) -> None:
        """Have the key gone for good; a key that is gone already is no error."""


def verify(public_key: PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether this is a signature of the data, made as keys of this kind sign (`keys.digest`)."""
    hash_ = digest(kind_of(public_key))
    try:
        match public_key:
            case ed25519.Ed25519PublicKey():
                public_key.verify(signature, data)
            case ec.EllipticCurvePublicKey() if hash_ is not None:
                public_key.verify(signature, data, ec.ECDSA(hash_))
            case rsa.RSAPublicKey() if hash_ is not None:
                public_key.verify(signature, data, padding.PKCS1v15(), hash_)
            case _:
                return False
    except InvalidSignature:
        return False
    return True


def sign(key: PrivateKey, data: bytes) -> bytes:
    """A signature as `verify` expects it."""
    hash_ = digest(kind_of(key.public_key()))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    assert hash_ is not None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hash_))
    return key.sign(data, padding.PKCS1v15(), hash_)


def proven(key: PrivateKey, public_key: PublicKey | None = None) -> PrivateKey:
    """This key, once it has signed what its public half verifies, which is `public_key` where that is known."""
    own = key.public_key()
    if public_key is not None and pin(own) != pin(public_key):
        raise IdentityError("a private key does not belong to its public key", "restore the database from a backup")
    probe = b"licet probe " + secrets.token_bytes(32)
    if not verify(own, sign(key, probe), probe):
        raise IdentityError("a private key does not sign for its public key", "restore the database from a backup")
    return key
