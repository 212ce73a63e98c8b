"""Which records between two checkpoints were tampered with, and how. Looked at only where something does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, auto

import msgspec

from licet.audit.fault import Fault, Wrong
from licet.audit.tree import Frontier


class Row(msgspec.Struct, frozen=True):
    """A row of the log: where it is stored, its hash, and what it says of itself (nothing, if it is no record)."""

    key: int
    leaf: bytes
    position: int | None
    previous: bytes


class Aligned(msgspec.Struct):
    """Rows put where they belong: one slot a position, None where the record is gone."""

    slots: list[Row | None]
    own: list[bool]
    """Of each slot, whether its row says that it stands there."""
    faults: list[Fault]
    shift: int
    """How far behind its position the next row is stored."""


class _Place(Enum):
    KEEP = auto()
    """It stands where it says."""
    REPLACED = auto()
    """It stands where another one stood."""
    INSERTED = auto()
    """It stands before the one that belongs here."""
    REMOVED = auto()
    """The ones that belong here are gone."""


class Rows:
    """The rows to come, of which a few can be looked at before they are taken."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._ahead: list[Row] = []

    def peek(self, number: int = 0) -> Row | None:
        """The next row, or the one so many after it."""
        while len(self._ahead) <= number:
            row = next(self._rows, None)
            if row is None:
                return None
            self._ahead.append(row)
        return self._ahead[number]

    def take(self) -> Row | None:
        """The next row, which is gone then."""
        return self._ahead.pop(0) if self._ahead else next(self._rows, None)

    def put_back(self, rows: Sequence[Row]) -> None:
        """Have these come next."""
        self._ahead[:0] = rows


def align(rows: Rows, first: int, last: int, before: bytes, after: bytes, shift: int) -> Aligned:
    """Take the rows of the positions from `first` up to, and without, `last`.

    `before` is the hash of the record before them, `after` that of the last one, as far as they are known.
    """
    found = Aligned([], [], [], shift)
    while first + len(found.slots) < last:
        here = first + len(found.slots)
        row = rows.peek()
        if row is None:
            break
        third = rows.peek(2)
        genuine = third.previous if third is not None else after
        match _place(row, rows.peek(1), third, here, last, genuine, linked=row.previous == before):
            case _Place.INSERTED:
                rows.take()
                found.shift -= 1
                found.faults.append(Fault(Wrong.INSERTED, here, here, f"row {row.key} was inserted"))
            case _Place.REMOVED:
                assert row.position is not None
                gone = min(row.position, last) - here
                found.slots += [None] * gone
                found.own += [False] * gone
                found.shift = row.position - row.key
                found.faults.append(Fault(Wrong.REMOVED, here, here + gone - 1, "the record was removed"))
            case place:
                rows.take()
                found.slots.append(row)
                found.own.append(place is _Place.KEEP)
                before = row.leaf
                if place is _Place.REPLACED:
                    found.faults.append(_replaced(row, here))
                elif row.key + found.shift != here:
                    found.faults.append(Fault(Wrong.REORDERED, here, here, f"the record is stored as row {row.key}"))
                    found.shift = here - row.key
    return found


def _replaced(row: Row, here: int) -> Fault:
    if row.position is None:
        return Fault(Wrong.CHANGED, here, here, "the record was changed: it is not in canonical form")
    return Fault(Wrong.CHANGED, here, row.position, f"the record was changed: it says that it is record {row.position}")


def _place(
    row: Row, second: Row | None, third: Row | None, here: int, last: int, genuine: bytes, *, linked: bool
) -> _Place:
    says = row.position
    second_says = second.position if second is not None else None
    if says == here:
        twice = second is not None and second_says == here and row.leaf != second.leaf
        return _Place.INSERTED if twice and second is not None and second.leaf == genuine else _Place.KEEP
    if second_says == here:
        follows = third.position == here + 2 if third is not None else here + 2 <= last
        return _Place.REPLACED if says == here + 1 and follows else _Place.INSERTED
    if says is not None and says > here and second_says != here + 1 and (second_says == says + 1 or not linked):
        return _Place.REMOVED
    return _Place.REPLACED


def explain(aligned: Aligned, first: int, before: Frontier | None, after: bytes, root: bytes | None) -> Explained:
    """Which of the rows that say the right position are not what was signed.

    Each record names the hash of the one before it, so what stood in a place is known from what stands after it. Two
    neighbours that do not fit leave open which of them was changed: the signed root decides. `after` is the hash of the
    last record by whoever knows it, `before` the tree so far, `root` what was signed of the tree after these.
    """
    slots = aligned.slots
    computed = [row.leaf if row is not None else b"" for row in slots]
    following = zip(slots[1:], aligned.own[1:], strict=True)
    named = [*(row.previous if row is not None and own else b"" for row, own in following), after]
    differ = [at for at, own in enumerate(aligned.own) if own and named[at] and named[at] != computed[at]]
    lost = [at for at, own in enumerate(aligned.own) if not own]
    last_of_runs = [at for at in differ if at + 1 not in differ]
    for changed in (differ, last_of_runs, []):
        leaves = [named[at] if at in {*changed, *lost} else held for at, held in enumerate(computed)]
        tree = _grown(before, leaves)
        if tree is not None and root is not None and tree.root() == root:
            return Explained([_changed(first + at) for at in changed], tree, proven=True)
    contradicted = root is not None and before is not None and all(named[at] for at in lost)
    return Explained([_changed(first + at) for at in differ], None, proven=False, contradicted=contradicted)


class Explained(msgspec.Struct, frozen=True):
    """What was changed.

    Where `proven`, nothing else was, and `tree` is the one that was signed; where `contradicted`, more was, since the
    signed root cannot be had from what is there.
    """

    faults: list[Fault]
    tree: Frontier | None
    proven: bool
    contradicted: bool = False


def _changed(position: int) -> Fault:
    return Fault(Wrong.CHANGED, position, position, "the record was changed: its hash is not what the next one names")


def _grown(before: Frontier | None, leaves: Sequence[bytes]) -> Frontier | None:
    if before is None or not all(leaves):
        return None
    tree = before.copy()
    for leaf in leaves:
        tree.add(leaf)
    return tree


def settle(faults: Sequence[Fault]) -> list[Fault]:
    """Two records of which each stands where the other belongs were swapped; others were changed where they stand."""
    strays = {(fault.first, fault.last) for fault in faults if _strays(fault)}
    settled: list[Fault] = []
    for fault in faults:
        if not _strays(fault):
            settled.append(fault)
        elif (fault.last, fault.first) not in strays:
            settled.append(msgspec.structs.replace(fault, last=fault.first))
        elif fault.first < fault.last:
            told = f"records {fault.first} and {fault.last} were swapped"
            settled.append(Fault(Wrong.REORDERED, fault.first, fault.last, told))
    return settled


def _strays(fault: Fault) -> bool:
    return fault.wrong is Wrong.CHANGED and fault.first != fault.last
