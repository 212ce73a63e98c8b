"""Logs tampered with at random places, and whether a verification finds what was done and where.

`python -m tests.audit.tampering 1000` runs as many cases of each kind as it is told, and says what came of them.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import msgspec

from licet.audit.fault import Fault, Wrong
from licet.audit.record import BEFORE_FIRST, body, draft
from licet.audit.tree import Frontier, leaf_hash
from licet.audit.verify import verify
from licet.store.database import Database
from tests.audit import logs

BATCHES = (300, *[1] * 40, 90, 5, 7, 3, 260, *[2] * 30, 311, 1, 64)
SIZE = sum(BATCHES)


class Expected(msgspec.Struct, frozen=True):
    """What has to be found: any of these kinds, and at these places at most."""

    wrong: tuple[Wrong, ...]
    first: int
    last: int

    def found(self, faults: tuple[Fault, ...]) -> bool:
        """Whether the faults say it, and nothing beyond it."""
        return bool(faults) and all(
            fault.wrong in self.wrong and self.first <= fault.first and fault.last <= self.last for fault in faults
        )


Tamper = Callable[[sqlite3.Connection, Random], Expected]


def _body(file: sqlite3.Connection, position: int) -> bytes:
    found = file.execute("SELECT body FROM record WHERE position = ?", (position,)).fetchone()[0]
    assert isinstance(found, bytes)
    return found


def _put(file: sqlite3.Connection, position: int, text: bytes) -> None:
    file.execute("INSERT OR REPLACE INTO record (position, body) VALUES (?, ?)", (position, text))


def _move(file: sqlite3.Connection, first: int, by: int) -> None:
    file.execute("UPDATE record SET position = -1 - (position + ?) WHERE position >= ?", (by, first))
    file.execute("UPDATE record SET position = -1 - position WHERE position < 0")


def flip(file: sqlite3.Connection, random: Random) -> Expected:
    """One bit of one record."""
    at = random.randrange(SIZE)
    text = bytearray(_body(file, at))
    text[random.randrange(len(text))] ^= 1 << random.randrange(8)
    _put(file, at, bytes(text))
    return Expected((Wrong.CHANGED,), at, at)


def drop(file: sqlite3.Connection, random: Random) -> Expected:
    """One record, or some, with those after it moved up or not."""
    at, count = random.randrange(SIZE - 3), random.choice((1, 1, 1, 2))
    file.execute("DELETE FROM record WHERE position BETWEEN ? AND ?", (at, at + count - 1))
    if random.randrange(2):
        _move(file, at + count, -count)
    return Expected((Wrong.REMOVED,), at, at + count - 1)


def insert(file: sqlite3.Connection, random: Random) -> Expected:
    """A copy of a record, or one made to fit, with those after it moved down."""
    at = random.randrange(SIZE + 1)
    if at < SIZE:
        _move(file, at, 1)
    if random.randrange(2):
        copied = random.randrange(SIZE)
        _put(file, at, _body(file, copied if copied < at else copied + 1))
    else:
        before = leaf_hash(_body(file, at - 1)) if at else b""
        _put(file, at, body(draft(logs.issued(99)), at, before, "2026-01-01T00:00:00.000000Z"))
    # A copy of a neighbour next to it is the same whichever of the two is called the inserted one.
    return Expected((Wrong.INSERTED,), at - 1, at + 1)


def swap(file: sqlite3.Connection, random: Random) -> Expected:
    """Two records, side by side or far from each other."""
    first = random.randrange(SIZE - 1)
    second = first + 1 if random.randrange(2) else random.randrange(first + 1, SIZE)
    one, other = _body(file, first), _body(file, second)
    _put(file, first, other)
    _put(file, second, one)
    return Expected((Wrong.REORDERED,), first, second)


def truncate(file: sqlite3.Connection, random: Random) -> Expected:
    """The end, with the checkpoints of it or without."""
    at = random.randrange(SIZE)
    file.execute("DELETE FROM record WHERE position >= ?", (at,))
    if random.randrange(2):
        # What is left ends where a checkpoint says, as a log of then did: only who remembers a later one can tell.
        at = file.execute("SELECT coalesce(max(size), 0) FROM checkpoint WHERE size <= ?", (at,)).fetchone()[0]
        file.execute("DELETE FROM record WHERE position >= ?", (at,))
        file.execute("DELETE FROM checkpoint WHERE size > ?", (at,))
    return Expected((Wrong.TRUNCATED,), at, SIZE - 1)


def rewrite(file: sqlite3.Connection, random: Random) -> Expected:
    """One record, and then everything that can be computed without the log's key."""
    at = random.randrange(SIZE)
    rows = [text for (text,) in file.execute("SELECT body FROM record ORDER BY position")]
    tree, previous = Frontier(), ""
    frontiers: dict[int, tuple[bytes, bytes]] = {}
    for position, old in enumerate(rows):
        text = old
        if position >= at:
            fields = logs.fields(old)
            fields["kind"] = "svid.forged" if position == at else fields["kind"]
            fields["previous"] = previous or BEFORE_FIRST
            text = msgspec.json.encode(fields, order="sorted")
            _put(file, position, text)
        leaf = leaf_hash(text)
        previous = leaf.hex()
        tree.add(leaf)
        frontiers[tree.size] = (b"".join(tree.hashes), leaf)
    file.execute("DELETE FROM subtree")
    file.executemany("INSERT INTO subtree (level, number, hash) VALUES (?, ?, ?)", tree.full)
    sizes = [size for (size,) in file.execute("SELECT size FROM checkpoint ORDER BY size")]
    thorough = random.randrange(2)
    for size in sizes if thorough else []:
        file.execute("UPDATE checkpoint SET frontier = ?, head = ? WHERE size = ?", (*frontiers[size], size))
    last = next(size for size in sizes if size > at)
    first = max((size for size in sizes if size <= at), default=0)
    return Expected((Wrong.REWRITTEN,) if thorough else (Wrong.REWRITTEN, Wrong.CHANGED), first, last - 1)


