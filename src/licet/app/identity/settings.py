"""What was chosen when a trust domain was founded, chosen anew."""

from __future__ import annotations

import msgspec
from sqlalchemy import update

from licet.app.identity.domain import opened
from licet.app.identity.keeping import rehearse
from licet.app.identity.place import Place, administrator
from licet.audit.event import Event
from licet.audit.ledger import Change
from licet.identity.domain import load
from licet.identity.registry import bump
from licet.store import tables


def choose_keeper(place: Place, name: str) -> str:
    """Have authorities that are made from now on kept by this keeper, once it has shown that it can; the one before."""
    with opened(place) as domain:
        rehearse(domain.keepers, name, domain.state().settings.key_kind)

        def choose(change: Change) -> str:
            settings = load(change.connection).settings
            if settings.keeper != name:
                chosen = msgspec.json.encode(msgspec.structs.replace(settings, keeper=name)).decode()
                change.connection.execute(update(tables.domain).values(settings=chosen))
                bump(change)
                facts = {"keeper": name, "keeper_before": settings.keeper}
                change.record(Event("domain.changed", administrator(), {**facts}))
            return settings.keeper

        return domain.change(choose)
