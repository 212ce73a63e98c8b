"""A trust domain brought back from a backup, whole or not at all, and backups put to the test."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, delete, func, select, update

from licet.app.identity import domain as domains
from licet.app.identity.keeping import keepers
from licet.app.identity.place import Place, administrator, by_passphrase, now
from licet.audit import checkpoint as notes
from licet.audit import witness
from licet.audit.checkpoint import Verifier
from licet.audit.errors import AuditError
from licet.audit.event import Detail, Event
from licet.audit.log import append
from licet.audit.record import draft
from licet.audit.verify import verify
from licet.identity import archive, snapshot
from licet.identity.archive import Archive
from licet.identity.authority import Authority
from licet.identity.domain import load
from licet.identity.errors import IdentityError, MalformedError
from licet.identity.integrity import Integrity
from licet.identity.keyring import Keyring
from licet.identity.sealing import KeyFile, KeyText, Seal, Secret, key_text, new_key_file
from licet.identity.spiffeid import TrustDomain
from licet.store import tables
from licet.store.alone import hold
from licet.store.database import Database
from licet.store.moment import moment
from licet.store.schema import NEWEST

_MILLISECOND = timedelta(milliseconds=1)


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What was brought back, or found sound: of which moment, and what it holds.

    `lost` is how many records the log had more by what this machine remembers, None where it remembers nothing;
    `voided` how many join tokens were taken back, which may have been used since. `unopened` names keys that were not
    opened, and why.
    """

    trust_domain: str
    taken_at: datetime
    at: datetime
    records: int
    entries: int
    agents: int
    revoked: int
    longest: int
    """Seconds that a certificate may live."""
    keys: int = 0
    unopened: tuple[str, ...] = ()
    voided: int = 0
    lost: int | None = None
    aside: Path | None = None


class _Sealed(msgspec.Struct, frozen=True):
    """A backup that opens to its end, with what has to be known of it before anything is written."""

    archive: Archive
    seal: Seal
    description: str
    log_key: bytes
    sealing_key: bytes | None


def restore(place: Place, file: Path, own: Secret | None) -> Restored:
    """Bring the domain of this backup back into an empty database, once its log is verified; raises IdentityError.

    `own` opens a backup that has a secret of its own.
    """
    sealed, secret = _opened(place, file, own, None)
    place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _sealing_key(place, sealed) as included:
        secret = included or secret or place.secret(sealed.description)
        seal = Seal.reopen(sealed.description, secret)
        key = domains.log_key(seal, sealed.log_key)
        with _database(place) as database, database.write() as connection:
            hold(connection)
            domains.require_none(connection, database)
            restored = _put(connection, sealed)
            integrity = Integrity(seal)
            integrity.require(connection)
            restored = _rewound(place, connection, sealed, restored, key)
            integrity.put(connection)
    return _remember(place, restored)


def check(place: Place, file: Path, own: Secret | None, known: Secret | None = None) -> Restored:
    """Restore into a folder that is thrown away: every chunk is opened, the log verified, and every key opened.

    `known` is the domain's secret where that is at hand already.
    """
    sealed, secret = _opened(place, file, own, known)
    with tempfile.TemporaryDirectory(prefix="licet-check-") as folder:
        # The key in a backup stays in memory: a folder outlives a process that is killed.
        included = KeyText(sealed.sealing_key) if sealed.sealing_key is not None else None
        opens = included or secret or _at_hand(place, sealed.description)
        with _database(Place(Path(folder))) as database, database.write() as connection:
            restored = _put(connection, sealed)
            if opens is None:
                return msgspec.structs.replace(restored, unopened=("every key: the domain's secret is not given",))
            return _keys(place, connection, Seal.reopen(sealed.description, opens), sealed, restored)


def _opened(place: Place, file: Path, own: Secret | None, known: Secret | None) -> tuple[_Sealed, Secret | None]:
    """The backup, every chunk of which opens, and the domain's secret where that is known by now."""
    found = archive.read(file)
    if found.header.schema != NEWEST:
        raise MalformedError(
            f"backup `{file}` is of another version of licet", "restore it with the version that made it"
        )
    if found.header.secret == "domain":
        known = known or place.secret(found.header.seal)
    secret = own if found.header.secret == "backup" else known
    if secret is None:
        told = "passphrase" if by_passphrase(found.header.seal) else "key file"
        raise IdentityError(f"this backup has a {told} of its own", f"give it by `--backup-{told.replace(' ', '-')}`")
    seal = found.seal(secret)
    description, key, sealing_key = "", b"", None
    for part in found.parts(seal):
        if part.table == tables.domain.name and part.rows:
            row = dict(zip(part.columns, part.rows[0], strict=True))
            description, key = str(row.get("seal")), bytes(row.get("log_key", b""))
        elif part.table == snapshot.KEY:
            sealing_key = bytes(part.rows[0][0])
    sealed = _Sealed(found, seal, description, key, sealing_key)
    return sealed, known


@contextlib.contextmanager
def _sealing_key(place: Place, sealed: _Sealed) -> Iterator[Secret | None]:
    """The key file of the backup, where it has one, in its place; taken away again where the body raises."""
    if sealed.sealing_key is None:
        yield None
        return
    path = place.sealing_key
    if path.exists():
        if key_text(path) != sealed.sealing_key:
            raise IdentityError(f"`{path}` is another key than the backup's", "move it away, or name another folder")
        yield KeyFile(path)
        return
    new_key_file(path, sealed.sealing_key)
    try:
        yield KeyFile(path)
    except BaseException:
        path.unlink()
        raise


