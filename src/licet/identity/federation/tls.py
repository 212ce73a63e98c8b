"""TLS on both sides of a bundle endpoint."""

from __future__ import annotations

import os
import secrets
import ssl
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from licet.identity import path, pem
from licet.identity.bundle import Bundle
from licet.identity.certificate import spiffe_id_of
from licet.identity.errors import IdentityError, MalformedError, RefusedError, UnavailableError
from licet.identity.keys import read_private
from licet.identity.spiffeid import SpiffeID

Contexts: TypeAlias = Callable[[], ssl.SSLContext]
"""Says which certificate a handshake that begins now is answered with. It is asked for each, and must not wait."""

_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
"""Of Mozilla's intermediate compatibility (SPIFFE_Federation.md 5.2), what needs no parameters of a file."""

_log = structlog.get_logger(__name__)


def front(contexts: Contexts) -> ssl.SSLContext:
    """The context of a listening socket, which takes the certificate for each handshake from `contexts`."""
    context = _server()

    def choose(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> int | None:
        try:
            connection.context = contexts()
        except IdentityError as error:
            _log.warning("no certificate for the bundle endpoint", reason=error.message)
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        return None

    context.sni_callback = choose
    return context


def svid_context(chain: Iterable[bytes], key: bytes) -> ssl.SSLContext:
    """A context that answers with an X509-SVID: DER certificates, the leaf first, and its key as PKCS#8 in DER."""
    context = _server()
    present(context, chain, key)
    return context


def present(context: ssl.SSLContext, chain: Iterable[bytes], key: bytes) -> None:
    """Have this context show an X509-SVID; raises MalformedError where key and certificate differ.

    The interface of OpenSSL that is at hand reads files alone. The key goes through one that only this user may read,
    encrypted for the moment under a secret that is never written.
    """
    secret = secrets.token_hex(32).encode()
    sealed = read_private(key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(secret))
    with tempfile.NamedTemporaryFile(prefix="licet-") as file:
        file.write(sealed + pem.certificates(chain).encode())
        file.flush()
        try:
            context.load_cert_chain(file.name, password=secret)
        except (ssl.SSLError, ValueError) as error:
            raise MalformedError("the SVID cannot be shown", "its key and certificate differ") from error


class CertificateFiles:
    """Contexts of a certificate and a key in PEM files of the operator, read again when they change.

    A pair that cannot be read, such as one half written, leaves the last good one in use.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._seen = self._look()
        self._context = self._read()

    def __call__(self) -> ssl.SSLContext:
        """The context of the files as they are now."""
        try:
            seen = self._look()
            if seen != self._seen:
                self._context, self._seen = self._read(), seen
        except IdentityError as error:
            _log.warning("the last certificate of the bundle endpoint stays in use", reason=error.message)
        return self._context

    def _look(self) -> tuple[tuple[int, int, int], ...]:
        try:
            stats = [os.stat(each) for each in self._files]
        except OSError as error:
            raise _unreadable(self._files, error.strerror or "it is not there") from error
        return tuple((each.st_ino, each.st_size, each.st_mtime_ns) for each in stats)

    def _read(self) -> ssl.SSLContext:
        context = _server()
        try:
            context.load_cert_chain(*self._files, password=_no_password)
        except (OSError, ValueError) as error:
            # An SSLError is an OSError too.
            raise _unreadable(self._files, "PEM, the key unencrypted and that of the certificate") from error
        return context


def web_client(roots: Path | None) -> ssl.SSLContext:
    """A context that believes what the web does, or the CAs of a PEM file alone; raises UnavailableError."""
    try:
        context = ssl.create_default_context(cafile=roots)
    except (OSError, ValueError) as error:
        raise UnavailableError(f"the CAs in `{roots}` cannot be read", "certificates in PEM") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def spiffe_client(authorities: Bundle, endpoint_id: SpiffeID) -> ssl.SSLContext:
    """A context whose handshakes succeed only with the endpoint of this ID, as the bundle of its domain proves it.

    OpenSSL builds the path, and asks of the leaf what a server's certificate needs; who it is, is asked here.
    """
    if authorities.trust_domain != endpoint_id.trust_domain:
        raise RefusedError(f"`{authorities.trust_domain}` does not vouch for `{endpoint_id}`", "its own domain does")
    if not authorities.x509:
        raise UnavailableError(
            f"the bundle of `{endpoint_id.trust_domain}` holds no X.509 authority",
            "give its bundle anew, from a source that you trust",
        )

    class Endpoint(ssl.SSLObject):
        """A connection that is not established before the other side is who it has to be."""

        def do_handshake(self) -> None:
            super().do_handshake()
            try:
                shown = _identity(self.getpeercert(True) or b"")
            except IdentityError as error:
                raise ssl.SSLCertVerificationError(f"the endpoint has no X509-SVID: {error.message}") from error
            if shown != endpoint_id:
                raise ssl.SSLCertVerificationError(f"the endpoint is `{shown}` and not `{endpoint_id}`")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    # An authority of a bundle is believed whether it signed itself or not.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=b"".join(authorities.x509))
    except ssl.SSLError as error:
        raise UnavailableError(f"the bundle of `{authorities.trust_domain}` is unreadable", "give it anew") from error
    context.sslobject_class = Endpoint
    return context


def _identity(leaf: bytes) -> SpiffeID:
    """Whose certificate it is, of a kind that may authenticate somebody (X509-SVID.md 5.2); raises IdentityError."""
    [certificate] = path.read([leaf])
    spiffe_id = spiffe_id_of(certificate)
    constraints = path.extension(certificate, x509.BasicConstraints)
    usage = path.extension(certificate, x509.KeyUsage)
    if not spiffe_id.path or (constraints is not None and constraints.value.ca):
        raise RefusedError("the certificate is an authority's", "authorities never authenticate")
    if usage is None or usage.value.key_cert_sign or usage.value.crl_sign or not usage.value.digital_signature:
        raise RefusedError("the certificate is not for authentication", "keyUsage with digitalSignature alone")
    return spiffe_id


def _server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    # Every connection is a full handshake, so that each sees the certificate of the moment.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_NONE
    return context


def _no_password() -> str:
    """Instead of asking at the terminal, which a server may be started from."""
    raise ValueError("encrypted")


def _unreadable(files: tuple[Path, Path], reason: str) -> UnavailableError:
    return UnavailableError(f"the certificate `{files[0]}` with the key `{files[1]}` cannot be read", reason)
