"""Changes of who may have which identity, and of which foreign domains are believed. Each is recorded as it is made."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

import msgspec
from sqlalchemy import delete, insert, select, update

from licet.audit.event import Detail, Event
from licet.audit.ledger import Change
from licet.identity import bundle_document
from licet.identity.bundle import Bundle
from licet.identity.domain import Foreign
from licet.identity.entry import Entry, encode
from licet.identity.errors import IdentityError
from licet.identity.lifetimes import Lifetimes
from licet.identity.spiffeid import SpiffeID, TrustDomain
from licet.store import tables
from licet.store.moment import text

Actor: TypeAlias = dict[str, Detail]


def bump(change: Change, *, bundle: bool = False) -> int:
    """Tell everyone who follows the domain that it changed, and with `bundle` those outside too; the new version."""
    values = {"version": tables.domain.c.version + 1}
    if bundle:
        values["sequence"] = tables.domain.c.sequence + 1
    change.connection.execute(update(tables.domain).values(values))
    return int(change.connection.execute(select(tables.domain.c.version)).scalar_one())


def add_entry(change: Change, trust_domain: TrustDomain, lifetimes: Lifetimes, entry: Entry, actor: Actor) -> None:
    """Register; an entry of the same id is replaced. Raises IdentityError for an entry that must not be."""
    entry.check(trust_domain, lifetimes)
    body = encode(entry).decode()
    known = change.connection.execute(select(tables.entry.c.body).where(tables.entry.c.id == entry.id)).scalar()
    if known == body:
        return
    revision = bump(change)
    row = {"spiffe_id": str(entry.spiffe_id), "body": body, "source": entry.source, "revision": revision}
    if known is None:
        change.connection.execute(insert(tables.entry).values(id=entry.id, **row))
    else:
        change.connection.execute(update(tables.entry).where(tables.entry.c.id == entry.id).values(row))
    kind = "entry.added" if known is None else "entry.changed"
    change.record(Event(kind, actor, {"entry": msgspec.json.decode(body)}))


def remove_entry(change: Change, id: str, actor: Actor) -> None:
    """Take back a registration: nothing is issued for it any more. Raises IdentityError where there is none."""
    body = change.connection.execute(select(tables.entry.c.body).where(tables.entry.c.id == id)).scalar()
    if body is None:
        raise IdentityError(f"no entry `{id}`", "`licet identity entries list` shows their ids")
    change.connection.execute(delete(tables.entry).where(tables.entry.c.id == id))
    bump(change)
    change.record(Event("entry.removed", actor, {"entry": msgspec.json.decode(body)}))


def deny(change: Change, spiffe_id: SpiffeID, reason: str, at: datetime, actor: Actor) -> None:
    """Revoke an identity: nothing is issued for it from this commit on, and whoever enforces ends what it has open."""
    row = tables.denial.c.spiffe_id == str(spiffe_id)
    if change.connection.execute(select(tables.denial.c.spiffe_id).where(row)).scalar() is not None:
        return
    change.connection.execute(insert(tables.denial).values(spiffe_id=str(spiffe_id), reason=reason, denied_at=text(at)))
    bump(change)
    change.record(Event("identity.revoked", actor, {"spiffe_id": str(spiffe_id), "reason": reason}))


def permit(change: Change, spiffe_id: SpiffeID, actor: Actor) -> None:
    """Take a revocation back. Raises IdentityError where there is none."""
    row = tables.denial.c.spiffe_id == str(spiffe_id)
    if change.connection.execute(delete(tables.denial).where(row)).rowcount == 0:
        raise IdentityError(f"`{spiffe_id}` is not revoked", "`licet identity status` shows what is")
    bump(change)
    change.record(Event("identity.permitted", actor, {"spiffe_id": str(spiffe_id)}))


def federate(change: Change, foreign: Foreign, actor: Actor) -> None:
    """Federate with a trust domain, or change how; a bundle that is known already is kept unless one is given."""
    facts: dict[str, Detail] = {
        "profile": foreign.profile,
        "url": foreign.url,
        "endpoint_id": foreign.endpoint_id,
        "distrusted": int(foreign.distrusted),
    }
    name = str(foreign.trust_domain)
    row = tables.foreign_domain.c.trust_domain == name
    values: dict[str, Detail] = {**facts, "failure": ""}
    if foreign.bundle is not None:
        values["bundle"] = bundle_document.encode(foreign.bundle).decode()
        values["fetched_at"] = text(foreign.fetched_at) if foreign.fetched_at else None
    if change.connection.execute(update(tables.foreign_domain).where(row).values(values)).rowcount == 0:
        change.connection.execute(insert(tables.foreign_domain).values(trust_domain=name, **values))
    bump(change)
    change.record(Event("federation.set", actor, {"trust_domain": name, **facts}))


def part(change: Change, trust_domain: TrustDomain, actor: Actor) -> None:
    """End a federation; raises IdentityError where there is none."""
    row = tables.foreign_domain.c.trust_domain == str(trust_domain)
    if change.connection.execute(delete(tables.foreign_domain).where(row)).rowcount == 0:
        raise IdentityError(f"not federated with `{trust_domain}`", "`licet identity status` shows with whom")
    bump(change)
    change.record(Event("federation.removed", actor, {"trust_domain": str(trust_domain)}))


def fetched(change: Change, bundle: Bundle, at: datetime) -> None:
    """Keep a foreign domain's bundle, unless that is distrusted or gone, or another server has fetched a newer one."""
    name = str(bundle.trust_domain)
    row = (tables.foreign_domain.c.trust_domain == name) & (tables.foreign_domain.c.distrusted == 0)
    values = {"bundle": bundle_document.encode(bundle).decode(), "fetched_at": text(at), "failure": ""}
    known = change.connection.execute(select(tables.foreign_domain.c.bundle).where(row)).scalar()
    if known and bundle_document.decode(known.encode(), bundle.trust_domain).sequence > bundle.sequence:
        return
    kept = change.connection.execute(update(tables.foreign_domain).where(row).values(values)).rowcount
    if kept and known != values["bundle"]:
        bump(change)
        facts: dict[str, Detail] = {"trust_domain": name, "sequence": _number(bundle.sequence)}
        change.record(Event("federation.fetched", {"type": "server"}, facts))


def failed(change: Change, trust_domain: TrustDomain, failure: str) -> None:
    """Remember why the bundle of a foreign domain could not be had; the one that is known stays."""
    row = tables.foreign_domain.c.trust_domain == str(trust_domain)
    known = change.connection.execute(select(tables.foreign_domain.c.failure).where(row)).scalar()
    if known is not None and known != failure:
        change.connection.execute(update(tables.foreign_domain).where(row).values(failure=failure))
        change.record(
            Event("federation.failed", {"type": "server"}, {"trust_domain": str(trust_domain), "failure": failure})
        )


def _number(number: int) -> int | str:
    """As it is recorded: what not every reader of JSON holds exactly is text (RFC 8785)."""
    return number if number < 1 << 53 else str(number)
