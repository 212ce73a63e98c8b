"""Other trust domains, as an administrator sets them."""

from __future__ import annotations

import msgspec

from licet.app.identity.domain import opened
from licet.app.identity.place import Place, administrator, now
from licet.identity import bundle_document, registry
from licet.identity.domain import Foreign
from licet.identity.errors import IdentityError
from licet.identity.federation.relationship import relate
from licet.identity.spiffeid import TrustDomain


def federate(place: Place, name: str, profile: str, url: str, endpoint_id: str, document: bytes | None) -> None:
    """Trust a domain whose bundle is fetched from `url`, or given as a document alone, or both."""
    other = TrustDomain(name)
    with opened(place) as domain:
        own = domain.state().trust_domain
        if other == own:
            raise IdentityError(f"`{own}` is this trust domain itself", "name another")
        if url:
            relate(own, name, profile, url, endpoint_id)
        elif document is None:
            raise IdentityError(f"nothing says where the bundle of `{other}` is", "give its URL, or the bundle itself")
        bundle = bundle_document.decode(document, other) if document is not None else None
        fetched = now() if bundle is not None else None
        foreign = Foreign(other, profile if url else "", url, endpoint_id, bundle, fetched, "", False)
        domain.change(lambda change: registry.federate(change, foreign, administrator()))


def distrust(place: Place, name: str, *, distrusted: bool) -> None:
    """Believe nothing of a domain from now on, or believe it again; its bundle is kept."""
    with opened(place) as domain:
        known = _known(domain.state().foreign, name)
        foreign = msgspec.structs.replace(known, distrusted=distrusted)
        domain.change(lambda change: registry.federate(change, foreign, administrator()))


def part(place: Place, name: str) -> None:
    """Forget a domain and its bundle."""
    with opened(place) as domain:
        domain.change(lambda change: registry.part(change, TrustDomain(name), administrator()))


def _known(foreign: tuple[Foreign, ...], name: str) -> Foreign:
    for each in foreign:
        if each.trust_domain.name == name:
            return each
    raise IdentityError(f"not federated with `{name}`", "`licet identity federation list` shows with whom")
