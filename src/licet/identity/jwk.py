"""Public keys as JSON Web Keys, as far as SPIFFE bundles hold them (RFC 7517, RFC 7518 section 6, RFC 8037)."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from licet.identity.errors import MalformedError
from licet.identity.keys import UNREADABLE, PublicKey

_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("Ed25519",)}
_READERS: dict[str, type[RSAAlgorithm | ECAlgorithm | OKPAlgorithm]] = {
    "RSA": RSAAlgorithm,
    "EC": ECAlgorithm,
    "OKP": OKPAlgorithm,
}
_SHORTEST_RSA, _LONGEST_RSA = 2048, 8192
_LONGEST_MEMBER = 1400
"""Characters: an RSA modulus of 8192 bits in base64 has 1366."""


def understood(key: PublicKeyTypes) -> PublicKey | None:
    """The key if it is of a kind and a size that identities may be signed with, by others if not by Licet itself."""
    match key:
        case RSAPublicKey():
            return key if _SHORTEST_RSA <= key.key_size <= _LONGEST_RSA else None
        case EllipticCurvePublicKey():
            return key if key.curve.name in ("secp256r1", "secp384r1", "secp521r1") else None
        case Ed25519PublicKey():
            return key
        case _:
            return None


def encode(key: PublicKey) -> dict[str, str]:
    """The members of the JWK that are the key itself, `kty` among them."""
    if isinstance(key, RSAPublicKey):
        written = RSAAlgorithm.to_jwk(key, as_dict=True)
    elif isinstance(key, EllipticCurvePublicKey):
        written = ECAlgorithm.to_jwk(key, as_dict=True)
    else:
        written = OKPAlgorithm.to_jwk(key, as_dict=True)
    return {name: written[name] for name in ("kty", *_MEMBERS[written["kty"]])}


def decode(written: Mapping[str, object]) -> PublicKey | None:
    """The public key of a JWK, None where its kind is not understood here; raises MalformedError.

    Only the members of a public key are looked at: a private key in a bundle is nobody's to use.
    """
    kind = written.get("kty")
    if not isinstance(kind, str) or kind not in _MEMBERS:
        return None
    members = {name: written.get(name) for name in _MEMBERS[kind]}
    if not all(isinstance(each, str) and len(each) <= _LONGEST_MEMBER for each in members.values()):
        raise MalformedError(f"a JWK of type `{kind}` lacks a key", f"it has {', '.join(members)}")
    if kind in _CURVES and members["crv"] not in _CURVES[kind]:
        return None
    try:
        key = _READERS[kind].from_jwk({"kty": kind, **members})
    except (InvalidKeyError, *UNREADABLE) as error:
        raise MalformedError(f"a JWK of type `{kind}` holds no key", "its numbers make no public key") from error
    assert isinstance(key, PublicKey), "made of the members of a public key alone"
    return understood(key)
