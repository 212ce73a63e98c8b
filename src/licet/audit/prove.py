"""Proofs that stand alone: that a record is in the log, that the log only ever grew; and whether they hold."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, select

from licet.audit import checkpoint as notes
from licet.audit import tree
from licet.audit.checkpoint import Checkpoint, Verifier
from licet.audit.errors import AuditError
from licet.audit.log import head, root_at, subtree
from licet.audit.record import read
from licet.store import tables

SCHEMA = "licet.dev/audit-proof/v1"


class Inclusion(msgspec.Struct, frozen=True, tag_field="proves", tag="inclusion"):
    """A record, as it stands in the log, is in the log that the checkpoint was signed of. Hashes are base64."""

    schema: str
    key: str
    position: int
    record: str
    checkpoint: str
    path: tuple[str, ...]


class State(msgspec.Struct, frozen=True):
    """The log at a size, and the note that was signed of it, where one was kept."""

    size: int
    root: str
    checkpoint: str = ""


class Consistency(msgspec.Struct, frozen=True, tag_field="proves", tag="consistency"):
    """The log of the second state begins with all of the first. Hashes are base64."""

    schema: str
    key: str
    first: State
    second: State
    path: tuple[str, ...]


class Checked(msgspec.Struct, frozen=True):
    """What a proof came to: what is wrong with it (nothing, if it holds), and what it says."""

    proof: Inclusion | Consistency
    wrong: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether it proves what it says."""
        return not self.wrong


P = TypeVar("P", Inclusion, Consistency)

_decoder = msgspec.json.Decoder(Inclusion | Consistency)


def prove_inclusion(connection: Connection, known: Verifier, position: int) -> Inclusion:
    """The proof that the record at this position is in the log as it was signed last; raises AuditError."""
    newest = head(connection)
    size = newest.size if newest is not None else 0
    text = connection.execute(select(tables.record.c.body).where(tables.record.c.position == position)).scalar()
    if newest is None or text is None or position >= size:
        raise AuditError(f"the log has no record {position}", f"it has {size}, counted from 0")
    path = tree.inclusion(position, size, subtree(connection))
    return _sound(Inclusion(SCHEMA, str(known), position, text.decode(errors="replace"), newest.note, _written(path)))


def prove_consistency(connection: Connection, known: Verifier, first: int, second: int | None) -> Consistency:
    """The proof that the log of the second size, by default the newest, begins with that of the first.

    Of the second a checkpoint has to be kept. Raises AuditError.
    """
    newest = head(connection)
    second = second if second is not None else newest.size if newest is not None else 0
    if not 0 <= first <= second:
        raise AuditError(f"the log of {second} records does not begin with {first}", "`--from` is the smaller size")
    note = _note(connection, second)
    if not note:
        raise AuditError(f"no checkpoint of {second} records is kept", _nearest(connection, second))
    path = tree.consistency(first, second, subtree(connection))
    old = State(first, _encoded(root_at(connection, first)), _note(connection, first))
    new = State(second, _encoded(root_at(connection, second)), note)
    return _sound(Consistency(SCHEMA, str(known), old, new, _written(path)))


def decode(document: bytes) -> Inclusion | Consistency:
    """The proof that this document is; raises AuditError."""
    try:
        proof: Inclusion | Consistency = _decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise AuditError("this is no proof", "`licet audit prove -o json` writes one") from None
    if proof.schema != SCHEMA:
        raise AuditError(f"`{proof.schema[:80]}` is no form of proofs that is known", f"it has to be `{SCHEMA}`")
    return proof


def check(proof: Inclusion | Consistency, known: Verifier, remembered: Sequence[str] = ()) -> Checked:
    """Whether the proof holds by this key, and by checkpoints that somebody remembers; needs no log."""
    try:
        said = [notes.verify(note, known) for note in remembered]
        wrong = _inclusion(proof, known, said) if isinstance(proof, Inclusion) else _consistency(proof, known, said)
    except AuditError as error:
        wrong = [error.message]
    return Checked(proof, tuple(wrong))


def _inclusion(proof: Inclusion, known: Verifier, said: Sequence[Checkpoint]) -> list[str]:
    signed = notes.verify(proof.checkpoint, known)
    text = proof.record.encode()
    wrong = _unlike(signed.size, signed.root, said)
    if read(text).position != proof.position:
        wrong.append("the record is not of the position that the proof is of")
    if not tree.includes(signed.root, signed.size, proof.position, tree.leaf_hash(text), _read(proof.path)):
        wrong.append("the record is not in the log that was signed")
    return wrong


def _consistency(proof: Consistency, known: Verifier, said: Sequence[Checkpoint]) -> list[str]:
    (old,), (new,) = _read([proof.first.root]), _read([proof.second.root])
    wrong: list[str] = []
    if not proof.second.checkpoint:
        wrong.append("the second state is not signed")
    for state, root in ((proof.first, old), (proof.second, new)):
        wrong += _unlike(state.size, root, said)
        if state.checkpoint and notes.verify(state.checkpoint, known) != Checkpoint(known.origin, state.size, root):
            wrong.append(f"the log of {state.size} records is not the one that was signed")
    if not tree.consistent(proof.first.size, old, proof.second.size, new, _read(proof.path)):
        wrong.append("the second log does not begin with the first")
    return wrong


def _unlike(size: int, root: bytes, said: Sequence[Checkpoint]) -> list[str]:
    other = any(one.size == size and one.root != root for one in said)
    return [f"the log of {size} records is not the one that is remembered"] if other else []


def _sound(proof: P) -> P:
    wrong = check(proof, notes.verifier(proof.key)).wrong
    if wrong:
        raise AuditError(f"nothing can be proved: {wrong[0]}", "run `licet audit verify`")
    return proof


def _note(connection: Connection, size: int) -> str:
    columns = tables.checkpoint.c
    return connection.execute(select(columns.note).where(columns.size == size)).scalar() or ""


def _nearest(connection: Connection, size: int) -> str:
    column = tables.checkpoint.c.size
    below = connection.execute(select(column).where(column < size).order_by(column.desc()).limit(1)).scalar()
    above = connection.execute(select(column).where(column > size).order_by(column).limit(1)).scalar()
    there = " and ".join(str(found) for found in (below, above) if found is not None)
    return f"there is one of {there}" if there else "nothing was ever recorded"


def _encoded(value: bytes) -> str:
    return b64encode(value).decode()


def _written(path: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(map(_encoded, path))


def _read(path: Sequence[str]) -> list[bytes]:
    try:
        return [b64decode(one, validate=True) for one in path]
    except ValueError:
        raise AuditError("a hash of the proof is not base64", "`licet audit prove -o json` writes proofs") from None