KINDS: tuple[Tamper, ...] = (flip, drop, insert, swap, truncate, rewrite)


class _UndoneError(Exception):
    """Takes back what was done in a transaction."""


def campaign(database: Database, cases: int, seed: int) -> Iterator[tuple[str, Expected, tuple[Fault, ...], bool]]:
    """So many cases of each kind: what was done, what has to be found, what was, and whether that is it.

    The database is empty before. A case is undone before the next one begins.
    """
    remembered = logs.grow(database, BATCHES)[-1:]
    assert logs.verified(database, remembered).holds
    for tamper in KINDS:
        random = Random(f"{seed} {tamper.__name__}")
        for _ in range(cases):
            expected, faults = _tampered(database, tamper, random, remembered)
            yield tamper.__name__, expected, faults, expected.found(faults)
    assert logs.verified(database, remembered).holds


def _close_gaps(file: sqlite3.Connection) -> None:
    """So that the next one finds a row at every place, which may then be fewer or more than there were."""
    rows = [text for (text,) in file.execute("SELECT body FROM record ORDER BY position")]
    rows += [rows[-1]] * (SIZE - len(rows))
    file.execute("DELETE FROM record")
    file.executemany("INSERT INTO record (position, body) VALUES (?, ?)", enumerate(rows))


def mixtures(database: Database, cases: int, seed: int) -> Iterator[tuple[Fault, ...]]:
    """What is found where several things were done to an empty database's log, one after the other."""
    remembered = logs.grow(database, BATCHES)[-1:]
    random = Random(seed)
    for _ in range(cases):
        several = [random.choice((flip, drop, insert, swap)) for _ in range(random.randrange(2, 5))]

        def tamper(file: sqlite3.Connection, random: Random, several: Sequence[Tamper] = several) -> Expected:
            done = Expected((), 0, 0)
            for one in several:
                done = one(file, random)
                _close_gaps(file)
            return done

        yield _tampered(database, tamper, random, remembered)[1]


def _tampered(
    database: Database, tamper: Tamper, random: Random, remembered: list[str]
) -> tuple[Expected, tuple[Fault, ...]]:
    found: list[tuple[Expected, tuple[Fault, ...]]] = []
    with suppress(_UndoneError), database.write() as connection:
        file = connection.connection.driver_connection
        assert isinstance(file, sqlite3.Connection)
        expected = tamper(file, random)
        found.append((expected, verify(connection, logs.KNOWN, remembered).faults))
        raise _UndoneError
    return found[0]


def main() -> None:
    """Print what a campaign came to."""
    done: Counter[str] = Counter()
    right: Counter[str] = Counter()
    detected: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        database = logs.made(Path(folder) / "log" / "licet.db")
        for kind, expected, faults, found in campaign(database, int(sys.argv[1]), 2):
            done[kind] += 1
            detected[kind] += bool(faults)
            right[kind] += found
            if not found:
                print(kind, expected, faults[:4])
    for kind, number in done.items():
        print(f"{kind}: {number} cases, {detected[kind]} detected, {right[kind]} located")


if __name__ == "__main__":
    main()
