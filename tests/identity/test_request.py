"""Certificate requests: whoever asks holds the key, and nothing else that is asked for is given."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AttributeOID, NameOID

from licet.identity import request
from licet.identity.errors import IdentityError, MalformedError, RefusedError
from licet.identity.keys import KeyKind, generate, pin, spki
from licet.identity.spiffeid import SpiffeID, TrustDomain
from tests.identity.authorities import public, san, usage

ALL = frozenset(KeyKind)
SHOP = SpiffeID(TrustDomain("example.org"), "/shop")
KEY = generate(KeyKind.EC_P256)


def asked(*extensions: tuple[x509.ExtensionType, bool], subject: str = "") -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)] if subject else [])
    builder = x509.CertificateSigningRequestBuilder(name)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("kind", KeyKind)
def test_what_is_made_is_read(kind: KeyKind) -> None:
    key = generate(kind)
    read = request.read(request.make(key, SHOP), ALL)
    assert (pin(read.public_key), read.kind, read.spiffe_ids) == (pin(public(key)), kind, (SHOP,))


def test_a_kind_that_is_not_allowed_is_refused() -> None:
    der = request.make(generate(KeyKind.RSA_2048), SHOP)
    with pytest.raises(RefusedError, match=r"`rsa-2048`: one of ec-p256, ed25519"):
        request.read(der, frozenset({KeyKind.EC_P256, KeyKind.ED25519}))


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256K1()),
        ec.generate_private_key(ec.SECP521R1()),
        rsa.generate_private_key(65537, 1024),
        rsa.generate_private_key(3, 2048),
    ],
    ids=["secp256k1", "secp521r1", "rsa-1024", "exponent-3"],
)
def test_a_kind_that_is_not_known_is_refused(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    der = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    with pytest.raises(MalformedError, match="of a kind that is not supported"):
        request.read(der, ALL)


def test_a_swapped_key_is_noticed() -> None:
    """Otherwise somebody could have a certificate made for the key of another."""
    der, other = request.make(KEY, SHOP), generate(KeyKind.EC_P256)
    swapped = der.replace(spki(public(KEY)), spki(public(other)))
    assert swapped != der
    with pytest.raises(RefusedError, match="not signed by the key in it"):
        request.read(swapped, ALL)


def test_a_changed_name_is_noticed() -> None:
    der = request.make(KEY, SHOP).replace(b"spiffe://example.org/shop", b"spiffe://example.org/bank")
    with pytest.raises(RefusedError, match="not signed by the key in it"):
        request.read(der, ALL)


def test_an_authority_is_not_asked_for() -> None:
    with pytest.raises(RefusedError, match="a certificate authority was asked for"):
        request.read(asked((x509.BasicConstraints(ca=True, path_length=None), True)), ALL)


def test_two_ids_are_too_many() -> None:
    with pytest.raises(MalformedError, match="more than one URI"):
        request.read(asked((san("spiffe://example.org/shop", "spiffe://example.org/bank"), True)), ALL)


@pytest.mark.parametrize("uri", ["https://example.org", "spiffe://Example.org/shop", "spiffe://example.org/a%20b", ""])
def test_a_uri_is_an_id(uri: str) -> None:
    with pytest.raises(MalformedError):
        request.read(asked((san(uri), True)), ALL)


def test_everything_else_counts_for_nothing() -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("bank.example.org"), x509.RFC822Name("root@example.org")])
    signs = (usage(key_cert_sign=True), True)
    read = request.read(asked((names, True), signs, (x509.BasicConstraints(False, None), True), subject="bank"), ALL)
    assert (pin(read.public_key), read.spiffe_ids) == (pin(public(KEY)), ())
    secret = x509.CertificateSigningRequestBuilder(x509.Name([])).add_attribute(AttributeOID.CHALLENGE_PASSWORD, b"x")
    assert request.read(secret.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER), ALL).spiffe_ids == ()


def test_a_request_is_one_request() -> None:
    der = request.make(KEY, SHOP)
    for other in (der + b"\x00", der[:-1], der + der, b"", b"\x30\x80\x00\x00", der.hex().encode()):
        with pytest.raises(MalformedError, match="unreadable"):
            request.read(other, ALL)


def test_a_request_has_an_end() -> None:
    with pytest.raises(MalformedError, match="too long"):
        request.read(bytes(request.LONGEST + 1), ALL)


def test_the_longest_good_request_is_short_enough() -> None:
    longest = SpiffeID(TrustDomain("example.org"), "/" + "a" * (2048 - len("spiffe://example.org/")))
    der = request.make(generate(KeyKind.RSA_4096), longest)
    assert request.read(der, ALL).spiffe_ids == (longest,)


@pytest.mark.parametrize(
    "other", ["06032b6570", "06092a864886f70d01010b0500"], ids=["ed25519", "sha256WithRSAEncryption"]
)
def test_a_signature_that_cannot_be_one_of_this_key_is_none(other: str) -> None:
    der = request.make(KEY, SHOP)
    algorithm = bytes.fromhex(other)
    found = bytes.fromhex("300a06082a8648ce3d040302")
    assert der.count(found) == 1
    body = der[3:].replace(found, bytes([0x30, len(algorithm)]) + algorithm)
    with pytest.raises(IdentityError, match=r"not signed by the key in it|unreadable"):
        request.read(b"\x30\x81" + bytes([len(body)]) + body, ALL)


def test_an_outdated_digest_is_refused() -> None:
    """A signature with SHA-1 proves no possession any more."""
    der = request.make(KEY, SHOP)
    assert der[:2] == b"\x30\x81"
    sha256, sha1 = bytes.fromhex("300a06082a8648ce3d040302"), bytes.fromhex("300906072a8648ce3d0401")
    assert der.count(sha256) == 1
    body = der[3:].replace(sha256, sha1)
    with pytest.raises(RefusedError, match="signed with sha1"):
        request.read(b"\x30\x81" + bytes([len(body)]) + body, ALL)
