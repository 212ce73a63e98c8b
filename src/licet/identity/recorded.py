"""What is stored, against what the log says was done: whoever writes the database past the program shows here.

The log's own soundness is the log's business (`audit.verify`). Here the records are done once more, in order, and what
they come to is compared with the rows: registrations, revocations, authorities, agents, federations, settings, and the
steps of the mesh's rollout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Table, select

from licet.audit.fault import Fault, Wrong
from licet.audit.read import Wanted, end, records
from licet.audit.record import Record
from licet.identity import path
from licet.identity.authority import Kind, Standing
from licet.identity.errors import IdentityError
from licet.identity.keys import pin, supported
from licet.store import tables

_KINDS = ("authority", "domain", "entry", "federation", "identity", "join_token", "node", "rollout")
_STANDINGS = {"activated": "active", **{each.value: each.value for each in Standing}}
_FEDERATION = ("profile", "url", "endpoint_id", "distrusted")


class _Told(msgspec.Struct, frozen=True):
    """What a record says of one thing, and where it stands; None for what was taken away."""

    position: int
    value: object


class _Story:
    """What the records come to, by the subject and its name."""

    def __init__(self, connection: Connection) -> None:
        self.told: dict[tuple[str, str], _Told] = {}
        self.end = end(connection)
        for kept in records(connection, Wanted(_KINDS)):
            self._hear(kept.record)

    def of(self, subject: str) -> dict[str, _Told]:
        """Everything that was told of this kind of thing, by name."""
        return {name: told for (kind, name), told in self.told.items() if kind == subject}

    def _hear(self, record: Record) -> None:
        subject, _, verb = record.kind.partition(".")
        detail: Mapping[str, Any] = record.detail
        match subject, verb:
            case "entry", "added" | "changed" | "removed":
                entry = detail.get("entry", {})
                self._tell(record, subject, entry.get("id"), None if verb == "removed" else entry)
            case "identity", "revoked" | "permitted":
                self._tell(record, subject, detail.get("spiffe_id"), verb == "revoked" or None)
            case "authority", _ if verb in _STANDINGS:
                told = (detail.get("kind"), _STANDINGS[verb], detail.get("issuer"), detail.get("not_after"))
                self._tell(record, subject, detail.get("id"), told)
            case "node", "banned" | "permitted":
                self._tell(record, subject, detail.get("node"), verb == "banned")
            case "federation", "set" | "removed":
                told_of = None if verb == "removed" else tuple(detail.get(each) for each in _FEDERATION)
                self._tell(record, subject, detail.get("trust_domain"), told_of)
            case "join_token", "made":
                self._tell(record, subject, f"{detail.get('node')} until {detail.get('expires_at')}", True)
            case "rollout", "held" | "released":
                step = None if verb == "released" else (detail.get("mode"), detail.get("share"))
                self._tell(record, subject, detail.get("workload"), step)
            case "domain", "founded":
                self._tell(record, "settings", "the domain", detail.get("settings"))
            case "domain", "changed" if (before := self.told.get(("settings", "the domain"))) is not None:
                changed = {key: value for key, value in detail.items() if not key.endswith("_before")}
                assert isinstance(before.value, dict)
                self._tell(record, "settings", "the domain", {**before.value, **changed})

    def _tell(self, record: Record, subject: str, name: object, value: object) -> None:
        self.told[subject, str(name)] = _Told(record.position, value)


def examine(connection: Connection) -> Iterator[Fault]:
    """What is stored otherwise than the log tells it. Raises AuditError where the log has what is no record."""
    domain = connection.execute(select(tables.domain)).one_or_none()
    if domain is None:
        return
    story = _Story(connection)
    settings = {"the domain": msgspec.json.decode(domain.settings)} if story.of("settings") else {}
    yield from _compared(story, "settings", settings, "what was chosen for {}")
    yield from _compared(story, "entry", dict(_entries(connection)), "entry `{}`")
    denied = {row.spiffe_id: True for row in _rows(connection, tables.denial)}
    yield from _compared(story, "identity", denied, "the revocation of `{}`")
    held = {row.id: (row.kind, row.state, row.issuer, row.not_after) for row in _rows(connection, tables.authority)}
    yield from _compared(story, "authority", held, "authority `{}`")
    federated = {
        row.trust_domain: tuple(getattr(row, each) for each in _FEDERATION)
        for row in _rows(connection, tables.foreign_domain)
    }
    yield from _compared(story, "federation", federated, "the federation with `{}`")
    steps = {row.workload: (row.mode, row.share) for row in _rows(connection, tables.rollout)}
    yield from _compared(story, "rollout", steps, "the step of `{}`")
    yield from _agents(story, connection)
    yield from _keys(story, connection)


def _rows(connection: Connection, table: Table) -> Iterator[Row[Any]]:
    yield from connection.execute(select(table))


def _entries(connection: Connection) -> Iterator[tuple[str, object]]:
    for row in _rows(connection, tables.entry):
        try:
            body = msgspec.json.decode(row.body)
        except msgspec.DecodeError:
            body = row.body
        inside = body.get("id") if isinstance(body, dict) else None
        yield row.id, body if inside == row.id else (inside, body)


def _compared(story: _Story, subject: str, stored: Mapping[str, object], named: str) -> Iterator[Fault]:
    told = story.of(subject)
    for name in sorted({*told, *stored}):
        record = told.get(name)
        said, there = record.value if record is not None else None, stored.get(name)
        if said == there:
            continue
        what = named.format(name[:200])
        if record is None:
            yield _fault(story.end, f"{what} is stored, and no record tells of it")
        elif there is None:
            yield _fault(record.position, f"{what} is not stored, and was not taken back since this record")
        elif said is None:
            yield _fault(record.position, f"{what} is stored, and was taken back by this record")
        else:
            yield _fault(record.position, f"{what} is stored otherwise than this record says")


def _agents(story: _Story, connection: Connection) -> Iterator[Fault]:
    banned, made = story.of("node"), story.of("join_token")
    for row in _rows(connection, tables.node):
        told = banned.get(row.spiffe_id)
        if bool(row.banned) != bool(told and told.value):
            said = "is banned" if row.banned else "is not banned"
            position = told.position if told is not None else story.end
            yield _fault(position, f"agent `{row.spiffe_id}` {said}, and the records say otherwise")
    for row in _rows(connection, tables.join_token):
        if f"{row.spiffe_id} until {row.expires_at}" not in made:
            yield _fault(story.end, f"a join token for `{row.spiffe_id}` is stored, and no record tells of it")


def _keys(story: _Story, connection: Connection) -> Iterator[Fault]:
    """What is published of an authority is of the key that its record names."""
    for row in _rows(connection, tables.authority):
        if row.state != Standing.REVOKED.value and not _own(row):
            told = story.of("authority").get(row.id)
            position = told.position if told is not None else story.end
            yield _fault(position, f"authority `{row.id}` is stored with another key than its name says")


def _own(row: Row[Any]) -> bool:
    if not isinstance(row.public_key, bytes) or pin(row.public_key) != row.id:
        return False
    if row.kind == Kind.JWT.value:
        return True
    try:
        [certificate] = path.read([row.certificate or b""])
        return bool(pin(supported(certificate.public_key())) == row.id)
    except IdentityError:
        return False


def _fault(position: int, message: str) -> Fault:
    return Fault(Wrong.STATE, position, position, message)
