"""Tokens, sealed boxes and handles of keys to mutate."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import jwt

from licet.identity import keys, token
from licet.identity.errors import IdentityError, MalformedError
from licet.identity.keepers.sealed import SealedKeeper
from licet.identity.keys import KeyKind, generate
from licet.identity.sealing import KeyFile, Seal, Stretching
from tests.identity.authorities import NOW, Authority, public

_OURS = Authority.of("example.org")
_BUNDLES = {_OURS.trust_domain: _OURS.bundle}
_SEAL = Seal(secrets.token_bytes(32), bytes(16), None)
_STRETCHED = Seal(secrets.token_bytes(32), bytes(16), Stretching())
_KEEPER = SealedKeeper(_SEAL)
_TOKEN = token.issue(_OURS.trust_domain.member("/shop"), ["bank"], NOW, 300, _OURS.jwt_key, "one", KeyKind.EC_P256)
_CLAIMS = (
    b'{"sub":"spiffe://example.org/shop","aud":["bank"],"exp":1780315500,"iat":1780315200}',
    b'{"sub":"spiffe://example.org/shop","aud":"bank","exp":1.8e9,"nbf":0,"x":{"y":[1,null,true,"z"]}}',
)
_HEADERS = (b'{"alg":"ES256","kid":"one","typ":"JWT"}', b'{"alg":"ES256"}')
_SPLIT = b"\n\n"


def _validate(data: bytes) -> object:
    """Nobody signed what was changed: it is refused, or it says what was issued."""
    spiffe_id, _ = token.validate(data.decode("latin-1"), "bank", _BUNDLES, NOW)
    assert str(spiffe_id) == "spiffe://example.org/shop", spiffe_id
    return spiffe_id


def _validate_signed(data: bytes) -> object:
    header, _, claims = data.partition(_SPLIT)
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, claims))
    signature = jwt.get_algorithm_by_name("ES256").sign(text, _OURS.jwt_key)
    whole = text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")
    return token.validate(whole.decode(), "bank", _BUNDLES, NOW)


def _open(data: bytes) -> object:
    plain = _SEAL.open(data, "key root")
    assert plain == b"a secret", plain
    return plain


def _describe(data: bytes) -> object:
    """With a key file that is not there, so that whatever can be read ends at that."""
    try:
        return Seal.reopen(data.decode("latin-1"), KeyFile(Path("/nonexistent/key")))
    except MalformedError:
        raise
    except IdentityError as refusal:
        return refusal


def _load(data: bytes) -> object:
    key = _KEEPER.load(data, "root")
    assert keys.pin(public(key)) == keys.pin(_KEPT.public_key)
    return key


def _read_private(data: bytes) -> object:
    return keys.read_private(data)


_KEPT = _KEEPER.generate(KeyKind.EC_P256, "root")
_PRIVATE = [keys.write_private(generate(kind)) for kind in (KeyKind.EC_P256, KeyKind.EC_P384, KeyKind.ED25519)]
_PUBLIC = [keys.spki(public(generate(kind))) for kind in (KeyKind.EC_P256, KeyKind.ED25519, KeyKind.RSA_2048)]
KINDS: dict[str, tuple[Sequence[bytes], Callable[[bytes], object]]] = {
    "token": ([_TOKEN.encode()], _validate),
    "token-signed": ([header + _SPLIT + claims for header in _HEADERS for claims in _CLAIMS], _validate_signed),
    "box": ([_SEAL.seal(b"a secret", "key root")], _open),
    "description": ([_SEAL.describe().encode(), _STRETCHED.describe().encode()], _describe),
    "handle": ([_KEPT.handle], _load),
    "private-key": (_PRIVATE, _read_private),
    "public-key": (_PUBLIC, keys.read),
}
