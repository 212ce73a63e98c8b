"""Certificates that an administrator asks for by hand."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from licet.app.identity.domain import opened
from licet.app.identity.place import Place, administrator, now
from licet.identity import pem
from licet.identity.errors import MalformedError, RefusedError
from licet.identity.issuer import Issuer
from licet.identity.spiffeid import SpiffeID


def issue(place: Place, spiffe_id: SpiffeID, request: bytes, lifetime: int) -> str:
    """The chain in PEM, the leaf first, for a PKCS#10 request in PEM or DER; recorded like any other."""
    if spiffe_id.reserved:
        raise RefusedError(f"`{spiffe_id}` is reserved", "servers and agents get theirs by themselves")
    with opened(place) as domain:
        issuer = Issuer(domain.database, domain.ledger, domain.keyring, now, domain.integrity)
        issued = issuer.directly(spiffe_id, _der(request), lifetime, (), administrator())
        return pem.certificates(issued.chain)


def _der(request: bytes) -> bytes:
    if not request.lstrip().startswith(b"-----BEGIN"):
        return request
    try:
        return x509.load_pem_x509_csr(request).public_bytes(Encoding.DER)
    except ValueError:
        raise MalformedError("this is no certificate request", "PKCS#10, in PEM or DER") from None
