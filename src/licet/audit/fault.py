"""What is wrong with a log, and where."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Wrong(StrEnum):
    """What was done to the log, as far as it can be told."""

    CHANGED = "changed"
    """A record is not the one that was written."""
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    """The end is gone."""
    REWRITTEN = "rewritten"
    """Records that fit each other, and are not what was signed: something among them was changed."""
    SIGNATURE = "bad-signature"
    """A checkpoint that the log's key did not sign."""
    FORKED = "forked"
    """The log contradicts a checkpoint that somebody remembers, though it fits its own."""
    INDEX = "index"
    """Records and signatures are right; what is kept to make proofs fast is not."""
    STATE = "state"
    """The log is right; what is stored beside it is not what its records come to."""


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong, with the positions it lies between, both included.

    Of `bad-signature` and `index` the positions are those of the last record that the checkpoint is over.
    """

    wrong: Wrong
    first: int
    last: int
    message: str


def gather(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """The faults in order, with what lies side by side and is of one kind told as one."""
    gathered: list[Fault] = []
    for fault in sorted(faults, key=lambda fault: (fault.first, fault.last, fault.wrong)):
        same = next((at for at, told in enumerate(gathered) if _continues(told, fault)), None)
        if same is None:
            gathered.append(fault)
        else:
            told = gathered[same]
            gathered[same] = msgspec.structs.replace(told, last=max(told.last, fault.last))
    return tuple(gathered)


def _continues(told: Fault, fault: Fault) -> bool:
    joined = (Wrong.REMOVED, Wrong.TRUNCATED)
    return fault.wrong is told.wrong and fault.wrong in joined and fault.first <= told.last + 1
