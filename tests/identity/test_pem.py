"""Certificates and keys in PEM: what `cryptography` writes and reads."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from licet.identity import keys, pem
from licet.identity.errors import MalformedError
from licet.identity.keys import KeyKind
from tests.identity.authorities import Authority


@pytest.mark.parametrize("kind", [KeyKind.EC_P256, KeyKind.ED25519, KeyKind.RSA_2048])
def test_a_key_is_written_as_cryptography_writes_it(kind: KeyKind) -> None:
    key = keys.generate(kind)
    written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert pem.private_key(keys.write_private(key)) == written.decode()


def test_certificates_are_read_as_they_were_written_whatever_stands_between_them() -> None:
    chain = tuple(Authority.of("example.org").chain())
    key = pem.private_key(keys.write_private(keys.generate(KeyKind.EC_P256)))
    written = pem.certificates(chain)
    assert written.encode() == b"".join(
        x509.load_der_x509_certificate(each).public_bytes(Encoding.PEM) for each in chain
    )
    assert pem.read_certificates(f"{key}a comment\n{written}".encode()) == chain


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"a comment"]
)
def test_text_without_a_certificate_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedError) as refused:
        pem.read_certificates(text)
    assert refused.value.message == "there is no certificate in PEM"
