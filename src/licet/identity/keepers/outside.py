"""Private keys that never come here: something outside is asked for each signature, and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from licet.identity.errors import IdentityError, RefusedError
from licet.identity.keepers.keeper import verify
from licet.identity.keys import KeyKind, PublicKey, digest, kind_of

OutsideKey: TypeAlias = "OutsideEllipticKey | OutsideEdwardsKey"
Signer: TypeAlias = Callable[[bytes], bytes]
"""Signs: for ECDSA it is given the digest and returns DER, for Ed25519 it is given the message."""
KINDS = frozenset({KeyKind.EC_P256, KeyKind.EC_P384, KeyKind.ED25519})


def outside(public_key: PublicKey, signer: Signer) -> OutsideKey:
    """A private key that `cryptography`'s builders and PyJWT sign with as with any other."""
    match public_key:
        case ec.EllipticCurvePublicKey():
            return OutsideEllipticKey(public_key, signer)
        case ed25519.Ed25519PublicKey():
            return OutsideEdwardsKey(public_key, signer)
        case _:
            raise RefusedError("an outside key cannot be an RSA key", "ec-p256, ec-p384 or ed25519")


class OutsideEllipticKey(ec.EllipticCurvePrivateKey):
    """An ECDSA key; it signs with the digest that goes with its curve."""

    def __init__(self, public_key: ec.EllipticCurvePublicKey, signer: Signer) -> None:
        self._public_key = public_key
        self._signer = signer
        self._digest = digest(kind_of(public_key))

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self._public_key

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve of both halves."""
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        """Bits of the curve."""
        return self._public_key.key_size

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """A signature in DER that the public half verifies; raises IdentityError where the outside gives none."""
        wanted = signature_algorithm.algorithm
        if self._digest is None or isinstance(wanted, Prehashed) or wanted.name != self._digest.name:
            raise RefusedError("an outside key signs with its curve's digest alone", "SHA-256 for P-256, or SHA-384")
        message = bytes(data)
        hasher = hashes.Hash(self._digest)
        hasher.update(message)
        return _checked(self._public_key, self._signer(hasher.finalize()), message)

    def exchange(self, *_: object, **__: object) -> NoReturn:
        """Never: the key is for signatures."""
        raise _kept_away()

    def private_numbers(self) -> NoReturn:
        """Never: they are outside."""
        raise _kept_away()

    def private_bytes(self, *_: object, **__: object) -> NoReturn:
        """Never: they are outside."""
        raise _kept_away()

    def __copy__(self) -> OutsideEllipticKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> OutsideEllipticKey:
        return self


class OutsideEdwardsKey(ed25519.Ed25519PrivateKey):
    """An Ed25519 key."""

    def __init__(self, public_key: ed25519.Ed25519PublicKey, signer: Signer) -> None:
        self._public_key = public_key
        self._signer = signer

    def public_key(self) -> ed25519.Ed25519PublicKey:
        """The public half."""
        return self._public_key

    def sign(self, data: Any) -> bytes:
        """A signature that the public half verifies; raises IdentityError where the outside gives none."""
        message = bytes(data)
        return _checked(self._public_key, self._signer(message), message)

    def private_bytes(self, *_: object, **__: object) -> NoReturn:
        """Never: they are outside."""
        raise _kept_away()

    def private_bytes_raw(self) -> NoReturn:
        """Never: they are outside."""
        raise _kept_away()

    def __copy__(self) -> OutsideEdwardsKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> OutsideEdwardsKey:
        return self


def _checked(public_key: PublicKey, signature: bytes, message: bytes) -> bytes:
    if not verify(public_key, signature, message):
        raise IdentityError("an outside key gave a signature that is not its own", "see the keeper's own log")
    return signature


def _kept_away() -> IdentityError:
    return RefusedError("the private key is kept outside", "nothing but signatures comes from there")
