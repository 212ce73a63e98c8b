"""What somebody can do who has the database and the sealing key: take keys of authorities out, and sign with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from licet.app.identity.domain import opened
from licet.identity import certificate, keys, path, token
from licet.identity.authority import Authority, Kind
from licet.identity.keys import KeyKind, PrivateKey
from licet.identity.spiffeid import TrustDomain, parse
from tests.identity.drills.plane import DOMAIN, Plane, signing

_DAY = timedelta(days=1)
_YEARS = timedelta(days=3650)


class Signer(msgspec.Struct, frozen=True):
    """A key that signs certificates, and its certificate."""

    certificate: x509.Certificate
    key: PrivateKey


class Forged(msgspec.Struct, frozen=True):
    """A chain in PEM, the leaf first, and the key of the leaf."""

    chain: Path
    key: Path


class Loot(msgspec.Struct, frozen=True):
    """The keys that signed when they were stolen; `jwt` is the key of tokens."""

    root: Authority
    token: Authority
    by_root: Signer
    by_intermediate: Signer
    jwt: PrivateKey


def steal(plane: Plane) -> Loot:
    """The keys that sign now, as whoever can unseal the database gets them."""
    with opened(plane.place) as domain:
        state = domain.state()
        root, upper, jwt = (signing(state, kind) for kind in (Kind.ROOT, Kind.INTERMEDIATE, Kind.JWT))
        return Loot(
            root, jwt, _signer(root, domain.keyring.key(root)), _signer(upper, domain.keyring.key(upper)),
            domain.keyring.key(jwt),
        )  # fmt: skip


def stranger() -> Signer:
    """The root of another domain, which has the same name."""
    key, now = keys.generate(KeyKind.EC_P256), datetime.now(UTC)
    return Signer(certificate.root(TrustDomain(DOMAIN), key, now - _DAY, now + _YEARS), key)


def forge(signer: Signer, spiffe_id: str, folder: Path, *, ended: timedelta | None = None) -> Forged:
    """An identity of anybody's, for as long as the signer is valid; it may have ended some time ago.

    The key of a root makes an intermediate of its own first, which is in no database.
    """
    now = datetime.now(UTC)
    if root := signer.certificate.issuer == signer.certificate.subject:
        signer = _below(signer)
    key = keys.generate(KeyKind.EC_P256)
    begins, ends = now - _DAY, now - ended if ended else signer.certificate.not_valid_after_utc
    leaf = certificate.leaf(
        parse(spiffe_id),
        keys.supported(key.public_key()),
        signer.certificate,
        signer.key,
        begins,
        ends,
        certificate.new_serial(),
    )
    name = f"{'root' if root else 'intermediate'}-{leaf.serial_number:x}"
    chain, secret = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in (leaf, signer.certificate)))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Forged(chain, secret)


def forge_token(loot: Loot, spiffe_id: str, audience: str) -> str:
    """A JWT-SVID of anybody's, for years."""
    kid, kind = loot.token.id[:32], keys.kind_of(loot.jwt.public_key())
    return token.issue(parse(spiffe_id), [audience], datetime.now(UTC), _YEARS.total_seconds(), loot.jwt, kid, kind)


def _below(root: Signer) -> Signer:
    key = keys.generate(KeyKind.EC_P256)
    made = certificate.intermediate(
        TrustDomain(DOMAIN),
        keys.supported(key.public_key()),
        root.certificate,
        root.key,
        root.certificate.not_valid_before_utc,
        root.certificate.not_valid_after_utc,
    )
    return Signer(made, key)


def _signer(authority: Authority, key: PrivateKey) -> Signer:
    assert authority.certificate is not None
    return Signer(path.read([authority.certificate])[0], key)
