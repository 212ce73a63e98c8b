"""JWT-SVIDs, as JWT-SVID.md has them: signed, compact, short-lived, and for somebody."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeGuard

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from licet.identity.bundle import Bundle, JwtKey
from licet.identity.errors import MalformedError, RefusedError
from licet.identity.keys import UNREADABLE, KeyKind, PrivateKey
from licet.identity.spiffeid import SpiffeID, TrustDomain, parse

LONGEST = 16 * 1024
"""Characters of a token: proxies take no longer header."""
LEEWAY = 60
"""Seconds by which the clock of whoever issued may be ahead; an expired token is given none."""
_ALGORITHMS = {KeyKind.EC_P256: "ES256", KeyKind.EC_P384: "ES384"}
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_SUPPORTED = (*_RSA, *_CURVES.values())
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_HEADERS = frozenset({"alg", "kid", "typ"})
_JWS = jwt.PyJWS(_SUPPORTED)


def jwt_kind(kind: KeyKind) -> KeyKind:
    """The kind of the JWT key of a domain whose authorities are of this kind: itself, or P-256 for Ed25519 (2.1)."""
    return KeyKind.EC_P256 if kind is KeyKind.ED25519 else kind


def issue(
    spiffe_id: SpiffeID,
    audience: Sequence[str],
    now: datetime,
    lifetime: float,
    key: PrivateKey,
    kid: str,
    kind: KeyKind,
) -> str:
    """A JWT-SVID for this audience, from now for `lifetime` seconds; raises RefusedError and MalformedError."""
    if not spiffe_id.path:
        raise RefusedError(f"`{spiffe_id}` is the ID of no workload", "a path after the trust domain")
    if not audience or not all(audience):
        raise RefusedError("a token without an audience was asked for", "say whom it is for (JWT-SVID 3.2)")
    if lifetime < 1:
        raise RefusedError("a token of no lifetime was asked for", "one second or more")
    if jwt_kind(kind) is not kind or not kid:
        raise RefusedError(f"tokens are not signed with a key of kind `{kind.value}`", "an EC or RSA key with a name")
    issued = int(now.timestamp())
    claims = {"sub": str(spiffe_id), "aud": list(audience), "iat": issued, "exp": issued + int(lifetime)}
    token = jwt.encode(claims, key, _ALGORITHMS.get(kind, "RS256"), {"kid": kid})
    if len(token) > LONGEST:
        raise MalformedError(f"a token of {len(token)} characters", f"{LONGEST} at most: name fewer audiences")
    return token


def validate(
    token: str, audience: str, bundles: Mapping[TrustDomain, Bundle], now: datetime
) -> tuple[SpiffeID, dict[str, Any]]:
    """Whose token this is, with all its claims.

    Only the keys of the subject's own trust domain are tried. Raises MalformedError for what is no JWT-SVID, and
    RefusedError for one that is not valid here and now.
    """
    header, claims = _read(token)
    spiffe_id = _subject(claims)
    keys = _keys(spiffe_id.trust_domain, header.get("kid"), bundles)
    if not any(_signed(token, key, header["alg"]) for key in keys):
        raise RefusedError("the token is signed by no key of its trust domain", "fetch a new token")
    _check_time(claims, now)
    _check_audience(claims, audience)
    return spiffe_id, claims


def _read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(token) > LONGEST or not _COMPACT.fullmatch(token):
        raise MalformedError("the token is no JWS in compact form", f"three parts, {LONGEST} characters at most")
    try:
        parts = _JWS.decode_complete(token, options={"verify_signature": False})
        claims = msgspec.json.decode(parts["payload"])
    except (jwt.PyJWTError, msgspec.MsgspecError, ValueError, RecursionError):
        raise MalformedError("the token is unreadable", "a JWT-SVID (JWT-SVID 5.1)") from None
    header = parts["header"]
    if not isinstance(claims, dict):
        raise MalformedError("the token's claims are no object", "a JWT-SVID (JWT-SVID 3)")
    if header.get("alg") not in _SUPPORTED:
        raise MalformedError("the token's `alg` is not among those allowed", f"one of {', '.join(_SUPPORTED)}")
    if header.get("typ", "JWT") not in ("JWT", "JOSE"):
        raise MalformedError("the token is of another type", "`typ` is JWT or JOSE (JWT-SVID 2.3)")
    if not header.keys() <= _HEADERS or not isinstance(header.get("kid", ""), str):
        raise MalformedError("the token has headers that none may have", "`alg`, `kid` and `typ` (JWT-SVID 2)")
    return header, claims


def _subject(claims: dict[str, Any]) -> SpiffeID:
    subject = claims.get("sub")
    if not isinstance(subject, str):
        raise MalformedError("the token has no subject", "`sub` is a SPIFFE ID (JWT-SVID 3.1)")
    spiffe_id = parse(subject)
    if not spiffe_id.path:
        raise MalformedError(f"`{spiffe_id}` is the ID of no workload", "a path after the trust domain")
    return spiffe_id


def _keys(trust_domain: TrustDomain, kid: str | None, bundles: Mapping[TrustDomain, Bundle]) -> list[JwtKey]:
    if trust_domain not in bundles:
        raise RefusedError(f"trust domain `{trust_domain}` is not known here", "federate with it")
    keys = [key for key in bundles[trust_domain].jwt if key.kid and kid in (None, key.kid)]
    if not keys:
        raise RefusedError(f"trust domain `{trust_domain}` has no such key", "fetch a new token")
    return keys


def _signed(token: str, key: JwtKey, algorithm: str) -> bool:
    """The key says what algorithms it may be used with; the token only chooses among them (RFC 8725, 3.1)."""
    try:
        public_key = load_der_public_key(key.public_key)
        match public_key:
            case ec.EllipticCurvePublicKey():
                algorithms = [_CURVES.get(public_key.curve.name, "")]
            case rsa.RSAPublicKey() if public_key.key_size >= 2048:
                algorithms = [*_RSA]
            case _:
                return False
        if algorithm in algorithms:
            _JWS.decode(token, public_key, algorithms)
            return True
    except (jwt.PyJWTError, *UNREADABLE):
        return False
    return False


def _check_time(claims: dict[str, Any], now: datetime) -> None:
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    if not _number(expires) or not _number(begins):
        raise MalformedError("the token does not say when it is valid", "`exp` in seconds (JWT-SVID 3.3)")
    if now.timestamp() >= expires:
        raise RefusedError("the token has expired", "fetch a new token")
    if now.timestamp() + LEEWAY < begins:
        raise RefusedError("the token is not valid yet", "compare the clocks")


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_audience(claims: dict[str, Any], audience: str) -> None:
    told = claims.get("aud")
    named = [told] if isinstance(told, str) else told
    if not isinstance(named, list) or not named or not all(isinstance(each, str) for each in named):
        raise MalformedError("the token does not say whom it is for", "`aud` is a string or more (JWT-SVID 3.2)")
    if not audience or audience not in named:
        raise RefusedError("the token is for another audience", "ask for one for this audience")
