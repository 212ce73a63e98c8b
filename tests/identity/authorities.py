"""Trust domains made for tests, and certificates that are wrong in one way each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from licet.identity.bundle import Bundle, JwtKey
from licet.identity.certificate import intermediate, leaf, new_serial, root
from licet.identity.keys import KeyKind, PrivateKey, PublicKey, digest, generate, kind_of, spki
from licet.identity.spiffeid import TrustDomain
from licet.identity.token import jwt_kind

NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Authority(msgspec.Struct, frozen=True):
    """A root, an intermediate under it and a key for tokens, valid for a day around NOW."""

    trust_domain: TrustDomain
    root: x509.Certificate
    root_key: PrivateKey
    intermediate: x509.Certificate
    key: PrivateKey
    jwt_key: PrivateKey

    @classmethod
    def of(cls, name: str, kind: KeyKind = KeyKind.EC_P256) -> Authority:
        """A new one for this trust domain."""
        trust_domain = TrustDomain(name)
        root_key, key = generate(kind), generate(kind)
        top = root(trust_domain, root_key, NOW - DAY, NOW + DAY)
        under = intermediate(trust_domain, public(key), top, root_key, NOW - DAY, NOW + DAY)
        return cls(trust_domain, top, root_key, under, key, generate(jwt_kind(kind)))

    @property
    def bundle(self) -> Bundle:
        """What the others verify with."""
        return Bundle(self.trust_domain, (der(self.root),), (JwtKey("one", spki(public(self.jwt_key))),))

    def chain(self, path: str = "/shop", key: PrivateKey | None = None, dns_names: Sequence[str] = ()) -> list[bytes]:
        """A good SVID, valid for an hour after NOW, and its intermediate."""
        public_key = public(key or generate(KeyKind.EC_P256))
        member = self.trust_domain.member(path)
        args = (self.intermediate, self.key, NOW - timedelta(seconds=10), NOW + HOUR, new_serial(), dns_names)
        return [der(leaf(member, public_key, *args)), der(self.intermediate)]


def public(key: PrivateKey) -> PublicKey:
    """The public half."""
    return key.public_key()


def der(certificate: x509.Certificate) -> bytes:
    """The certificate's bytes."""
    return certificate.public_bytes(Encoding.DER)


def usage(**of: bool) -> x509.KeyUsage:
    """A keyUsage with these bits alone."""
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
        "encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: of.get(name, False) for name in names.split()})


def san(*uris: str) -> x509.SubjectAlternativeName:
    """Alternative names that are URIs."""
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])


def forged(
    issuer: x509.Certificate,
    issuer_key: PrivateKey,
    *extensions: tuple[x509.ExtensionType, bool],
    subject: x509.Name | None = None,
    public_key: PublicKey | None = None,
    not_before: datetime = NOW - HOUR,
    not_after: datetime = NOW + HOUR,
) -> x509.Certificate:
    """A certificate that says whatever somebody with the issuer's key wants it to say."""
    builder = x509.CertificateBuilder(
        issuer.subject,
        subject or x509.Name([]),
        public_key or public(generate(KeyKind.EC_P256)),
        new_serial(),
        not_before,
        not_after,
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(issuer_key, digest(kind_of(issuer_key.public_key())))
