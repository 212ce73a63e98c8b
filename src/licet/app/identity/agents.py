"""Nodes: letting one join, and banning one."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
from sqlalchemy import insert, select, update

from licet.app.identity.domain import opened
from licet.app.identity.place import Place, administrator, now
from licet.audit.event import Event
from licet.audit.ledger import Change
from licet.identity.attest import join_token
from licet.identity.errors import IdentityError
from licet.identity.node.tls import AGENT_PATH
from licet.identity.registry import bump
from licet.identity.spiffeid import SpiffeID
from licet.store import tables
from licet.store.database import Database
from licet.store.moment import text

_NAME = re.compile(r"[a-zA-Z0-9._-]{1,128}")


def token(place: Place, name: str, lifetime: timedelta) -> tuple[SpiffeID, str]:
    """A join token for the agent of this name, good once and for so long; it is shown now and never again."""
    if not _NAME.fullmatch(name):
        raise IdentityError(f"`{name[:80]}` is no name of a node", "letters, digits, `.`, `-` and `_`")
    made, digest = join_token.new()
    with opened(place) as domain:
        agent = domain.state().trust_domain.member(f"{AGENT_PATH}join/{name}")
        ends = now() + lifetime

        def write(change: Change) -> None:
            change.connection.execute(
                insert(tables.join_token).values(digest=digest, spiffe_id=str(agent), expires_at=text(ends))
            )
            change.record(Event("join_token.made", administrator(), {"node": str(agent), "expires_at": text(ends)}))

        domain.change(write)
        return agent, made


def ban(place: Place, agent: SpiffeID, *, banned: bool) -> None:
    """Let an agent in no more, or again: its certificate is worth nothing from this commit on."""
    with opened(place) as domain:

        def write(change: Change) -> None:
            row = tables.node.c.spiffe_id == str(agent)
            known = change.connection.execute(select(tables.node.c.banned).where(row)).scalar()
            if known is None:
                raise IdentityError(f"no agent `{agent}`", "`licet identity agents list` shows them")
            change.connection.execute(update(tables.node).where(row).values(banned=int(banned)))
            bump(change)
            change.record(Event("node.banned" if banned else "node.permitted", administrator(), {"node": str(agent)}))

        domain.change(write)


class Listed(msgspec.Struct, frozen=True):
    """An agent as the server knows it. Times are RFC 3339."""

    id: str
    attested_by: str
    attested_at: str
    expires_at: str
    seen_at: str
    applied_version: int
    banned: bool


def listed(place: Place) -> list[Listed]:
    """Every agent that was let in, by name."""
    database = Database.open(place.address)
    try:
        with database.read() as connection:
            rows = connection.execute(select(tables.node).order_by(tables.node.c.spiffe_id)).all()
    finally:
        database.close()
    return [
        Listed(
            row.spiffe_id,
            row.attested_by,
            row.attested_at,
            row.expires_at,
            row.seen_at,
            int(row.applied_version),
            bool(row.banned),
        )
        for row in rows
    ]
