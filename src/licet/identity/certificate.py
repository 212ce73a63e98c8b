"""X.509-SVIDs and the certificates of the authorities that sign them (X509-SVID.md)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from licet.diag.wording import instant
from licet.identity import path
from licet.identity.bundle import Bundle
from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.keys import KeyKind, PrivateKey, PublicKey, digest, kind_of, pin, supported
from licet.identity.spiffeid import SpiffeID, TrustDomain, parse

SIGNING = frozenset({KeyKind.EC_P256, KeyKind.EC_P384, KeyKind.ED25519})
"""Kinds of keys that authorities sign certificates with."""
_LEAST = timedelta(seconds=10)
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")


def root(
    trust_domain: TrustDomain, key: PrivateKey, not_before: datetime, not_after: datetime, serial: int | None = None
) -> x509.Certificate:
    """A self-signed authority of this trust domain, over at most one more authority."""
    number = serial or new_serial()
    name = _name(trust_domain, "root", number)
    builder = _authority(trust_domain, name, name, supported(key.public_key()), 1, number, not_before, not_after)
    return builder.sign(key, digest(_signing(key)))


def intermediate(
    trust_domain: TrustDomain,
    public_key: PublicKey,
    issuer_certificate: x509.Certificate,
    issuer_key: PrivateKey,
    not_before: datetime,
    not_after: datetime,
    serial: int | None = None,
) -> x509.Certificate:
    """An authority under a root, which signs leaves alone; raises RefusedError where it would outlive the root."""
    _fits(issuer_certificate, issuer_key, not_before, not_after)
    number = serial or new_serial()
    name = _name(trust_domain, "intermediate", number)
    builder = _authority(
        trust_domain, name, issuer_certificate.subject, public_key, 0, number, not_before, not_after
    ).add_extension(_identifier(issuer_certificate), critical=False)
    return builder.sign(issuer_key, digest(_signing(issuer_key)))


class LeafFactory:
    """Signs leaves for one issuer; what they have in common is made once."""

    def __init__(self, issuer_certificate: x509.Certificate, issuer_key: PrivateKey) -> None:
        _belongs(issuer_certificate, issuer_key)
        self._certificate = issuer_certificate
        self._not_after = issuer_certificate.not_valid_after_utc
        self._key = issuer_key
        self._digest = digest(_signing(issuer_key))
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        self._start = (
            x509.CertificateBuilder(issuer_certificate.subject, x509.Name([]))
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_identifier(issuer_certificate), critical=False)
        )

    def leaf(
        self,
        spiffe_id: SpiffeID,
        public_key: PublicKey,
        not_before: datetime,
        not_after: datetime,
        serial: int,
        dns_names: Sequence[str] = (),
    ) -> x509.Certificate:
        """An X509-SVID; raises RefusedError where it would outlive its issuer, or the ID is that of no workload."""
        if not spiffe_id.path:
            raise RefusedError(f"`{spiffe_id}` is the ID of no workload", "a path after the trust domain")
        _within(self._not_after, not_before, not_after)
        names = [x509.UniformResourceIdentifier(str(spiffe_id)), *(dns(name) for name in dns_names)]
        return (
            self._start.public_key(public_key)
            .serial_number(serial)
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .sign(self._key, self._digest)
        )


def leaf(
    spiffe_id: SpiffeID,
    public_key: PublicKey,
    issuer_certificate: x509.Certificate,
    issuer_key: PrivateKey,
    not_before: datetime,
    not_after: datetime,
    serial: int,
    dns_names: Sequence[str] = (),
) -> x509.Certificate:
    """One leaf; whoever signs many for an issuer keeps a `LeafFactory`."""
    factory = LeafFactory(issuer_certificate, issuer_key)
    return factory.leaf(spiffe_id, public_key, not_before, not_after, serial, dns_names)


def new_serial() -> int:
    """128 random bits, which is never 0 (RFC 5280, 4.1.2.2)."""
    return secrets.randbits(128) or new_serial()


def lifetime(now: datetime, wanted: float, backdate: float, issuer: x509.Certificate) -> tuple[datetime, datetime]:
    """From `backdate` seconds ago to `wanted` seconds from now, in whole seconds and inside the issuer's own lifetime.

    Raises UnavailableError where the issuer leaves less than 10 seconds of it, or less than was wanted if that is less.
    """
    now = now.astimezone(UTC).replace(microsecond=0)
    first, last = issuer.not_valid_before_utc, issuer.not_valid_after_utc
    not_before = max(now - timedelta(seconds=int(backdate)), first)
    not_after = min(now + timedelta(seconds=int(wanted)), last)
    if wanted < 1:
        raise MalformedError("a certificate of no lifetime was asked for", "one second or more")
    if now < first or not_after - now < min(_LEAST, timedelta(seconds=int(wanted))):
        raise UnavailableError(
            f"the issuer is valid from {instant(first)} to {instant(last)} and leaves no time for a certificate",
            "rotate the authority, and compare the clocks",
        )
    return not_before, not_after


def spiffe_id_of(certificate: x509.Certificate) -> SpiffeID:
    """The ID in a certificate: its only URI, in canonical form; raises MalformedError. Nothing else is checked."""
    names = path.extension(certificate, x509.SubjectAlternativeName)
    uris = names.value.get_values_for_type(x509.UniformResourceIdentifier) if names else []
    if len(uris) != 1:
        raise MalformedError(f"the certificate has {len(uris) or 'no'} URIs", "exactly one, which is its SPIFFE ID")
    spiffe_id = parse(uris[0])
    if str(spiffe_id) != uris[0]:
        raise MalformedError(f"`{uris[0][:200]}` is not in canonical form", f"`{spiffe_id}`")
    return spiffe_id


def verify(chain: Sequence[bytes], bundle_x509: Sequence[bytes], now: datetime) -> SpiffeID:
    """Whose X509-SVID this is.

    `chain` is in DER, the leaf first, each certificate signed by the one after it (RFC 8446, 4.4.2).
    `bundle_x509` are the authorities of the one trust domain that the ID has to be in, which the caller compares;
    `authenticate` does. Raises MalformedError for what is no X509-SVID, and RefusedError for one that these
    authorities do not vouch for at this moment.
    """
    certificates = path.read(chain)
    certificate = certificates[0]
    spiffe_id = spiffe_id_of(certificate)
    if not spiffe_id.path:
        raise MalformedError(f"`{spiffe_id}` is the ID of no workload", "a path after the trust domain")
    _check_leaf(certificate)
    path.validate(certificates, path.anchors(bundle_x509), now)
    return spiffe_id


def authenticate(chain: Sequence[bytes], bundles: Mapping[TrustDomain, Bundle], now: datetime) -> SpiffeID:
    """Whose X509-SVID this is, by the bundle of its own trust domain alone; raises as `verify` does."""
    trust_domain = spiffe_id_of(path.read(chain[:1])[0]).trust_domain
    if trust_domain not in bundles:
        raise RefusedError(f"trust domain `{trust_domain}` is not known here", "federate with it")
    return verify(chain, bundles[trust_domain].x509, now)


def _check_leaf(certificate: x509.Certificate) -> None:
    """X509-SVID.md 4 and 5.2."""
    constraints = path.extension(certificate, x509.BasicConstraints)
    usage = path.extension(certificate, x509.KeyUsage)
    extended = path.extension(certificate, x509.ExtendedKeyUsage)
    names = path.extension(certificate, x509.SubjectAlternativeName)
    if constraints and constraints.value.ca:
        raise RefusedError("the certificate is an authority's", "authorities never authenticate (X509-SVID 3.2)")
    if usage is None or not usage.critical or not usage.value.digital_signature:
        raise RefusedError("the certificate is not for signatures", "critical digitalSignature (X509-SVID 4.3)")
    if usage.value.key_cert_sign or usage.value.crl_sign:
        raise RefusedError("the certificate may sign certificates", "no keyCertSign and no cRLSign (X509-SVID 4.3)")
    if extended and not path.authenticates(extended.value):
        raise RefusedError("the certificate is not for both sides of TLS", "serverAuth and clientAuth (X509-SVID 4.4)")
    if not certificate.subject.rdns and not (names and names.critical):
        raise RefusedError("the certificate has no subject", "a critical subjectAltName (RFC 5280, 4.1.2.6)")


def _authority(
    trust_domain: TrustDomain,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: PublicKey,
    depth: int,
    serial: int,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(trust_domain.id)])
    return (
        x509.CertificateBuilder(issuer, subject, public_key, serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(name, critical=False)
    )


def _name(trust_domain: TrustDomain, role: str, serial: int) -> x509.Name:
    """No two authorities share a name: a validator that looks for an issuer by name finds the one."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, trust_domain.name[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{role} {serial & 0xFFFFFFFFFFFFFFFF:016x}"),
        ]
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    subject = path.extension(issuer, x509.SubjectKeyIdentifier)
    if subject is None:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(supported(issuer.public_key()))
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject.value)