@contextlib.contextmanager
def _database(place: Place) -> Iterator[Database]:
    """The database, made where there is none; a file that was made is gone again where the body raises."""
    file = _file(place.address)
    before = file is None or file.exists()
    database = Database.open(place.address, create=True)
    try:
        yield database
    except BaseException:
        database.close()
        if file is not None and not before:
            for each in ("", "-wal", "-shm"):
                file.with_name(file.name + each).unlink(missing_ok=True)
        raise
    database.close()


def _file(address: str | Path) -> Path | None:
    if isinstance(address, Path):
        return address
    return Path("/", address.removeprefix("sqlite:///").lstrip("/")) if address.startswith("sqlite:///") else None


def _put(connection: Connection, sealed: _Sealed) -> Restored:
    """Everything into empty tables, and the log verified against the checkpoint that the backup was made at."""
    header = sealed.archive.header
    snapshot.put(connection, sealed.archive.parts(sealed.seal))
    row = connection.execute(select(tables.domain)).one_or_none()
    if row is None or row.trust_domain != header.trust_domain:
        raise MalformedError("the backup does not hold the trust domain that it says", "use another backup")
    known = Verifier(notes.origin(row.trust_domain), row.log_public_key)
    found = verify(connection, known, [header.checkpoint])
    if found.records != header.records or not found.holds:
        why = found.faults[0].message if found.faults else f"it has {found.records} records, not {header.records}"
        raise MalformedError(f"the log in the backup does not hold: {why}", "use an older backup")
    state = load(connection)
    return Restored(
        trust_domain=row.trust_domain,
        taken_at=moment(header.created_at),
        at=now(),
        records=found.records,
        entries=len(state.entries),
        agents=connection.execute(select(func.count()).select_from(tables.node)).scalar_one(),
        revoked=len(state.denied),
        longest=state.settings.lifetimes.longest,
    )


def _rewound(
    place: Place, connection: Connection, sealed: _Sealed, restored: Restored, key: Ed25519PrivateKey
) -> Restored:
    """Have it go on from there: nothing that was used up since counts as unused, and numbers do not come twice."""
    header = sealed.archive.header
    row = connection.execute(select(tables.domain)).one()
    voided = connection.execute(delete(tables.join_token).where(tables.join_token.c.used_at.is_(None))).rowcount
    # Others ignore a bundle whose number is lower than one they saw. No domain changes a thousand times a second.
    ahead = 1 + max(0, (restored.at - restored.taken_at) // _MILLISECOND)
    connection.execute(update(tables.domain).values(version=row.version + ahead, sequence=row.sequence + ahead))
    known = Verifier(notes.origin(row.trust_domain), row.log_public_key)
    lost, remembered = None, ""
    if place.witness.exists():
        with contextlib.suppress(AuditError):
            remembered = witness.recall(place.witness)
            lost = max(0, notes.verify(remembered, known).size - restored.records)
    facts: dict[str, Detail] = {
        "backup": header.id,
        "taken_at": header.created_at,
        "records": header.records,
        "checkpoint": header.checkpoint,
        "join_tokens_voided": voided,
        "remembered": remembered or None,
    }
    append(connection, [draft(Event("domain.restored", administrator(), facts))], restored.at, key, known)
    return msgspec.structs.replace(restored, voided=voided, lost=lost)


def _remember(place: Place, restored: Restored) -> Restored:
    """The file beside the database remembers the restored log from now on; what it remembered is kept aside."""
    aside = None
    if place.witness.exists():
        aside = place.witness.with_name(f"{place.witness.name}.until-{restored.at:%Y%m%dT%H%M%SZ}")
        place.witness.replace(aside)
    with domains.reading(place) as connection:
        row = connection.execute(
            select(tables.checkpoint.c.note).order_by(tables.checkpoint.c.size.desc()).limit(1)
        ).scalar_one()
    witness.remember(place.witness, row)
    return msgspec.structs.replace(restored, aside=aside)


def _keys(place: Place, connection: Connection, seal: Seal, sealed: _Sealed, restored: Restored) -> Restored:
    domains.log_key(seal, sealed.log_key)
    unopened, opened = [], 1
    with keepers(seal, place) as there:
        keyring = Keyring(TrustDomain(restored.trust_domain), there)
        for authority in load(connection).authorities:
            if authority.handle is not None:
                reason = _unopened(keyring, authority)
                unopened += [reason] if reason else []
                opened += not reason
    return msgspec.structs.replace(restored, keys=opened, unopened=tuple(unopened))


def _unopened(keyring: Keyring, authority: Authority) -> str:
    try:
        keyring.key(authority)
    except IdentityError as error:
        return f"{authority.kind.value} {authority.id[:16]}: {error.message}"
    return ""


def _at_hand(place: Place, description: str) -> Secret | None:
    """The domain's secret, where it is there without asking anybody."""
    if by_passphrase(description):
        return place.passphrase(new=False) if place.passphrase_file is not None else None
    return KeyFile(place.sealing_key) if place.sealing_key.exists() else None
