"""Identities that are revoked, and permitted again."""

from __future__ import annotations

from licet.app.identity.domain import opened
from licet.app.identity.place import Place, administrator, now
from licet.identity import registry
from licet.identity.spiffeid import SpiffeID


def revoke(place: Place, spiffe_id: SpiffeID, reason: str) -> None:
    """Issue nothing for this identity from now on, and have what it has open ended."""
    with opened(place) as domain:
        domain.change(lambda change: registry.deny(change, spiffe_id, reason, now(), administrator()))


def permit(place: Place, spiffe_id: SpiffeID) -> None:
    """Issue for this identity again."""
    with opened(place) as domain:
        domain.change(lambda change: registry.permit(change, spiffe_id, administrator()))
