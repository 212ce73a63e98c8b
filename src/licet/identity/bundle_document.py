"""Bundles as documents: JWK Sets, as SPIFFE_Trust_Domain_and_Bundle.md section 4 has them.

A document is taken whole or not at all. What a reader does not understand is passed over, as the specification asks;
what is understood and contradicts itself refuses the document, so that the last good bundle stays.
"""

from __future__ import annotations

import base64
import binascii
import warnings
from collections.abc import Iterable
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from licet.identity import jwk
from licet.identity.bundle import REFRESH_HINT, Bundle, JwtKey
from licet.identity.errors import MalformedError
from licet.identity.keys import UNREADABLE, spki
from licet.identity.spiffeid import TrustDomain

LONGEST = 1 << 20
"""Bytes of a document; longer ones are refused unread."""
_MOST_KEYS = 1000
_LONGEST_KID = 1024
_LARGEST = (1 << 64) - 1
_X509, _JWT = "x509-svid", "jwt-svid"


class _Set(msgspec.Struct):
    keys: list[dict[str, msgspec.Raw]]
    spiffe_sequence: int = 0
    spiffe_refresh_hint: int = REFRESH_HINT


def encode(bundle: Bundle) -> bytes:
    """The document of this bundle, in UTF-8; the same bytes for the same bundle.

    A bundle without a sequence, which counts from 1, is written without one.
    """
    document: dict[str, object] = {"keys": [*map(_x509_entry, bundle.x509), *map(_jwt_entry, bundle.jwt)]}
    if bundle.sequence:
        document["spiffe_sequence"] = bundle.sequence
    document["spiffe_refresh_hint"] = bundle.refresh_hint
    return msgspec.json.encode(document)


def encode_jwt(bundle: Bundle) -> bytes:
    """The JWK Set of the keys for JWT-SVIDs alone (SPIFFE_Workload_API.md 6.2.2)."""
    return msgspec.json.encode({"keys": [_jwt_entry(each) for each in bundle.jwt]})


def decode(data: bytes, trust_domain: TrustDomain) -> Bundle:
    """The bundle that a document holds, for the domain that it is known to be of; raises MalformedError.

    An empty one is valid: whoever publishes it has revoked everything. A certificate that names another trust domain
    refuses the document, since a domain never vouches for another's names.
    """
    if len(data) > LONGEST:
        raise MalformedError("a bundle is too long", f"{LONGEST} bytes at most")
    try:
        document = msgspec.json.decode(data, type=_Set)
        entries = [_known(each) for each in document.keys[: _MOST_KEYS + 1]]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else ascii(str(error))[1:-1]
        raise MalformedError("a bundle is no JWK Set", reason) from error
    if len(entries) > _MOST_KEYS:
        raise MalformedError("a bundle has too many keys", f"{_MOST_KEYS} at most")
    for name, value in (
        ("spiffe_sequence", document.spiffe_sequence),
        ("spiffe_refresh_hint", document.spiffe_refresh_hint),
    ):
        if not 0 <= value <= _LARGEST:
            raise MalformedError(f"`{name}` of a bundle is out of bounds", "an integer of 64 bits, not negative")
    # What is read with a warning, such as a negative serial, breaks a rule: it is refused, and nothing is printed.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        authorities = _authorities(entries, trust_domain)
    return Bundle(
        trust_domain,
        authorities,
        _jwt_keys(entries),
        document.spiffe_sequence,
        document.spiffe_refresh_hint,
    )


_Entry = dict[str, object]


def _known(entry: dict[str, msgspec.Raw]) -> _Entry:
    """The members that anybody here looks at, so that no other can be too deep or too large."""
    return {
        name: msgspec.json.decode(entry[name])
        for name in ("kty", "use", "kid", "x5c", "crv", "n", "e", "x", "y")
        if name in entry
    }


def _x509_entry(der: bytes) -> _Entry:
    key = jwk.understood(x509.load_der_x509_certificate(der).public_key())
    assert key is not None, "an authority has a key that can be verified with"
    return {**jwk.encode(key), "use": _X509, "x5c": [base64.b64encode(der).decode()]}


