"""Records of the log, those that are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, select

from licet.audit.record import Record, read
from licet.store import moment, tables

PAGE = 1024


class Wanted(msgspec.Struct, frozen=True):
    """Which records.

    Of any of `kinds` (`svid` means all that begin with `svid.`), from `since` up to, and without, `until`, that name
    `identity` as what they are about or as who did it.
    """

    kinds: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    identity: str = ""

    def admits(self, record: Record) -> bool:
        """Whether the record is among them."""
        return (
            (not self.kinds or any(record.kind == kind or record.kind.startswith(kind + ".") for kind in self.kinds))
            and (self.since is None or record.time >= moment.text(self.since))
            and (self.until is None or record.time < moment.text(self.until))
            and (not self.identity or _names(record.detail, self.identity) or _names(record.actor, self.identity))
        )


class Kept(msgspec.Struct, frozen=True):
    """A record and the text that it stands as in the log."""

    record: Record
    text: bytes


def records(connection: Connection, wanted: Wanted, first: int = 0) -> Iterator[Kept]:
    """Those from this position on, in order, as a stream; raises AuditError at what is no record."""
    columns = tables.record.c
    page = select(columns.position, columns.body).order_by(columns.position).limit(PAGE)
    while found := connection.execute(page.where(columns.position >= first)).all():
        yield from _admitted([row.body for row in found], wanted)
        first = found[-1].position + 1


def newest(connection: Connection, wanted: Wanted, number: int) -> list[Kept]:
    """The last so many, in order; raises AuditError at what is no record."""
    columns, kept, before = tables.record.c, list[Kept](), None
    page = select(columns.position, columns.body).order_by(columns.position.desc()).limit(PAGE)
    while len(kept) < number:
        found = connection.execute(page if before is None else page.where(columns.position < before)).all()
        if not found:
            break
        kept += _admitted([row.body for row in found], wanted)
        before = found[-1].position
    return kept[:number][::-1]


def end(connection: Connection) -> int:
    """The position that the next record will have."""
    last = connection.execute(select(func.max(tables.record.c.position))).scalar()
    return 0 if last is None else last + 1


def _admitted(texts: list[bytes], wanted: Wanted) -> Iterator[Kept]:
    for text in texts:
        record = read(text)
        if wanted.admits(record):
            yield Kept(record, text)


def _names(value: object, identity: str) -> bool:
    match value:
        case str():
            return value == identity
        case dict():
            return any(_names(held, identity) for held in value.values())
        case list():
            return any(_names(held, identity) for held in value)
    return False
