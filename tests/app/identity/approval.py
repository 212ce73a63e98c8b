"""What was changed behind licet's back, made to look as if licet had stored it."""

from __future__ import annotations

import contextlib

from sqlalchemy import select

from licet.app.identity.place import Place
from licet.diag.failure import Failure
from licet.identity.integrity import Integrity
from licet.identity.sealing import Seal
from licet.store import tables
from licet.store.database import Database


def approve(place: Place) -> None:
    """Store the code of what is stored now, as whoever has the sealing secret can; nothing where that is gone."""
    with contextlib.suppress(Failure):
        database = Database.open(place.address)
        try:
            with database.write() as connection:
                description = connection.execute(select(tables.domain.c.seal)).scalar_one()
                Integrity(Seal.reopen(description, place.secret(description))).put(connection)
        finally:
            database.close()