def _jwt_entry(entry: JwtKey) -> _Entry:
    key = jwk.understood(load_der_public_key(entry.public_key))
    assert key is not None, "an authority has a key that can be verified with"
    return {**jwk.encode(key), "use": _JWT, "kid": entry.kid}


def _authorities(entries: Iterable[_Entry], trust_domain: TrustDomain) -> tuple[bytes, ...]:
    found: dict[bytes, None] = {}
    for entry in entries:
        chain = entry.get("x5c")
        # An entry without certificate is ignored, and of several the first alone counts (X509-SVID.md 6.2).
        if entry.get("use") != _X509 or not chain or (key := jwk.decode(entry)) is None:
            continue
        if not isinstance(chain, list) or not isinstance(chain[0], str):
            raise MalformedError("`x5c` of a bundle holds no certificate", "a list of strings in base64")
        certificate = _certificate(chain[0])
        if certificate.public_key() != key:
            raise MalformedError("a key of a bundle differs from its certificate's", "both are of one authority")
        _check_authority(certificate, trust_domain)
        found[certificate.public_bytes(Encoding.DER)] = None
    return tuple(found)


def _certificate(text: str) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
        certificate.public_key()
    except (binascii.Error, Warning, *UNREADABLE) as error:
        raise MalformedError("`x5c` of a bundle holds no certificate", "DER in standard base64") from error
    return certificate


def _check_authority(certificate: x509.Certificate, trust_domain: TrustDomain) -> None:
    """Only signing certificates, and only those that name nobody else (X509-SVID.md 3.2, 4.1, 4.3)."""
    constraints: x509.BasicConstraints | None = None
    usage: x509.KeyUsage | None = None
    uris: list[str] = []
    try:
        for extension in certificate.extensions:
            match extension.value:
                case x509.BasicConstraints():
                    constraints = extension.value
                case x509.KeyUsage():
                    usage = extension.value
                case x509.SubjectAlternativeName():
                    uris = extension.value.get_values_for_type(x509.UniformResourceIdentifier)
    except (Warning, *UNREADABLE) as error:
        raise MalformedError("a certificate of a bundle cannot be read", "its extensions are damaged") from error
    if constraints is None or not constraints.ca or (usage is not None and not usage.key_cert_sign):
        raise MalformedError("a certificate of a bundle is that of no CA", "a bundle holds signing certificates alone")
    if len(uris) > 1:
        raise MalformedError("a certificate of a bundle has several URIs", "one SPIFFE ID at most")
    for uri in uris:
        _check_name(uri, trust_domain)


def _check_name(uri: str, trust_domain: TrustDomain) -> None:
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise MalformedError("a certificate of a bundle has no valid URI", "one SPIFFE ID at most") from error
    if parts.scheme != "spiffe":
        return
    # The specification's own example of a CA has a slash after the trust domain, which IDs of today may not.
    if parts.netloc.lower() != trust_domain.name or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise MalformedError(
            f"an authority of `{trust_domain}` names `{ascii(uri[:200])[1:-1]}`",
            "a trust domain vouches for its own names alone, and its authorities have no path",
        )


def _jwt_keys(entries: Iterable[_Entry]) -> tuple[JwtKey, ...]:
    found: dict[str, JwtKey] = {}
    for entry in entries:
        # No algorithm of JWT-SVIDs is one of Ed25519 (JWT-SVID.md 2.1).
        if entry.get("use") != _JWT or (key := jwk.decode(entry)) is None or isinstance(key, Ed25519PublicKey):
            continue
        kid = entry.get("kid")
        if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID:
            raise MalformedError("a key for JWT-SVIDs has no `kid`", f"1 to {_LONGEST_KID} characters")
        if kid in found:
            raise MalformedError(f"two keys of a bundle are `{ascii(kid[:80])[1:-1]}`", "each `kid` names one key")
        found[kid] = JwtKey(kid, spki(key))
    return tuple(found.values())
