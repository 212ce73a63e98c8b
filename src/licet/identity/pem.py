"""Certificates and private keys as PEM (RFC 7468), for whatever reads files or text."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from licet.identity.errors import MalformedError
from licet.identity.keys import UNREADABLE, supported_private, write_private

_WIDTH = 64


def certificates(chain: Iterable[bytes]) -> str:
    """DER certificates, one after the other."""
    return "".join(map(ssl.DER_cert_to_PEM_cert, chain))


def private_key(key: bytes) -> str:
    """A key, unencrypted PKCS#8 in DER, which is not looked into."""
    text = base64.b64encode(key).decode()
    lines = "\n".join(text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH))
    return f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n"


def read_certificates(text: bytes) -> tuple[bytes, ...]:
    """The certificates in this text, one at least, as DER; raises MalformedError. Other blocks are passed over."""
    try:
        return tuple(each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(text))
    except UNREADABLE:
        raise MalformedError("there is no certificate in PEM", "`-----BEGIN CERTIFICATE-----`") from None


def read_private_key(text: bytes) -> bytes:
    """The first key in this text, as unencrypted PKCS#8 in DER; raises MalformedError, which tells nothing of it."""
    try:
        key = load_pem_private_key(text, None)
    except UNREADABLE:
        raise MalformedError("there is no private key in PEM", "`-----BEGIN PRIVATE KEY-----`") from None
    return write_private(supported_private(key))
