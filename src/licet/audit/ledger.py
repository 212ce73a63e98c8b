"""Changes and the records of them, committed as one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Connection

from licet.audit import witness
from licet.audit.checkpoint import Signer, Verifier
from licet.audit.event import Event
from licet.audit.log import append
from licet.audit.record import Draft, draft
from licet.store.database import Database
from licet.store.writer import Writer

T = TypeVar("T")


def _now() -> datetime:
    return datetime.now(UTC)


class Change:
    """One change while it runs: the connection it works on, and what is to be recorded of it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.drafts: list[Draft] = []

    def record(self, event: Event) -> None:
        """Have this in the log if the change stands; raises NotCanonicalError, which undoes this change alone."""
        self.drafts.append(draft(event))


class Ledger:
    """Runs changes one after the other, and commits them in groups with their records and a signed checkpoint.

    Nothing is acknowledged before it is on the disk and `witness`, a file beside the database, remembers it. Raises
    AuditError at once where the database is not the one that was remembered.
    """

    def __init__(
        self,
        database: Database,
        key: Signer,
        origin: str,
        witness: Path | None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._signer = key
        self._clock = clock
        self._witness = witness
        self.verifier = Verifier(origin, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        self._drafts: list[Draft] = []
        self._note = ""
        self._require_kept(database)
        self.writer = Writer(database, self._append, self._remember, self._drop)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def change(self, do: Callable[[Change], T]) -> Future[T]:
        """Have this run, alone, on a connection that nobody else writes beside; done once it is on the disk.

        What `do` raises undoes this change and its records, and is what the future raises.
        """

        def run(connection: Connection) -> T:
            change = Change(connection)
            result = do(change)
            self._drafts += change.drafts
            return result

        return self.writer.submit(run)

    def close(self) -> None:
        """Finish what was asked for and take nothing more."""
        self.writer.close()

    def _require_kept(self, database: Database) -> None:
        if self._witness is not None:
            with database.read() as connection:
                witness.require_kept(connection, self._witness, self.verifier)

    def _append(self, connection: Connection) -> None:
        if self._drafts:
            self._note = append(connection, self._drafts, self._clock(), self._signer, self.verifier)

    def _remember(self) -> None:
        note, self._note = self._note, ""
        self._drafts.clear()
        if note and self._witness is not None:
            witness.remember(self._witness, note)

    def _drop(self) -> None:
        self._note = ""
        self._drafts.clear()
