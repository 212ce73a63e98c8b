"""A trust domain as it is stored: one value that holds everything decisions hang on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from licet.identity import bundle_document
from licet.identity.authority import Authority, Kind, Standing, bundle
from licet.identity.bundle import REFRESH_HINT, Bundle
from licet.identity.entry import Entry, decode
from licet.identity.errors import IdentityError, MalformedError
from licet.identity.keys import KeyKind
from licet.identity.lifetimes import Lifetimes
from licet.identity.spiffeid import SpiffeID, TrustDomain, parse
from licet.store import tables
from licet.store.moment import moment

_VERSION = select(tables.domain.c.version)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen when the domain was founded, and may be changed since."""

    lifetimes: Lifetimes = Lifetimes()
    key_kind: KeyKind = KeyKind.EC_P256
    keeper: str = "sealed"
    refresh_hint: int = REFRESH_HINT


class Foreign(msgspec.Struct, frozen=True):
    """A trust domain that this one is federated with, and how its bundle is had.

    `bundle` is the last one that was fetched or given, `failure` why the last attempt to fetch one failed, empty where
    it did not. Nothing of a distrusted domain is believed or handed out.
    """

    trust_domain: TrustDomain
    profile: str
    url: str
    endpoint_id: str
    bundle: Bundle | None
    fetched_at: datetime | None
    failure: str
    distrusted: bool


class State(msgspec.Struct, frozen=True):
    """The trust domain at one version."""

    trust_domain: TrustDomain
    settings: Settings
    version: int
    authorities: tuple[Authority, ...]
    entries: Mapping[str, Entry]
    denied: frozenset[SpiffeID]
    banned: frozenset[SpiffeID]
    foreign: tuple[Foreign, ...]
    bundle: Bundle

    @property
    def federated(self) -> dict[TrustDomain, Bundle]:
        """The bundles of the foreign domains that are trusted and known."""
        return {f.trust_domain: f.bundle for f in self.foreign if f.bundle is not None and not f.distrusted}

    @property
    def reissue(self) -> frozenset[str]:
        """The pins of the issuers that are believed no more, or soon: their certificates are to be replaced."""
        return frozenset(
            a.id
            for a in self.authorities
            if a.kind is Kind.INTERMEDIATE and a.standing in (Standing.TAINTED, Standing.REVOKED)
        )


def version(connection: Connection) -> int:
    """The version of the stored state: cheap, to be asked often."""
    return int(connection.execute(_VERSION).scalar_one())


def load(connection: Connection) -> State:
    """The state as this transaction sees it; raises IdentityError for none, or one nobody can read."""
    try:
        return _load(connection)
    except (MalformedError, msgspec.MsgspecError, ValueError) as error:
        reason = error.message if isinstance(error, MalformedError) else str(error)
        raise MalformedError(
            f"the store holds what nobody can have written there: {reason}", "restore the domain from a backup"
        ) from error


def _load(connection: Connection) -> State:
    row = connection.execute(select(tables.domain)).one_or_none()
    if row is None:
        raise IdentityError("no trust domain stands here", "`licet identity init --trust-domain NAME` founds one")
    name = TrustDomain(row.trust_domain)
    settings = msgspec.json.decode(row.settings, type=Settings)
    authorities = tuple(
        Authority(
            id=a.id,
            kind=Kind(a.kind),
            standing=Standing(a.state),
            issuer=a.issuer,
            certificate=a.certificate,
            public_key=a.public_key,
            keeper=a.keeper,
            handle=a.handle,
            not_before=moment(a.not_before),
            not_after=moment(a.not_after),
            changed_at=moment(a.changed_at),
        )
        for a in connection.execute(select(tables.authority).order_by(tables.authority.c.not_before))
    )
    bodies = connection.execute(select(tables.entry.c.body)).scalars()
    entries = {each.id: each for each in map(decode, bodies)}
    denied = frozenset(parse(text) for text in connection.execute(select(tables.denial.c.spiffe_id)).scalars())
    agents = select(tables.node.c.spiffe_id).where(tables.node.c.banned != 0)
    banned = frozenset(parse(text) for text in connection.execute(agents).scalars())
    foreign = tuple(
        map(_foreign, connection.execute(select(tables.foreign_domain).order_by(tables.foreign_domain.c.trust_domain)))
    )
    published = bundle(name, authorities, int(row.sequence), settings.refresh_hint)
    return State(name, settings, int(row.version), authorities, entries, denied, banned, foreign, published)


def _foreign(row: Row[Any]) -> Foreign:
    """A federation; a stored bundle that cannot be read is none, and hinders no other domain."""
    name, failure = TrustDomain(row.trust_domain), row.failure
    held = None
    try:
        held = bundle_document.decode(row.bundle.encode(), name) if row.bundle else None
    except MalformedError as error:
        failure = f"the bundle that is stored cannot be read: {error.message}"
    fetched = moment(row.fetched_at) if row.fetched_at else None
    return Foreign(name, row.profile, row.url, row.endpoint_id, held, fetched, failure, bool(row.distrusted))
