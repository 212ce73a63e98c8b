"""Registration entries: which selectors a workload has to show to get which identity."""

from __future__ import annotations

import msgspec

from licet.identity.spiffeid import SpiffeID, TrustDomain


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever shows every one of `selectors` on one of `nodes` is `spiffe_id`.

    A selector is `type:key:value`, such as `unix:uid:1000` or `k8s:pod-label:app:checkout`, and is compared as it stands.
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
