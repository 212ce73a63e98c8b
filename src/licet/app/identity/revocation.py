"""Identities that are revoked, and permitted again."""

from __future__ import annotations

from licet.app.identity.domain import opened
from licet.app.identity.place import Place, administrator, now
from licet.identity import registry
from licet.identity.errors import IdentityError
from licet.identity.spiffeid import SpiffeID


def revoke(place: Place, spiffe_id: SpiffeID, reason: str) -> bool:
    """Issue nothing for this identity from now on, and have what it has open ended; whether an entry names it.

    Raises IdentityError for what is no workload's: without its own identity no server serves agents.
    """
    if not spiffe_id.path:
        raise IdentityError(f"`{spiffe_id}` is the ID of no workload", "name an identity with its path")
    if spiffe_id.reserved:
        raise IdentityError(
            f"`{spiffe_id}` is an agent's or a server's",
            "`licet identity agents ban` lets an agent in no more, `licet identity taint` replaces keys",
        )
    with opened(place) as domain:
        domain.change(lambda change: registry.deny(change, spiffe_id, reason, now(), administrator()))
        return any(entry.spiffe_id == spiffe_id for entry in domain.state().entries.values())


def permit(place: Place, spiffe_id: SpiffeID) -> None:
    """Issue for this identity again."""
    with opened(place) as domain:
        domain.change(lambda change: registry.permit(change, spiffe_id, administrator()))
