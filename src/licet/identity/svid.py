"""What a workload is handed: identities with their keys, and bundles to verify those of others with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from licet.diag.wording import instant
from licet.identity.bundle import Bundle
from licet.identity.spiffeid import SpiffeID, TrustDomain


class X509Svid(msgspec.Struct, frozen=True):
    """An X.509-SVID: DER certificates, the leaf first, the root left out; the key as unencrypted PKCS#8 in DER."""

    spiffe_id: SpiffeID
    chain: tuple[bytes, ...]
    key: bytes = msgspec.field()
    serial: str
    issuer: str
    """The pin of the key that signed the leaf."""
    not_before: datetime
    not_after: datetime
    hint: str = ""

    def __repr__(self) -> str:
        return f"X509Svid({self.spiffe_id}, serial {self.serial}, until {instant(self.not_after)})"


class JwtSvid(msgspec.Struct, frozen=True):
    """A JWT-SVID in compact form."""

    spiffe_id: SpiffeID
    token: str
    hint: str = ""

    def __repr__(self) -> str:
        return f"JwtSvid({self.spiffe_id})"


class View(msgspec.Struct, frozen=True):
    """Everything that one workload may see at one moment: what every response of the Workload API is made from."""

    svids: tuple[X509Svid, ...]
    own: Bundle
    federated: Mapping[TrustDomain, Bundle]
