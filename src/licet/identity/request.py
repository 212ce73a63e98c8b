"""Certificate signing requests: PKCS#10, of which a key and at most one name are believed."""

from __future__ import annotations

from collections.abc import Set

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from licet.identity.errors import MalformedError, RefusedError
from licet.identity.keys import UNREADABLE, KeyKind, PrivateKey, PublicKey, digest, kind_of, supported
from licet.identity.spiffeid import SpiffeID, parse

LONGEST = 8192
"""Bytes of a request: one with an RSA key of 4096 bits and the longest ID has a quarter of it twice over."""
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


class Request(msgspec.Struct, frozen=True):
    """What counts of a request: the key, whose holder signed it, and the ID asked for, where there is one."""

    public_key: PublicKey
    kind: KeyKind
    spiffe_ids: tuple[SpiffeID, ...] = ()


def read(der: bytes, allowed: Set[KeyKind]) -> Request:
    """What this request asks for; raises MalformedError, or RefusedError for what nobody is given.

    Subject, attributes and extensions other than the subject's alternative name and the basic constraints count for
    nothing: what a certificate says is decided where it is issued.
    """
    if len(der) > LONGEST:
        raise MalformedError("the certificate request is too long", f"{LONGEST} bytes at most")
    try:
        request = x509.load_der_x509_csr(der)
        public_key, hash_ = request.public_key(), request.signature_hash_algorithm
        extensions = request.extensions
    except UNREADABLE:
        raise MalformedError("the certificate request is unreadable", "PKCS#10 in DER (RFC 2986)") from None
    kind = kind_of(public_key)
    if kind not in allowed:
        names = ", ".join(sorted(each.value for each in allowed))
        raise RefusedError(f"certificates are not issued for keys of kind `{kind.value}`", f"one of {names}")
    if hash_ is not None and not isinstance(hash_, _HASHES):
        raise RefusedError(f"the certificate request is signed with {hash_.name}", "SHA-256, SHA-384 or SHA-512")
    try:
        signed = request.is_signature_valid
    except UNREADABLE:
        signed = False
    if not signed:
        raise RefusedError("the certificate request is not signed by the key in it", "sign it with that key")
    return Request(supported(public_key), kind, _names(extensions))


def make(key: PrivateKey, spiffe_id: SpiffeID) -> bytes:
    """A request in DER for this key and this ID."""
    name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(str(spiffe_id))])
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(name, critical=True)
    return builder.sign(key, digest(kind_of(key.public_key()))).public_bytes(Encoding.DER)


def _names(extensions: x509.Extensions) -> tuple[SpiffeID, ...]:
    names: tuple[SpiffeID, ...] = ()
    for extension in extensions:
        match extension.value:
            case x509.BasicConstraints(ca=True):
                raise RefusedError("a certificate authority was asked for", "authorities are made by the server alone")
            case x509.SubjectAlternativeName() as alternative:
                uris = alternative.get_values_for_type(x509.UniformResourceIdentifier)
                names = tuple(parse(uri) for uri in uris)
            case _:
                pass
    if len(names) > 1:
        raise MalformedError("the certificate request has more than one URI", "one SPIFFE ID, or none")
    return names
