"""The log in the database: its head, how it grows, and the hashes that proofs are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, LargeBinary, bindparam, cast, delete, insert, select

from licet.audit import checkpoint as notes
from licet.audit.checkpoint import Checkpoint, Signer, Verifier
from licet.audit.errors import AuditError
from licet.audit.record import Draft, body
from licet.audit.tree import KEPT_LEVELS, WIDTH, Frontier, Subtree, leaf_hash, node_hash, root_of
from licet.store import moment, tables

SPAN = 256
"""Records between two checkpoints that are kept, unless hours or one commit lie between them.

Every commit signs a checkpoint, and the one before it is dropped unless it is the first of its span or of its hour.
What is kept costs four bytes a record; whoever rewrites the log without its key is located to what lies between two.
"""
_HOUR = len("2026-01-01T00")
_BODY = cast(tables.record.c.body, LargeBinary)
"""SQLite gives back whatever somebody put there, text instead of bytes too."""
# Every commit runs these: made once, they cost a third.
_kept = tables.checkpoint.c
_NEWEST = select(tables.checkpoint).order_by(_kept.size.desc()).limit(1)
_OLDER = select(_kept.size, _kept.at).where(_kept.size < bindparam("newest")).order_by(_kept.size.desc()).limit(1)
_DROP = delete(tables.checkpoint).where(_kept.size == bindparam("dropped"))
_LAST = select(tables.record.c.position, _BODY.label("body")).order_by(tables.record.c.position.desc()).limit(1)
_RECORD, _CHECKPOINT, _SUBTREE = (insert(table) for table in (tables.record, tables.checkpoint, tables.subtree))
_SEE = "run `licet audit verify`, and restore the log from a backup"


class Head(msgspec.Struct, frozen=True):
    """Where the log ends: the newest signed note, the tree's full subtrees, and the hash of the last record."""

    size: int
    at: str
    note: str
    frontier: tuple[bytes, ...]
    last: bytes


def head(connection: Connection) -> Head | None:
    """The newest checkpoint as it is stored, unverified; None where nothing was ever recorded."""
    row = connection.execute(_NEWEST).first()
    return None if row is None else Head(row.size, row.at, row.note, hashes(row.frontier), row.head)


def hashes(joined: bytes) -> tuple[bytes, ...]:
    """The hashes of full subtrees as they are stored, one behind the other."""
    return tuple(joined[at : at + WIDTH] for at in range(0, len(joined), WIDTH))


def append(connection: Connection, drafts: Sequence[Draft], at: datetime, signer: Signer, known: Verifier) -> str:
    """Put records at the end and sign a checkpoint, which comes back as a note.

    Runs in a transaction that nobody else writes beside. Raises AuditError where the log does not end as was signed:
    a signature over more would make good what somebody else did to it.
    """
    before = intact(connection, known)
    tree = Frontier(before.size, before.frontier) if before is not None else Frontier()
    time, previous = moment.text(at), before.last if before is not None else b""
    rows = []
    for position, drafted in enumerate(drafts, tree.size):
        text = body(drafted, position, previous, time)
        previous = leaf_hash(text)
        tree.add(previous)
        rows.append({"position": position, "body": text})
    connection.execute(_RECORD, rows)
    if tree.full:
        full = [{"level": level, "number": number, "hash": held} for level, number, held in tree.full]
        connection.execute(_SUBTREE, full)
    note = notes.sign(Checkpoint(known.origin, tree.size, tree.root()), signer, known)
    if before is not None:
        _thin(connection, before)
    added = {"size": tree.size, "at": time, "note": note, "frontier": b"".join(tree.hashes), "head": previous}
    connection.execute(_CHECKPOINT, added)
    return note


def intact(connection: Connection, known: Verifier) -> Head | None:
    """The newest checkpoint, once it is what was signed and the log ends as it says; raises AuditError.

    What stands before the last record is not looked at: `verify` does.
    """
    newest = head(connection)
    if newest is not None:
        _require_intact(connection, newest, known)
    elif connection.execute(_LAST).first() is not None:
        raise AuditError("the log holds records and no checkpoint", _SEE)
    return newest


def _require_intact(connection: Connection, before: Head, known: Verifier) -> None:
    signed = notes.verify(before.note, known)
    whole = len(before.frontier) == before.size.bit_count()
    if not whole or signed.size != before.size or Frontier(before.size, before.frontier).root() != signed.root:
        raise AuditError("the log's newest checkpoint was changed", _SEE)
    last = connection.execute(_LAST).first()
    if last is None or last.position != before.size - 1 or leaf_hash(last.body) != before.last:
        raise AuditError("the log does not end as its newest checkpoint says", _SEE)


def _thin(connection: Connection, newest: Head) -> None:
    """Drop the newest checkpoint, which will not be that any more, unless one of its span and hour has to stay."""
    row = connection.execute(_OLDER, {"newest": newest.size}).first()
    if row is not None and row.size // SPAN == newest.size // SPAN and row.at[:_HOUR] == newest.at[:_HOUR]:
        connection.execute(_DROP, {"dropped": newest.size})


def subtree(connection: Connection) -> Subtree:
    """Hashes over stretches of the log that begin where a full subtree of their width would.

    Reads what is kept of full subtrees, and records only where a stretch is narrower. Raises AuditError where rows are
    missing; whether what it says is right shows when it is compared with a signed root.
    """

    def over(first: int, last: int) -> bytes:
        full: list[bytes] = []
        while first < last:
            width = 1 << ((last - first).bit_length() - 1)
            full.append(_full(connection, first, width))
            first += width
        root = full.pop()
        while full:
            root = node_hash(full.pop(), root)
        return root

    return over


def root_at(connection: Connection, size: int) -> bytes:
    """The root that the log had at this size, by what is stored."""
    return subtree(connection)(0, size) if size else root_of(())


def _full(connection: Connection, first: int, width: int) -> bytes:
    level = width.bit_length() - 1
    kept = level - level % KEPT_LEVELS
    number, count = first >> kept, width >> kept
    if kept:
        at = tables.subtree.c.number
        query = select(tables.subtree.c.hash).where(tables.subtree.c.level == kept)
    else:
        at = tables.record.c.position
        query = select(_BODY)
    found = connection.execute(query.where(at >= number, at < number + count).order_by(at)).scalars().all()
    if len(found) != count:
        raise AuditError("parts of the log are missing", _SEE)
    return root_of(found if kept else [leaf_hash(text) for text in found])