def _signing(key: PrivateKey) -> KeyKind:
    kind = kind_of(key.public_key())
    if kind not in SIGNING:
        raise RefusedError(f"an authority cannot sign with a key of kind `{kind.value}`", "ec-p256, ec-p384 or ed25519")
    return kind


def _fits(issuer: x509.Certificate, key: PrivateKey, not_before: datetime, not_after: datetime) -> None:
    _belongs(issuer, key)
    _within(issuer.not_valid_after_utc, not_before, not_after)


def _belongs(issuer: x509.Certificate, key: PrivateKey) -> None:
    if pin(supported(issuer.public_key())) != pin(supported(key.public_key())):
        raise IdentityError("the issuer's key does not belong to its certificate", "restore the database from a backup")


def _within(end: datetime, not_before: datetime, not_after: datetime) -> None:
    if not_before >= not_after:
        raise RefusedError("a certificate would end before it begins", "a lifetime of a second or more")
    if not_after.replace(microsecond=0) > end:
        raise RefusedError(
            f"a certificate would outlive its issuer, which ends at {instant(end)}", "a shorter lifetime"
        )


def dns(name: str) -> x509.DNSName:
    """The DNS name as it stands in a certificate, of which the first label may be `*`; raises MalformedError."""
    if len(name) > 253 or not _DNS_NAME.fullmatch(name):
        raise MalformedError(f"`{name[:80]}` is no DNS name", "labels of `a-z`, `0-9` and `-`, with `.` between")
    return x509.DNSName(name)
