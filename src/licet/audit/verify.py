"""Is the log what was written and signed? Reads it from end to end, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection, LargeBinary, cast, select

from licet.audit import checkpoint as notes
from licet.audit.checkpoint import Checkpoint, Verifier
from licet.audit.errors import AuditError
from licet.audit.fault import Fault, Wrong, gather
from licet.audit.log import Head, hashes
from licet.audit.record import BEFORE_FIRST, read
from licet.audit.span import Row, Rows, align, explain, settle
from licet.audit.tree import Frontier, leaf_hash
from licet.store import tables

PAGE = 1024
_MOST_FAULTS = 1000
_LONGEST_SPAN = 1 << 16
_BEFORE_FIRST = bytes.fromhex(BEFORE_FIRST)


class Verified(msgspec.Struct, frozen=True):
    """What a verification came to. `newest` is the newest checkpoint that is well signed, as a note.

    Of a log that was rewritten throughout, only the first faults are told; `cut` says so.
    """

    records: int
    checkpoints: int
    newest: str
    faults: tuple[Fault, ...]
    cut: bool

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


class _Boundary(msgspec.Struct, frozen=True):
    """Where a root is known: of a checkpoint of the log, or (without `head`) of one that somebody remembers."""

    size: int
    root: bytes | None
    head: Head | None = None
    remembered: bool = False


def verify(connection: Connection, known: Verifier, remembered: Sequence[str] = ()) -> Verified:
    """Compare every record with its form, its place, its neighbour and every checkpoint, and these with the key.

    `remembered` are notes that were kept elsewhere: the log has to begin with what they say. The connection has to
    answer from one moment. What is wrong comes back as faults; nothing about the log itself is raised.
    """
    return _Verification(connection, known).run(remembered)


class _Verification:
    def __init__(self, connection: Connection, known: Verifier) -> None:
        self._connection = connection
        self._known = known
        self._rows = Rows(_rows(connection))
        self._faults: list[Fault] = []
        self._cut = False
        self._tree: Frontier | None = Frontier()
        self._before = _BEFORE_FIRST
        self._shift = 0
        self._size = 0
        self._checkpoints = 0
        self._newest = ""
        self._roots: dict[int, set[bytes | None]] = {}
        self._rewritten = False

    def run(self, notes_remembered: Sequence[str]) -> Verified:
        remembered = sorted(self._remembered(notes_remembered), key=lambda boundary: boundary.size)
        for boundary in remembered:
            self._roots.setdefault(boundary.size, set()).add(boundary.root)
        for boundary in self._signed():
            self._up_to(boundary)
        for boundary in remembered:
            self._up_to(boundary)
        self._after_last()
        faults = gather(settle(self._faults))
        return Verified(self._size, self._checkpoints, self._newest, faults, self._cut)

    def _up_to(self, boundary: _Boundary) -> None:
        while self._size < boundary.size:
            end = min(boundary.size, self._size + _LONGEST_SPAN)
            target = boundary if end == boundary.size else _Boundary(end, None)
            if not self._fits(target) and not self._judge(target):
                return

    def _fits(self, boundary: _Boundary) -> bool:
        """Whether the rows up to there are as they should be, as nearly all are; if not, they are still to come."""
        if self._tree is None:
            return False
        taken: list[Row] = []
        forks: list[Fault] = []
        tree, before, good = self._tree.copy(), self._before, True
        while good and tree.size < boundary.size and (row := self._rows.take()) is not None:
            taken.append(row)
            good = row.position == tree.size == row.key + self._shift and row.previous == before
            before = row.leaf
            tree.add(before)
            if tree.size in self._roots:
                forks += _compared(tree, self._roots[tree.size])
        if not good or tree.size < boundary.size or boundary.root not in (None, tree.root()):
            self._rows.put_back(taken)
            return False
        self._tree, self._before, self._size = tree, before, boundary.size
        self._say(*forks)
        self._compare_index(tree)
        tree.full.clear()
        if boundary.head is not None:
            self._compare_head(boundary.head, tree)
        return True

    def _judge(self, boundary: _Boundary) -> bool:
        """Say what is wrong up to there, and go on with what was signed; False where the log ends before."""
        start = self._size
        end = boundary.head.last if boundary.head is not None else b""
        aligned = align(self._rows, start, boundary.size, self._before, end, self._shift)
        self._shift = aligned.shift
        if start + len(aligned.slots) < boundary.size:
            self._say(*aligned.faults)
            self._size = start + len(aligned.slots)
            self._say(Fault(Wrong.TRUNCATED, self._size, boundary.size - 1, "the end of the log is gone"))
            self._tree = None
            return False
        last = aligned.slots[-1]
        after = self._named(last, boundary)
        explained = explain(aligned, start, self._tree, after, boundary.root)
        self._say(*aligned.faults)
        if not (explained.contradicted and self._rewritten):
            self._say(*explained.faults)
        if explained.contradicted:
            self._unexplained(boundary, start)
        self._before = after if explained.proven and after else last.leaf if last is not None else b""
        self._tree = explained.tree
        if self._tree is None and boundary.head is not None:
            self._tree = _signed_tree(boundary.head, boundary.root)
        if self._tree is not None:
            self._tree.full.clear()
        self._size = boundary.size
        return True

    def _named(self, last: Row | None, boundary: _Boundary) -> bytes:
        """The hash of the last of the records, by the next one and by the checkpoint; one of them bears it out."""
        following = self._rows.peek()
        named = [boundary.head.last] if boundary.head is not None else []
        if following is not None and following.position == boundary.size:
            named.append(following.previous)
        if last is not None and last.leaf in named:
            return last.leaf
        return named[0] if named else b""

    def _unexplained(self, boundary: _Boundary, start: int) -> None:
        """Records that fit each other and not what was signed: told once, with where it begins."""
        if self._rewritten:
            return
        self._rewritten = True
        told = "these records, or one of them, were rewritten: they fit each other, but not what was signed"
        self._say(Fault(Wrong.REWRITTEN, start, boundary.size - 1, told))

    def _compare_head(self, head: Head, tree: Frontier) -> None:
        if list(head.frontier) != tree.hashes or head.last != self._before:
            told = f"the checkpoint of {head.size} records holds hashes that are not those of the records"
            self._say(Fault(Wrong.INDEX, head.size - 1, head.size - 1, told))

    def _compare_index(self, tree: Frontier) -> None:
        columns = tables.subtree.c
        for kept in sorted({level for level, _, _ in tree.full}):
            wanted = {number: held for level, number, held in tree.full if level == kept}
            query = select(columns.number, columns.hash).where(
                columns.level == kept, columns.number.between(min(wanted), max(wanted))
            )
            stored = {row.number: row.hash for row in self._connection.execute(query)}
            for number, held in wanted.items():
                if stored.get(number) != held:
                    told = f"the hash kept over {1 << kept} records is not theirs"
                    self._say(Fault(Wrong.INDEX, number << kept, ((number + 1) << kept) - 1, told))

    def _after_last(self) -> None:
        while (row := self._rows.take()) is not None:
            told = f"row {row.key} stands after everything that was signed"
            self._say(Fault(Wrong.INSERTED, self._size, self._size, told))

    def _signed(self) -> Iterator[_Boundary]:
        for head in _heads(self._connection):
            try:
                signed = notes.verify(head.note, self._known)
                if signed.size != head.size:
                    raise AuditError(f"the checkpoint stored for {head.size} records is of {signed.size}", "")
            except AuditError as error:
                at = max(head.size - 1, 0)
                told = f"checkpoint of {head.size} records: {error.message}"
                self._say(Fault(Wrong.SIGNATURE, at, at, told))
                continue
            self._checkpoints += 1
            self._newest = head.note
            yield _Boundary(head.size, signed.root, head)

    def _remembered(self, remembered: Sequence[str]) -> Iterator[_Boundary]:
        for note in remembered:
            try:
                signed: Checkpoint = notes.verify(note, self._known)
            except AuditError as error:
                self._say(Fault(Wrong.SIGNATURE, 0, 0, f"remembered checkpoint: {error.message}"))
                continue
            yield _Boundary(signed.size, signed.root, remembered=True)

    def _say(self, *faults: Fault) -> None:
        room = max(_MOST_FAULTS - len(self._faults), 0)
        self._faults += faults[:room]
        self._cut = self._cut or len(faults) > room


def _compared(tree: Frontier, remembered: set[bytes | None]) -> list[Fault]:
    if remembered == {tree.root()}:
        return []
    told = f"the first {tree.size} records are not those that a remembered checkpoint is of"
    return [Fault(Wrong.FORKED, 0, tree.size - 1, told)]


def _signed_tree(head: Head, root: bytes | None) -> Frontier | None:
    if len(head.frontier) != head.size.bit_count():
        return None
    tree = Frontier(head.size, head.frontier)
    return tree if tree.root() == root else None


def _rows(connection: Connection) -> Iterator[Row]:
    columns, after = tables.record.c, None
    # What a column holds is whatever the file says, text instead of bytes too.
    page = (
        select(columns.position, cast(columns.body, LargeBinary).label("body")).order_by(columns.position).limit(PAGE)
    )
    while True:
        found = connection.execute(page if after is None else page.where(columns.position > after)).all()
        for key, text in found:
            yield _row(key, text)
        if len(found) < PAGE:
            return
        after = found[-1].position


def _row(key: int, text: bytes) -> Row:
    try:
        record = read(text)
    except AuditError:
        return Row(key, leaf_hash(text), None, b"")
    return Row(key, leaf_hash(text), record.position, bytes.fromhex(record.previous))


def _heads(connection: Connection) -> Iterator[Head]:
    columns, after = tables.checkpoint.c, -1
    raw = [cast(column, LargeBinary).label(column.name) for column in (columns.note, columns.frontier, columns.head)]
    page = select(columns.size, *raw).order_by(columns.size).limit(PAGE)
    while found := connection.execute(page.where(columns.size > after)).all():
        for row in found:
            yield Head(row.size, "", row.note.decode(errors="replace"), hashes(row.frontier), row.head)
        after = found[-1].size
