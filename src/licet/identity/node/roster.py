"""The nodes that a domain knows, and how each fares."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, select

from licet.identity.spiffeid import SpiffeID, parse
from licet.store import tables
from licet.store.moment import moment

LIVE = timedelta(seconds=35)
"""A node that was not heard of for longer is away: it says every ten seconds how far it follows."""


EMBEDDED = "embedded"
"""How the node of a server's own process is attested: it goes by no certificate."""


class Condition(enum.Enum):
    """How a node fares: heard of lately, not heard of lately, or let in no more."""

    LIVE = "live"
    AWAY = "away"
    BANNED = "banned"


class Known(msgspec.Struct, frozen=True):
    """A node: how and when it was attested, until when its certificate is valid, and what it last said to follow."""

    spiffe_id: SpiffeID
    attested_by: str
    attested_at: datetime
    expires_at: datetime
    banned: bool
    applied_version: int
    seen_at: datetime

    def condition(self, now: datetime) -> Condition:
        """How it fares."""
        if self.banned:
            return Condition.BANNED
        return Condition.LIVE if now - self.seen_at < LIVE else Condition.AWAY


def roster(connection: Connection) -> tuple[Known, ...]:
    """Every node, by its ID."""
    return tuple(
        Known(
            parse(row.spiffe_id),
            row.attested_by,
            moment(row.attested_at),
            moment(row.expires_at),
            bool(row.banned),
            int(row.applied_version),
            moment(row.seen_at),
        )
        for row in connection.execute(select(tables.node).order_by(tables.node.c.spiffe_id))
    )
