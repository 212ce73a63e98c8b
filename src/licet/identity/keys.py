"""Kinds of keys, and what follows from a kind: how it is made, told, pinned and signed with."""

from __future__ import annotations

import enum
import hashlib
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from licet.identity.errors import MalformedError

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

UNREADABLE = (
    ValueError,
    TypeError,
    InternalError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises while it reads bytes of strangers: InternalError for an Ed25519 key that is too long."""
_EXPONENT = 65537


class KeyKind(enum.Enum):
    """The keys that are worked with. RSA is for keys of JWTs and of workloads, never of an X.509 authority."""

    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"
    ED25519 = "ed25519"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"

    @property
    def curve(self) -> ec.EllipticCurve | None:
        """The curve of an ECDSA key."""
        match self:
            case KeyKind.EC_P256:
                return ec.SECP256R1()
            case KeyKind.EC_P384:
                return ec.SECP384R1()
            case _:
                return None

    @property
    def bits(self) -> int:
        """The length of an RSA key's modulus, 0 for other kinds."""
        return int(self.value[4:]) if self.value.startswith("rsa-") else 0


def generate(kind: KeyKind) -> PrivateKey:
    """A new key."""
    if kind.curve is not None:
        return ec.generate_private_key(kind.curve)
    if kind.bits:
        return rsa.generate_private_key(_EXPONENT, kind.bits)
    return ed25519.Ed25519PrivateKey.generate()


def kind_of(public_key: PublicKeyTypes) -> KeyKind:
    """The kind of this key; raises MalformedError for every key that is of none."""
    match public_key:
        case ec.EllipticCurvePublicKey():
            for kind in (KeyKind.EC_P256, KeyKind.EC_P384):
                if kind.curve is not None and kind.curve.name == public_key.curve.name:
                    return kind
        case ed25519.Ed25519PublicKey():
            return KeyKind.ED25519
        case rsa.RSAPublicKey():
            for kind in KeyKind:
                if kind.bits == public_key.key_size and public_key.public_numbers().e == _EXPONENT:
                    return kind
        case _:
            pass
    raise MalformedError("the key is of a kind that is not supported", f"one of {', '.join(k.value for k in KeyKind)}")


def digest(kind: KeyKind) -> hashes.SHA256 | hashes.SHA384 | None:
    """What a key of this kind signs with; None for Ed25519, which brings its own."""
    match kind:
        case KeyKind.EC_P384:
            return hashes.SHA384()
        case KeyKind.ED25519:
            return None
        case _:
            return hashes.SHA256()


def spki(public_key: PublicKey) -> bytes:
    """The key as SubjectPublicKeyInfo in DER."""
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def pin(public_key: PublicKey | bytes) -> str:
    """SHA-256 of the key's SubjectPublicKeyInfo, which may be given in DER, in hexadecimal."""
    return hashlib.sha256(public_key if isinstance(public_key, bytes) else spki(public_key)).hexdigest()


def read(public_key: bytes) -> PublicKey:
    """The key that stands here as SubjectPublicKeyInfo in DER; raises MalformedError, also for kinds not supported."""
    try:
        key = load_der_public_key(public_key)
    except UNREADABLE:
        raise MalformedError("a public key is unreadable", "SubjectPublicKeyInfo in DER") from None
    return supported(key)


def supported(public_key: PublicKeyTypes) -> PublicKey:
    """This key, where its kind is one of those worked with; raises MalformedError."""
    kind_of(public_key)
    assert isinstance(public_key, PublicKey)
    return public_key


def read_private(key: bytes) -> PrivateKey:
    """The key that stands here as unencrypted PKCS#8 in DER; raises MalformedError, which says nothing of the key."""
    try:
        private_key = load_der_private_key(key, None)
    except UNREADABLE:
        raise MalformedError("a private key is unreadable", "unencrypted PKCS#8 in DER") from None
    return supported_private(private_key)


def supported_private(private_key: PrivateKeyTypes) -> PrivateKey:
    """This key, where its kind is one of those worked with; raises MalformedError."""
    supported(private_key.public_key())
    assert isinstance(private_key, PrivateKey)
    return private_key


def write_private(key: PrivateKey) -> bytes:
    """The key as unencrypted PKCS#8 in DER."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
