"""Certificates for the tests of federation, made as others would make them: with `cryptography` alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from licet.identity.bundle import Bundle, JwtKey
from licet.identity.spiffeid import TrustDomain

WEB_NAMES = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
_BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


class Pair:
    """A certificate and its key."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate = certificate
        self.key = key

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_der(self) -> bytes:
        """The key as PKCS#8 in DER."""
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    @property
    def key_pem(self) -> bytes:
        """The key as PKCS#8 in PEM."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def write(self, folder: Path) -> tuple[Path, Path]:
        """The two as PEM files."""
        certificate, key = folder / "tls.crt", folder / "tls.key"
        certificate.write_bytes(self.pem)
        key.write_bytes(self.key_pem)
        return certificate, key


class Authority(Pair):
    """A self-signed CA that signs what it is told to, right or wrong."""

    def __init__(self, *uris: str, ca: bool = True, usage: bool = True) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ca of {uris}")])
        builder = _builder(name, name, key, timedelta(days=1)).add_extension(
            x509.BasicConstraints(ca=ca, path_length=None), critical=True
        )
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        if usage:
            builder = builder.add_extension(key_usage(key_cert_sign=True), critical=True)
        if uris:
            names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(each) for each in uris])
            builder = builder.add_extension(names, critical=False)
        super().__init__(builder.sign(key, hashes.SHA256()), key)

    def leaf(
        self,
        *names: x509.GeneralName,
        ca: bool = False,
        usage: x509.KeyUsage | None = None,
        age: timedelta = timedelta(),
        extended: Sequence[x509.ObjectIdentifier] = _BOTH,
    ) -> Pair:
        """A certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(x509.Name([]), self.certificate.subject, key, timedelta(hours=1), age)
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(usage or key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage(extended), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return Pair(certificate, key)

    def svid(self, spiffe_id: str) -> Pair:
        """An X509-SVID."""
        return self.leaf(x509.UniformResourceIdentifier(spiffe_id))


def key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
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


def jwt_key(kid: str = "first") -> JwtKey:
    public_key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return JwtKey(kid, public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def bundle(trust_domain: str, *authorities: Authority, sequence: int = 1, hint: int = 300) -> Bundle:
    """A bundle of these authorities, without keys for JWTs."""
    return Bundle(TrustDomain(trust_domain), tuple(each.der for each in authorities), (), sequence, hint)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    lifetime: timedelta,
    age: timedelta = timedelta(),
) -> x509.CertificateBuilder:
    start = datetime.now(UTC) - timedelta(minutes=1) - age
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lifetime)
    )
