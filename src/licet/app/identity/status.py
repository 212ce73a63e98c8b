"""What a trust domain comes to at one moment: everything that a person wants to see at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select

from licet.app.identity.place import Place, now
from licet.identity.domain import State, load
from licet.identity.forecast import Due, forecast
from licet.identity.spiffeid import SpiffeID, parse
from licet.identity.watch.subject import Stored, budget, read
from licet.store import tables
from licet.store.database import Database
from licet.store.moment import moment


class Revoked(msgspec.Struct, frozen=True):
    """An identity for which nothing is issued, since when and why."""

    spiffe_id: SpiffeID
    reason: str
    at: datetime


class Status(msgspec.Struct, frozen=True):
    """The domain, what happens next to each authority by its id, and how long servers may be away at any time."""

    at: datetime
    state: State
    stored: Stored
    revoked: tuple[Revoked, ...]
    due: Mapping[str, Due]
    budget: timedelta


def status(place: Place) -> Status:
    """The status now; needs no secret. Raises StoreError and IdentityError."""
    database = Database.open(place.address)
    try:
        with database.read() as connection:
            state, stored = load(connection), read(connection)
            rows = connection.execute(select(tables.denial).order_by(tables.denial.c.spiffe_id)).all()
    finally:
        database.close()
    at = now()
    revoked = tuple(Revoked(parse(row.spiffe_id), row.reason, moment(row.denied_at)) for row in rows)
    due = forecast(state.authorities, at, state.settings.lifetimes)
    return Status(at, state, stored, revoked, due, budget(state))
