"""Keys: which there are, and what is none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from licet.identity import keys
from licet.identity.errors import MalformedError
from licet.identity.keys import KeyKind
from tests.identity.authorities import public


@pytest.mark.parametrize("kind", KeyKind)
def test_every_kind_is_told_again_after_it_was_written(kind: KeyKind) -> None:
    key = keys.generate(kind)
    again = keys.read_private(keys.write_private(key))
    assert keys.kind_of(again.public_key()) is kind
    assert keys.kind_of(keys.read(keys.spki(public(key)))) is kind
    assert keys.spki(public(again)) == keys.spki(public(key))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP256K1()).public_key(),
        lambda: ec.generate_private_key(ec.SECP521R1()).public_key(),
        lambda: rsa.generate_private_key(65537, 1024).public_key(),
        lambda: rsa.generate_private_key(3, 2048).public_key(),
        lambda: rsa.generate_private_key(65537, 2056).public_key(),
        lambda: dsa.generate_private_key(2048).public_key(),
        lambda: ed448.Ed448PrivateKey.generate().public_key(),
    ],
)
def test_other_kinds_are_refused(make: Callable[[], ec.EllipticCurvePublicKey]) -> None:
    other = make()
    with pytest.raises(MalformedError, match="of a kind that is not supported"):
        keys.kind_of(other)
    with pytest.raises(MalformedError, match="of a kind that is not supported"):
        keys.read(other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize("junk", [b"", b"\x30\x00", b"\x30\x80", bytes(200)])
def test_junk_is_no_key(junk: bytes) -> None:
    with pytest.raises(MalformedError, match="a public key is unreadable"):
        keys.read(junk)
    with pytest.raises(MalformedError, match="a private key is unreadable"):
        keys.read_private(junk)


def test_a_point_off_the_curve_is_no_key() -> None:
    whole = bytearray(keys.spki(public(keys.generate(KeyKind.EC_P256))))
    whole[-1] ^= 1
    with pytest.raises(MalformedError, match="a public key is unreadable"):
        keys.read(bytes(whole))


def test_a_pin_is_the_digest_of_the_whole_public_key_info() -> None:
    key = public(keys.generate(KeyKind.ED25519))
    assert keys.pin(key) == keys.pin(keys.spki(key)) == hashlib.sha256(keys.spki(key)).hexdigest()


def test_each_kind_signs_with_its_own_digest() -> None:
    assert {kind: type(keys.digest(kind)) for kind in KeyKind} == {
        KeyKind.EC_P256: hashes.SHA256,
        KeyKind.EC_P384: hashes.SHA384,
        KeyKind.ED25519: type(None),
        KeyKind.RSA_2048: hashes.SHA256,
        KeyKind.RSA_3072: hashes.SHA256,
        KeyKind.RSA_4096: hashes.SHA256,
    }
