"""A record as it stands in the log: what happened, where in the log, when, and after which record."""

from __future__ import annotations

import re
from typing import NewType

import msgspec

from licet.audit.canonical import canonical
from licet.audit.errors import AuditError
from licet.audit.event import Detail, Event
from licet.audit.tree import WIDTH

Draft = NewType("Draft", bytes)
"""An event in canonical form, up to where its place in the log would be written."""

BEFORE_FIRST = "0" * 2 * WIDTH
"""What the first record names as the one before it."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_NAME = re.compile(r"[0-9a-f]{64}")


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record's body. `previous` is the hash of the record before it in hexadecimal, `time` that of its commit."""

    actor: dict[str, Detail]
    detail: dict[str, Detail]
    kind: str
    position: int
    previous: str
    time: str


class _Read(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As Record; the values within are looked at when the canonical form is."""

    actor: dict[str, object]
    detail: dict[str, object]
    kind: str
    position: int
    previous: str
    time: str


_decoder = msgspec.json.Decoder(_Read)


def draft(event: Event) -> Draft:
    """The event, ready to be given a place; raises NotCanonicalError."""
    whole = canonical({"actor": event.actor, "detail": event.detail, "kind": event.kind})
    return Draft(whole[:-1])


def body(drafted: Draft, position: int, previous: bytes, time: str) -> bytes:
    """The whole record in canonical form. The names of what is added here sort after those of a draft."""
    return b'%b,"position":%d,"previous":"%b","time":"%b"}' % (
        drafted,
        position,
        previous.hex().encode() if previous else BEFORE_FIRST.encode(),
        time.encode(),
    )


def read(text: bytes) -> Record:
    """The record that this text is, if it is its canonical form; raises AuditError."""
    try:
        raw = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AuditError("a record of the log is no record", "run `licet audit verify`") from None
    record = Record(
        actor=raw.actor,  # type: ignore[arg-type]  # what JSON holds, floating-point numbers refused below
        detail=raw.detail,  # type: ignore[arg-type]
        kind=raw.kind,
        position=raw.position,
        previous=raw.previous,
        time=raw.time,
    )
    if not _TIME.fullmatch(raw.time) or not _NAME.fullmatch(raw.previous) or not _is_canonical(record, text):
        raise AuditError("a record of the log is not in canonical form", "run `licet audit verify`")
    return record


def _is_canonical(record: Record, text: bytes) -> bool:
    whole: dict[str, Detail] = {
        "actor": record.actor,
        "detail": record.detail,
        "kind": record.kind,
        "position": record.position,
        "previous": record.previous,
        "time": record.time,
    }
    try:
        return canonical(whole) == text
    except AuditError:
        return False
