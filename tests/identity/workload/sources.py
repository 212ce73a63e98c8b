"""A source of views that a test holds in its hand, and an attestation by `SO_PEERCRED` alone."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from licet.identity.bundle import Bundle, JwtKey
from licet.identity.errors import IdentityError, RefusedError
from licet.identity.spiffeid import SpiffeID, TrustDomain
from licet.identity.svid import JwtSvid, View, X509Svid
from licet.identity.workload.source import Peer


class Authority:
    """A root that signs leaves and tokens."""

    def __init__(self, domain: str) -> None:
        self.domain = TrustDomain(domain)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.kid = f"{domain}-1"
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, domain)])
        now = datetime.now(UTC)
        self.certificate = (
            _certificate(name, name, self.key.public_key(), now, timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(_names(self.domain.id), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def bundle(self, sequence: int = 1) -> Bundle:
        """The bundle with this authority alone."""
        public = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return Bundle(
            self.domain, (self.certificate.public_bytes(Encoding.DER),), (JwtKey(self.kid, public),), sequence
        )

    def svid(
        self, path: str, hint: str = "", lifetime: timedelta = timedelta(hours=1), beside: tuple[str, ...] = ()
    ) -> X509Svid:
        """A new leaf with a new key; `beside` are names that it has no right to bear as well."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        identity = SpiffeID(self.domain, path)
        leaf = (
            _certificate(x509.Name([]), self.certificate.subject, key.public_key(), now, lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(_names(str(identity), *beside), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        return X509Svid(
            identity,
            (leaf.public_bytes(Encoding.DER),),
            key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
            serial=format(leaf.serial_number, "x"),
            issuer="",
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
            hint=hint,
        )

    def token(self, path: str, audience: tuple[str, ...], hint: str = "") -> JwtSvid:
        """A token for a day, however long the tests take."""
        identity = SpiffeID(self.domain, path)
        now = int(datetime.now(UTC).timestamp())
        claims = {"sub": str(identity), "aud": list(audience), "exp": now + 86400, "iat": now}
        return JwtSvid(identity, jwt.encode(claims, self.key, "ES256", {"kid": self.kid}), hint)


class Scripted:
    """A source that shows everyone the last view it was given, and tells when it changes."""

    def __init__(self, *, view: View | None = None, error: IdentityError | None = None) -> None:
        self.authority = Authority("example.org")
        self.paths: tuple[tuple[str, str], ...] = (("/myservice", ""),)
        self.error: Exception | None = error
        self.view = view or self.fresh()
        self.watching = 0
        self.taken: View | None = None
        self.asked: list[Peer] = []
        self._changed = asyncio.Event()

    def fresh(self, *foreign: Bundle, sequence: int = 1) -> View:
        """A view with new SVIDs."""
        svids = tuple(self.authority.svid(path, hint) for path, hint in self.paths)
        return View(svids, self.authority.bundle(sequence), {each.trust_domain: each for each in foreign})

    def heavy(self, bulk: bytes, sequence: int) -> View:
        """A view that takes long to send."""
        foreign = Bundle(TrustDomain("bulky.example"), (bulk,), (), sequence)
        return View(self.fresh().svids, self.view.own, {foreign.trust_domain: foreign})

    def show(self, view: View) -> None:
        """From now on everybody sees this."""
        self.view = view
        self._wake()

    def fail(self, error: Exception) -> None:
        """From now on nobody sees anything."""
        self.error = error
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def views(self, peer: Peer, *, keys: bool) -> AsyncGenerator[View, None]:
        """The last view whenever it is asked for, if it is another than before."""
        self.asked.append(peer)
        self.watching += 1
        shown: View | None = None
        try:
            while True:
                if self.error is not None:
                    raise self.error
                changed = self._changed
                if self.view is not shown:
                    shown = self.view
                    yield shown if keys else View((), shown.own, shown.federated)
                else:
                    self.taken = shown
                    await changed.wait()
        finally:
            self.watching -= 1

    async def tokens(self, peer: Peer, audience: tuple[str, ...], wanted: SpiffeID | None) -> tuple[JwtSvid, ...]:
        """Tokens by the authority for what the view holds."""
        self.asked.append(peer)
        if self.error is not None:
            raise self.error
        held = [svid for svid in self.view.svids if wanted in (None, svid.spiffe_id)]
        if not held:
            raise RefusedError("this identity is not the caller's", "ask for one of its own")
        return tuple(self.authority.token(svid.spiffe_id.path, audience, svid.hint) for svid in held)


async def attest(sock: socket.socket) -> tuple[Peer, asyncio.Future[None]]:
    """By what the kernel says alone; the process never counts as gone."""
    pid, uid, gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    peer = Peer(pid, 1, uid, gid, frozenset({f"unix:uid:{uid}"}))
    return peer, asyncio.get_running_loop().create_future()


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + lifetime)
    )


def _names(*uris: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
