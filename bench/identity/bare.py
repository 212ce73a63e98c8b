"""The baselines: a certificate and nothing around it, by the same library that Licet signs with."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_HOUR = datetime.timedelta(hours=1)
_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_BOTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


class Bare:
    """Signs what it is asked to: the request loaded and verified, a leaf built and signed, and nothing kept of it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
        self._above = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())

    def issue(self, request: bytes, name: str) -> bytes:
        """A leaf like Licet's, in DER."""
        wanted = x509.load_der_x509_csr(request)
        if not wanted.is_signature_valid:
            raise ValueError("the request is not signed by its key")
        public_key = wanted.public_key()
        assert isinstance(public_key, ec.EllipticCurvePublicKey)
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder(self._name, x509.Name([]), public_key, x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + _HOUR)
            .add_extension(_USAGE, critical=True)
            .add_extension(_BOTH, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(self._above, critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name)]), critical=True)
            .sign(self._key, hashes.SHA256())
            .public_bytes(Encoding.DER)
        )


def sign_and_verify(times: int) -> None:
    """So many ECDSA P-256 signatures, each made and verified: the least that an issuance can be."""
    key = ec.generate_private_key(ec.SECP256R1())
    public_key = key.public_key()
    how = ec.ECDSA(hashes.SHA256())
    for number in range(times):
        said = number.to_bytes(8)
        public_key.verify(key.sign(said, how), said, how)
