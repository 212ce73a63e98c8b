"""Nodes: letting one join, and banning one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import msgspec
from sqlalchemy import insert, select, update

from licet.app.identity.domain import opened, reading
from licet.app.identity.place import Place, administrator, now
from licet.audit.event import Event
from licet.audit.ledger import Change
from licet.diag.render.visible import visible
from licet.identity.attest import join_token
from licet.identity.errors import IdentityError
from licet.identity.node.roster import Known, roster
from licet.identity.node.tls import AGENT_PATH
from licet.identity.registry import bump
from licet.identity.spiffeid import SpiffeID, parse
from licet.store import tables
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


def named(place: Place, text: str) -> SpiffeID:
    """The agent of this SPIFFE ID, or whose ID ends with this name; raises IdentityError where that is not one."""
    if "://" in text:
        return parse(text)
    ids = [each.spiffe_id for each in known(place) if each.spiffe_id.path.rpartition("/")[2] == text]
    if len(ids) != 1:
        how_many = "no agent is" if not ids else f"{len(ids)} agents are"
        raise IdentityError(f"{how_many} called `{visible(text)}`", "`licet identity agents list` shows their IDs")
    return ids[0]


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


def known(place: Place) -> tuple[Known, ...]:
    """Every agent that was let in, by name."""
    with reading(place) as connection:
        return roster(connection)


def listed(found: Sequence[Known]) -> list[Listed]:
    """Agents for programs."""
    return [
        Listed(
            str(each.spiffe_id),
            each.attested_by,
            text(each.attested_at),
            text(each.expires_at),
            text(each.seen_at),
            each.applied_version,
            each.banned,
        )
        for each in found
    ]
