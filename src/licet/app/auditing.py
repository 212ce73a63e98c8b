"""The log, opened to be read: by which key, and against what is remembered of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import select

from licet.audit import checkpoint, prove, witness
from licet.audit.checkpoint import Verifier
from licet.audit.errors import AuditError
from licet.audit.log import head
from licet.audit.verify import Verified, verify
from licet.identity import recorded
from licet.store import tables
from licet.store.database import Database


class Log(msgspec.Struct, frozen=True):
    """An open log; `trusted` where the key is not just what the database itself says."""

    database: Database
    known: Verifier
    trusted: bool


@contextmanager
def opened(address: str | Path, key: Path | None) -> Iterator[Log]:
    """The log in a database, by a key from elsewhere or the one that stands there; raises AuditError and StoreError."""
    database = Database.open(address)
    try:
        yield Log(database, trusted_key(key) if key else _stored_key(database), key is not None)
    finally:
        database.close()


def trusted_key(file: Path) -> Verifier:
    """The key in a file, as one line `name+hash+base64`; raises AuditError."""
    try:
        return checkpoint.verifier(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise AuditError(f"`{file}` holds no key of a log", "it has one line `name+hash+base64`") from None


def _stored_key(database: Database) -> Verifier:
    columns = tables.domain.c
    with database.read() as connection:
        row = connection.execute(select(columns.trust_domain, columns.log_public_key)).one_or_none()
    if row is None:
        raise AuditError(f"no trust domain stands in {database}", "`licet identity init` founds one")
    return Verifier(checkpoint.origin(row.trust_domain), row.log_public_key)


def require_checkpoints(files: Sequence[Path]) -> None:
    """Raise AuditError where a file holds something else: that says nothing of the log."""
    for file in files:
        try:
            checkpoint.parse(witness.recall(file))
        except AuditError:
            raise AuditError(f"`{file}` holds no checkpoint", "`licet audit show --checkpoint` prints one") from None


def verification(log: Log, remembered: Sequence[Path]) -> Verified:
    """The whole log against its checkpoints, the key and what these files remember, and what is stored against it."""
    said = [witness.recall(path) for path in remembered]
    with log.database.read() as connection:
        found = verify(connection, log.known, said)
        # Of a log that does not hold, its records are not what to compare with.
        return found if found.faults else msgspec.structs.replace(found, faults=tuple(recorded.examine(connection)))


def newest_checkpoint(log: Log) -> str:
    """The newest signed note; empty where nothing was ever recorded."""
    with log.database.read() as connection:
        newest = head(connection)
    return newest.note if newest is not None else ""


def checked(file: Path, key: Path | None, remembered: Sequence[Path]) -> prove.Checked:
    """A proof, by a key from elsewhere or the one that it names itself; needs no log."""
    proof = prove.decode(file.read_bytes())
    known = trusted_key(key) if key else checkpoint.verifier(proof.key)
    return prove.check(proof, known, [witness.recall(path) for path in remembered])
