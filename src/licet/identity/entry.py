"""Registration entries: which selectors a workload has to show to get which identity."""

from __future__ import annotations

import msgspec

from licet.identity import certificate
from licet.identity.errors import IdentityError
from licet.identity.lifetimes import SHORTEST, Lifetimes
from licet.identity.spiffeid import RESERVED, SpiffeID, TrustDomain, parse

SERVER_NAME = "licet-identity-server"
"""The DNS name by which agents know their server; no workload may have it. One label, which no wildcard covers: gRPC
takes `*.internal` for `server.internal`."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever shows every one of `selectors` on one of `nodes` is `spiffe_id`.

    A selector is `type:key:value`, such as `unix:uid:1000` or `k8s:pod-label:app:checkout`, and is compared as it is.
    Without `nodes` every attested agent may ask for it. Lifetimes are in seconds, 0 for those of the domain. `source`
    says who registered it (`manual`, or `contracts`, whose entries come and go with the manifests).
    """

    id: str
    spiffe_id: SpiffeID
    selectors: tuple[str, ...]
    nodes: tuple[SpiffeID, ...] = ()
    x509_lifetime: int = 0
    jwt_lifetime: int = 0
    hint: str = ""
    federates_with: tuple[TrustDomain, ...] = ()
    dns_names: tuple[str, ...] = ()
    source: str = "manual"

    def admits(self, shown: frozenset[str]) -> bool:
        """Whether these selectors are enough."""
        return bool(self.selectors) and shown.issuperset(self.selectors)

    def check(self, trust_domain: TrustDomain, lifetimes: Lifetimes) -> None:
        """Raise IdentityError where it must not be registered in this domain."""
        if self.spiffe_id.trust_domain != trust_domain or not self.spiffe_id.path:
            raise IdentityError(
                f"`{self.spiffe_id}` is no identity of `{trust_domain}`", f"it begins with `{trust_domain.id}/`"
            )
        if self.spiffe_id.reserved:
            raise IdentityError(f"`{self.spiffe_id}` is reserved", f"nothing may be registered below `{RESERVED}`")
        if not self.selectors:
            raise IdentityError(
                f"`{self.spiffe_id}` has no selector", "`--selector unix:uid:1000`: without one, everybody would be it"
            )
        if bad := [s for s in self.selectors if s.count(":") < 2 or "" in s.split(":", 2)]:
            raise IdentityError(f"`{bad[0]}` is no selector", "`type:key:value`, such as `unix:uid:1000`")
        if any(name.lower().rstrip(".") == SERVER_NAME for name in self.dns_names):
            raise IdentityError(f"`{SERVER_NAME}` is reserved", "it is the name by which agents know their server")
        for name in self.dns_names:
            certificate.dns(name)
        if 0 < self.x509_lifetime < SHORTEST:
            raise IdentityError(
                f"`{self.spiffe_id}` cannot be renewed every {self.x509_lifetime} s", f"{SHORTEST} s at least"
            )
        longest = lifetimes.longest
        if not 0 <= self.x509_lifetime <= longest or not 0 <= self.jwt_lifetime <= longest:
            raise IdentityError(
                f"`{self.spiffe_id}` cannot live that long",
                f"between 0 (the domain's) and {longest} s, a sixth of an intermediate",
            )


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry with its names as text."""

    id: str
    spiffe_id: str
    selectors: tuple[str, ...]
    nodes: tuple[str, ...]
    x509_lifetime: int
    jwt_lifetime: int
    hint: str
    federates_with: tuple[str, ...]
    dns_names: tuple[str, ...]
    source: str


def encode(entry: Entry) -> bytes:
    """The entry as JSON: what is stored, sent to nodes and recorded."""
    return msgspec.json.encode(
        _Written(
            id=entry.id,
            spiffe_id=str(entry.spiffe_id),
            selectors=entry.selectors,
            nodes=tuple(str(node) for node in entry.nodes),
            x509_lifetime=entry.x509_lifetime,
            jwt_lifetime=entry.jwt_lifetime,
            hint=entry.hint,
            federates_with=tuple(str(domain) for domain in entry.federates_with),
            dns_names=entry.dns_names,
            source=entry.source,
        )
    )


def decode(data: bytes | str) -> Entry:
    """What `encode` wrote; raises msgspec.DecodeError and MalformedError."""
    written = msgspec.json.decode(data, type=_Written)
    return Entry(
        id=written.id,
        spiffe_id=parse(written.spiffe_id),
        selectors=written.selectors,
        nodes=tuple(parse(node) for node in written.nodes),
        x509_lifetime=written.x509_lifetime,
        jwt_lifetime=written.jwt_lifetime,
        hint=written.hint,
        federates_with=tuple(TrustDomain(domain) for domain in written.federates_with),
        dns_names=written.dns_names,
        source=written.source,
    )
