"""Whether a trust domain is what it has to be, whatever was killed: by its log, its tables, and who was told what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import Connection, select

from licet.app.identity.place import Place
from licet.audit import witness
from licet.audit.checkpoint import Verifier, origin
from licet.audit.record import Record, read
from licet.audit.verify import verify
from licet.identity.authority import Kind, Standing
from licet.identity.domain import State, load
from licet.identity.errors import IdentityError
from licet.identity.keepers.sealed import SealedKeeper
from licet.identity.keyring import Keyring
from licet.identity.sealing import Seal
from licet.identity.spiffeid import TrustDomain
from licet.store import tables
from licet.store.database import Database
from tests.identity.crashes.acknowledged import Acknowledged, Snapshot

_FILES = frozenset(
    ("licet.db", "licet.db-wal", "licet.db-shm", "sealing.key", "sealing.key.part", "checkpoint", "checkpoint.new")
)
_STANDINGS = {
    "authority.prepared": "prepared",
    "authority.activated": "active",
    "authority.retired": "retired",
    "authority.tainted": "tainted",
    "authority.revoked": "revoked",
}


class Replay(msgspec.Struct):
    """What the records say, one after the other."""

    founded: int = 0
    serials: Counter[str] = msgspec.field(default_factory=Counter)
    audiences: Counter[str] = msgspec.field(default_factory=Counter)
    entries: set[str] = msgspec.field(default_factory=set)
    denied: set[str] = msgspec.field(default_factory=set)
    authorities: dict[str, tuple[str, str]] = msgspec.field(default_factory=dict)
    faults: list[str] = msgspec.field(default_factory=list)

    def take(self, record: Record) -> None:
        """The next record, which has to be possible after those before."""
        facts = record.detail
        match record.kind:
            case "domain.founded":
                self.founded += 1
            case "entry.added" | "entry.changed" | "entry.removed":
                body = facts["entry"]
                assert isinstance(body, dict)
                change = self.entries.discard if record.kind == "entry.removed" else self.entries.add
                change(str(body["id"]))
            case "identity.revoked":
                self.denied.add(str(facts["spiffe_id"]))
            case "identity.permitted":
                self.denied.discard(str(facts["spiffe_id"]))
            case "svid.issued":
                self._issued(record)
            case kind if kind in _STANDINGS:
                self.authorities[str(facts["id"])] = (str(facts["kind"]), _STANDINGS[kind])

    def _issued(self, record: Record) -> None:
        facts = record.detail
        if facts["spiffe_id"] in self.denied:
            self.faults.append(f"record {record.position}: issued for {facts['spiffe_id']}, which is revoked")
        kind, standing = self.authorities.get(str(facts["issuer"]), ("", "unknown"))
        if standing != "active" or kind != ("jwt" if facts["type"] == "jwt" else "intermediate"):
            self.faults.append(f"record {record.position}: signed by an authority that is {standing} ({kind})")
        if facts["type"] == "jwt":
            audience = facts["audience"]
            assert isinstance(audience, (list, tuple))
            self.audiences.update(map(str, audience))
        else:
            self.serials[str(facts["serial"])] += 1


class Found(msgspec.Struct, frozen=True):
    """What was looked at, and what is wrong with it."""

    records: int
    serials: int
    tokens: int
    acknowledged: int
    faults: tuple[str, ...]


def examine(place: Place, acknowledged: Acknowledged, folders: Sequence[Path] = ()) -> Found:
    """Everything that has to hold, at any moment after anything was killed."""
    told = acknowledged.snapshot()
    notes = [*told.notes]
    files = [folder / "checkpoint" for folder in (place.data, *folders)]
    notes += [witness.recall(file) for file in files if file.exists()]
    database = Database.open(place.address)
    try:
        with database.read() as connection:
            if connection.dialect.name == "sqlite":
                whole = str(connection.exec_driver_sql("PRAGMA integrity_check").scalar())
            else:
                whole = "ok"
            row = connection.execute(select(tables.domain)).one()
            known = Verifier(origin(row.trust_domain), row.log_public_key)
            verified = verify(connection, known, notes)
            replay = Replay()
            for body in connection.execute(select(tables.record.c.body).order_by(tables.record.c.position)).scalars():
                replay.take(read(body))
            state = load(connection)
            faults = [
                *([] if whole == "ok" else [whole]),
                *map(str, verified.faults),
                *replay.faults,
                *_recorded(connection, state, replay),
                *_kept(told, state, replay),
                *_authorities(state, Seal.reopen(row.seal, place.secret(row.seal))),
                *_tidy([place.data, *folders]),
            ]
    finally:
        database.close()
    acknowledged.note(verified.newest)
    acknowledged.settle(frozenset(state.entries), frozenset(map(str, state.denied)))
    things = len(told.serials) + len(told.audiences) + len(told.entries) + len(told.denied) + len(told.authorities)
    return Found(verified.records, replay.serials.total(), replay.audiences.total(), things, tuple(faults))


def _recorded(connection: Connection, state: State, replay: Replay) -> Iterator[str]:
    """What the tables hold is what the records say, since each was committed with the other."""
    if replay.founded != 1:
        yield f"the founding is recorded {replay.founded} times"
    if set(state.entries) != replay.entries:
        yield f"entries and their records differ: {sorted(set(state.entries) ^ replay.entries)}"
    if {str(each) for each in state.denied} != replay.denied:
        yield f"revocations and their records differ: {sorted({str(e) for e in state.denied} ^ replay.denied)}"
    standing = {a.id: (a.kind.value, a.standing.value) for a in state.authorities}
    if standing != replay.authorities:
        yield f"authorities and their records differ: {standing} {replay.authorities}"
    yield from (f"serial {serial} was issued {count} times" for serial, count in replay.serials.items() if count > 1)
    issued = set(connection.execute(select(tables.issuance.c.serial)).scalars())
    if issued != set(replay.serials):
        yield f"serials and their records differ: {sorted(issued ^ set(replay.serials))[:5]}"


def _kept(told: Snapshot, state: State, replay: Replay) -> Iterator[str]:
    """Nothing that somebody was told of is missing."""
    yield from (f"serial {serial} was given out and is not in the log" for serial in told.serials - set(replay.serials))
    for audience in told.audiences:
        if replay.audiences[audience] != 1:
            yield f"the token for {audience} was given out and is {replay.audiences[audience]} times in the log"
    present = {"entry": set(state.entries), "revocation": {str(each) for each in state.denied}}
    for what, known in (("entry", told.entries), ("revocation", told.denied)):
        for name, wanted in known.items():
            if wanted is not None and (name in present[what]) is not wanted:
                yield f"the {what} of {name} was {'made' if wanted else 'taken back'}, and that is lost"
    if lost := told.authorities - {a.id for a in state.authorities}:
        yield f"authorities that a command told of are gone: {sorted(lost)}"
    if state.version < told.version:
        yield f"version {told.version} was told of, and now it is {state.version}"


def _authorities(state: State, seal: Seal) -> Iterator[str]:
    """One of each kind signs, and every key that is needed opens, and is its authority's."""
    for kind in Kind:
        signing = [a for a in state.authorities if a.kind is kind and a.standing is Standing.ACTIVE]
        if len(signing) != 1:
            yield f"{len(signing)} authorities sign as {kind.value}"
    keyring = Keyring(TrustDomain(str(state.trust_domain)), {"sealed": SealedKeeper(seal)})
    for authority in state.authorities:
        if authority.standing is Standing.REVOKED:
            if authority.handle is not None:
                yield f"{authority!r} is revoked, and its key is still there"
            continue
        try:
            keyring.key(authority)
        except IdentityError as error:
            yield f"{authority!r}: {error}"


def _tidy(folders: Sequence[Path]) -> Iterator[str]:
    for folder in folders:
        if folder.exists() and (more := {each.name for each in folder.iterdir()} - _FILES):
            yield f"`{folder.name}` holds {sorted(more)}"
