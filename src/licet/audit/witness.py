"""The newest checkpoint in a file beside the database, which tells when the database is not the one it was."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sqlalchemy import Connection

from licet.audit import checkpoint as notes
from licet.audit.checkpoint import Checkpoint, Verifier
from licet.audit.errors import AuditError
from licet.audit.log import head, root_at
from licet.store import private_file

_LONGEST = 1 << 16


def remember(path: Path, note: str) -> None:
    """Have the note in the file, on the disk, whole at every moment.

    Several processes commit to one database and come here in any order: a smaller size never replaces a larger one.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if path.exists() and notes.parse(recall(path)).size >= notes.parse(note).size:
            return
        private_file.replace(path, note.encode())
    finally:
        os.close(folder)


def recall(path: Path) -> str:
    """The note in the file; raises AuditError."""
    try:
        with path.open("rb") as stream:
            return stream.read(_LONGEST).decode()
    except UnicodeDecodeError:
        raise AuditError(f"`{path}` holds no checkpoint", "name the file that one was written to") from None


def require_kept(connection: Connection, path: Path, known: Verifier) -> None:
    """Raise AuditError where the log does not begin with what the file remembers."""
    if not path.exists():
        return
    remembered = notes.verify(recall(path), known)
    newest = head(connection)
    if newest is None or newest.size < remembered.size:
        raise AuditError(
            f"the log has {newest.size if newest else 0} records, and `{path}` remembers {remembered.size}",
            f"restore the newer database, or take `{path}` away if an older one was restored on purpose",
        )
    if not _begins_with(connection, remembered):
        raise AuditError(f"the log is not the one that `{path}` remembers", "run `licet audit verify`")


def _begins_with(connection: Connection, remembered: Checkpoint) -> bool:
    return root_at(connection, remembered.size) == remembered.root
