"""Certification paths: RFC 5280, section 6, as far as X509-SVIDs need it, and refusing what goes beyond.

`cryptography`'s verifier knows the web's profile alone, which has no place for Ed25519.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from licet.diag.wording import instant
from licet.identity.errors import MalformedError, RefusedError
from licet.identity.keys import UNREADABLE

LONGEST = 16 * 1024
"""Bytes of one certificate."""
DEEPEST = 8
"""Certificates of one chain."""
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
_PROCESSED = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
    x509.NameConstraints,
    x509.SubjectKeyIdentifier,
    x509.AuthorityKeyIdentifier,
    x509.CertificatePolicies,
)


def read(chain: Sequence[bytes]) -> tuple[x509.Certificate, ...]:
    """The certificates of a chain, every part of which can be read; raises MalformedError."""
    if not 1 <= len(chain) <= DEEPEST:
        raise MalformedError(f"a chain of {len(chain)} certificates", f"1 to {DEEPEST}, the leaf first")
    return tuple(_certificate(der) for der in chain)


def anchors(bundle: Sequence[bytes]) -> tuple[x509.Certificate, ...]:
    """The certificates of a bundle. One that cannot be read vouches for nobody, and hinders none of the others."""
    readable = []
    for der in bundle:
        try:
            readable.append(_certificate(der))
        except MalformedError:
            continue
    return tuple(readable)


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> x509.Extension[_Extension] | None:
    """The certificate's extension of this kind."""
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def authenticates(usage: x509.ExtendedKeyUsage) -> bool:
    """Whether both sides of TLS are among these usages."""
    return {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH} <= set(usage)


def validate(
    chain: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate], now: datetime
) -> tuple[x509.Certificate, ...]:
    """The path from the leaf to one of the trusted certificates; raises RefusedError.

    Each certificate is signed by the next, and the path ends at the first that a trusted one signed: nothing is
    searched for, so that a long chain of a stranger's costs no more than its length.
    """
    path = [chain[0]]
    while (anchor := _issuer(path[-1], trusted)) is None:
        following = chain[len(path)] if len(path) < len(chain) else None
        if following is None or not _signed(path[-1], following):
            raise RefusedError("no trusted authority signed the certificate", "an X509-SVID of this trust domain")
        path.append(following)
    path.append(anchor)
    for depth, certificate in enumerate(path):
        _check(certificate, now)
        if depth:
            _check_authority(certificate, path[1:depth])
            if constraints := extension(certificate, x509.NameConstraints):
                for below in path[:depth]:
                    _check_names(below, constraints.value)
    return tuple(path)


def _certificate(der: bytes) -> x509.Certificate:
    if len(der) > LONGEST:
        raise MalformedError("a certificate is too long", f"{LONGEST} bytes at most")
    try:
        certificate = x509.load_der_x509_certificate(der)
        # Both are read when they are first asked for; after this they can be asked for without care.
        _ = certificate.extensions, certificate.subject, certificate.issuer, certificate.signature_hash_algorithm
        public_key = certificate.public_key()
    except UNREADABLE:
        raise MalformedError("a certificate is unreadable", "X.509 version 3 in DER (RFC 5280)") from None
    if certificate.version is not x509.Version.v3 or not 0 < certificate.serial_number < 1 << 160:
        raise MalformedError("a certificate is of an old version or has a bad serial", "version 3 (RFC 5280, 4.1.2)")
    match public_key:
        case ec.EllipticCurvePublicKey() if isinstance(public_key.curve, _CURVES):
            return certificate
        case rsa.RSAPublicKey() if 2048 <= public_key.key_size <= 8192:
            return certificate
        case ed25519.Ed25519PublicKey():
            return certificate
        case _:
            raise MalformedError(
                "a certificate's key is weak or of an unknown kind", "ECDSA, Ed25519, or RSA of 2048 bits and more"
            )


def _issuer(certificate: x509.Certificate, trusted: Sequence[x509.Certificate]) -> x509.Certificate | None:
    issuers = [each for each in trusted if _signed(certificate, each)]
    return max(issuers, key=lambda each: each.not_valid_after_utc, default=None)


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    hash_ = certificate.signature_hash_algorithm
    if certificate.issuer != issuer.subject or not (hash_ is None or isinstance(hash_, _HASHES)):
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _check(certificate: x509.Certificate, now: datetime) -> None:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        raise RefusedError(
            f"a certificate is valid from {instant(first)} to {instant(last)}, and not at {instant(now)}",
            "fetch a new one, and compare the clocks",
        )
    for each in certificate.extensions:
        if each.critical and not isinstance(each.value, _PROCESSED):
            raise RefusedError(
                f"critical extension `{each.oid.dotted_string}` is not understood",
                "leave it out (RFC 5280, 4.2)",
            )


def _check_authority(certificate: x509.Certificate, below: Sequence[x509.Certificate]) -> None:
    """RFC 5280, 6.1.4 (k) to (n): an authority, allowed to sign, at no greater depth than it may."""
    constraints = extension(certificate, x509.BasicConstraints)
    usage = extension(certificate, x509.KeyUsage)
    extended = extension(certificate, x509.ExtendedKeyUsage)
    if constraints is None or not constraints.value.ca:
        raise RefusedError("the certificate was signed by one that is no authority's", "basicConstraints with cA")
    if usage is None or not usage.value.key_cert_sign:
        raise RefusedError("the certificate was signed by one that may not sign", "keyUsage with keyCertSign")
    depth = sum(each.subject != each.issuer for each in below)
    if constraints.value.path_length is not None and depth > constraints.value.path_length:
        raise RefusedError("there are more authorities in the path than one of them allows", "see pathLenConstraint")
    if (
        extended
        and not authenticates(extended.value)
        and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in extended.value
    ):
        raise RefusedError(
            "an authority may not sign for both sides of TLS", "serverAuth and clientAuth, or no extKeyUsage"
        )


def _check_names(certificate: x509.Certificate, constraints: x509.NameConstraints) -> None:
    """RFC 5280, 4.2.1.10, for URIs and DNS names; a name of another kind that is constrained is refused."""
    alternative = extension(certificate, x509.SubjectAlternativeName)
    names: list[x509.GeneralName] = list(alternative.value) if alternative else []
    if certificate.subject.rdns:
        names.append(x509.DirectoryName(certificate.subject))
    for name in names:
        permitted = [each for each in constraints.permitted_subtrees or () if type(each) is type(name)]
        excluded = [each for each in constraints.excluded_subtrees or () if type(each) is type(name)]
        if permitted and not any(_covers(each, name, unknown=False) for each in permitted):
            raise RefusedError("a name is not among those that an authority may give", "see nameConstraints")
        if any(_covers(each, name, unknown=True) for each in excluded):
            raise RefusedError("a name is among those that an authority may not give", "see nameConstraints")


def _covers(constraint: x509.GeneralName, name: x509.GeneralName, *, unknown: bool) -> bool:
    """Whether the name is within the constraint; `unknown` where that cannot be told, so that it is refused."""
    match constraint, name:
        case x509.UniformResourceIdentifier(value=within), x509.UniformResourceIdentifier(value=uri):
            scheme, separator, rest = uri.partition("://")
            host = rest.partition("/")[0].lower()
            if not (scheme and separator and host) or not set(host) <= _HOST:
                return unknown
            return (
                host.endswith(within.lower()) and host != within.lower()
                if within[:1] == "."
                else host == within.lower()
            )
        case x509.DNSName(value=within), x509.DNSName(value=host):
            return f".{host.lower()}".endswith(f".{within.lower().lstrip('.')}") if within else True
        case _:
            return unknown
