"""Signed questions: whoever asks over HTTP proves by its X509-SVID's key that it asks this, here, now, and once.

The signature is a JWS in compact form (RFC 7515) in a header of its own. Its `x5c` is the SVID; it says for whom it is,
when it was made, a nonce, the path that is asked, and the SHA-256 of the body. Something that was only borne along, as
a token is, could be shown again by whoever saw it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from licet.identity import certificate, path
from licet.identity.bundle import Bundle
from licet.identity.errors import MalformedError, RefusedError, UnavailableError
from licet.identity.keys import UNREADABLE, PrivateKey
from licet.identity.spiffeid import SpiffeID, TrustDomain
from licet.mesh.decision.nonces import Nonces

HEADER = "Licet-Signature"
TYPE = "licet-decision+jwt"
WINDOW = 60.0
"""Seconds that a signature is taken for after it was made."""
AHEAD = 5.0
"""Seconds by which the signer's clock may be ahead."""
_LONGEST = 24 * 1024
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_ALGORITHMS = (*_CURVES.values(), "PS256", "EdDSA")
_JWS = jwt.PyJWS(_ALGORITHMS)


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed; `sha256` is of the body, in base64url without padding, `iat` in seconds since the epoch."""

    aud: str
    iat: float
    nonce: str
    path: str
    sha256: str


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: str
    typ: str
    x5c: tuple[str, ...]


class Signatures:
    """Verifies signatures for `audience`, by `bundles()` and `clock()`, and takes none twice.

    Nothing that was signed before it began is taken, since who was seen before then is not known: for the first AHEAD
    seconds that is everything. `denied()` are SPIFFE IDs that are revoked. Each instance of the service has an audience
    of its own: what one has seen the others have not.
    """

    def __init__(
        self,
        audience: str,
        bundles: Callable[[], Mapping[TrustDomain, Bundle]],
        clock: Callable[[], datetime],
        denied: Callable[[], frozenset[str]],
        nonces: Nonces | None = None,
    ) -> None:
        self._audience = audience
        self._bundles = bundles
        self._clock = clock
        self._denied = denied
        self._nonces = Nonces() if nonces is None else nonces
        self._latest = self._began = clock().timestamp()

    def verify(self, text: str, target: str, body: bytes) -> SpiffeID:
        """Whose question this is; raises MalformedError, RefusedError, and UnavailableError where there is no room."""
        head, payload, signed = _read(text)
        now = self._clock()
        chain = _chain(head.x5c)
        signer = certificate.authenticate(chain, self._bundles(), now)
        _check(path.read(chain[:1])[0].public_key(), head.alg, signed)
        if str(signer) in self._denied():
            raise RefusedError(f"`{signer}` is revoked", "ask whoever administers the trust domain")
        claims = _claims(payload)
        if claims.aud != self._audience:
            raise RefusedError("the request is signed for another audience", f"`{self._audience}`")
        if claims.path != target or claims.sha256 != digest(body):
            raise RefusedError("the request is not the one that was signed", "sign what is sent, byte by byte")
        self._take(str(signer), claims, now.timestamp())
        return signer

    def _take(self, signer: str, claims: Claims, now: float) -> None:
        """A clock that goes back would have what was forgotten taken again: time stands still here until it is over."""
        self._latest = now = max(now, self._latest)
        if claims.iat > now + AHEAD:
            raise RefusedError("the request is signed for a time to come", "compare the clocks")
        if claims.iat < now - WINDOW:
            raise RefusedError("the request was signed too long ago", f"{WINDOW:g} seconds at most")
        if claims.iat < self._began + AHEAD:
            raise UnavailableError("what was signed so early is not taken", "sign it anew in some seconds")
        self._nonces.spend(signer, claims.nonce, claims.iat + WINDOW, now)


def sign(
    body: bytes, target: str, audience: str, chain: Sequence[bytes], key: PrivateKey, now: datetime, nonce: str = ""
) -> str:
    """The value of the header for a body that is sent to this path; the nonce is random where none is given."""
    claims = Claims(audience, now.timestamp(), nonce or secrets.token_urlsafe(24), target, digest(body))
    headers = {"typ": TYPE, "x5c": [base64.b64encode(each).decode() for each in chain]}
    return _JWS.encode(msgspec.json.encode(claims), key, _algorithm(key.public_key()), headers)


def digest(body: bytes) -> str:
    """The SHA-256 of a body as it is signed."""
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


def _read(text: str) -> tuple[_Head, bytes, str]:
    if len(text) > _LONGEST or not _COMPACT.fullmatch(text):
        raise MalformedError("the signature is no JWS in compact form", f"three parts, {_LONGEST} characters at most")
    first, second, _ = text.split(".")
    try:
        head, payload = msgspec.json.decode(_part(first), type=_Head), _part(second)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise MalformedError("the signature cannot be read", "a JWS with `alg`, `typ` and `x5c`") from None
    if head.typ != TYPE or head.alg not in _ALGORITHMS:
        raise MalformedError("the signature is of another kind", f"`{TYPE}`, with one of {', '.join(_ALGORITHMS)}")
    return head, payload, text


def _part(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _chain(encoded: Sequence[str]) -> tuple[bytes, ...]:
    try:
        return tuple(base64.b64decode(each, validate=True) for each in encoded)
    except (binascii.Error, ValueError):
        raise MalformedError("the certificates cannot be read", "`x5c` is of DER in base64, the leaf first") from None


def _algorithm(key: object) -> str:
    """The one algorithm that a key is used with, empty for a key that none is."""
    match key:
        case ec.EllipticCurvePublicKey():
            return _CURVES.get(key.curve.name, "")
        case rsa.RSAPublicKey() if key.key_size >= 2048:
            return "PS256"
        case ed25519.Ed25519PublicKey():
            return "EdDSA"
        case _:
            return ""


def _check(key: Any, algorithm: str, signed: str) -> None:
    """The key says what it is used with, and not the signature (RFC 8725, 3.1)."""
    try:
        if algorithm == _algorithm(key):
            _JWS.decode(signed, key, [algorithm])
            return
    except (jwt.PyJWTError, *UNREADABLE):
        pass
    raise RefusedError("the signature is not that of the certificate's key", "sign with the SVID's own key")


def _claims(payload: bytes) -> Claims:
    try:
        claims = msgspec.json.decode(payload, type=Claims)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise MalformedError("what is signed cannot be read", "`aud`, `iat`, `nonce`, `path` and `sha256`") from None
    if not _NONCE.fullmatch(claims.nonce):
        raise MalformedError("the nonce is none", "16 to 64 random letters, digits, `-` and `_`")
    return claims
