"""A backup as a file: a header that anybody may read, and sealed chunks that only fit this header and this order.

    licet backup 1, and the end of the line
    length of the header, 4 bytes; the header in JSON
    length of a chunk, 4 bytes; the chunk: a box of `sealing.Seal`, as often as there are chunks

The context of each box holds the SHA-256 of the header, the number of the chunk and whether it is the last: a header
that was altered, and chunks that were dropped, swapped or taken from another backup, do not open. Lengths are
big-endian. One chunk is in memory at a time.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Literal

import msgspec

from licet.identity.errors import IdentityError, MalformedError
from licet.identity.sealing import Seal, Secret

_MAGIC = b"licet backup 1\n"
_ANY_MAGIC = re.compile(rb"licet backup \d+\n")
_LENGTH = 4
_LONGEST_HEADER = 1 << 16
_LONGEST_CHUNK = 1 << 28
_ANOTHER = "use another copy of it, or another backup"


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup says of itself. `created_at` is RFC 3339; `checkpoint` is that of the log, with so many records.

    `secret` says which secret opens it, that of the trust domain or its own, and `seal` how the key comes from it.
    """

    id: str
    trust_domain: str
    created_at: str
    schema: str
    records: int
    checkpoint: str
    secret: Literal["domain", "backup"]
    seal: str


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Rows of one table."""

    table: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Archive(msgspec.Struct, frozen=True):
    """A backup whose header was read."""

    path: Path
    header: Header
    digest: str

    def seal(self, secret: Secret) -> Seal:
        """What its chunks are sealed with; raises IdentityError where the secret is another."""
        return Seal.reopen(self.header.seal, secret)

    def parts(self, seal: Seal) -> Iterator[Part]:
        """Everything in it, in order. Raises MalformedError, after which nothing that came before is to be used."""
        with _reading(self.path) as file:
            _header(file, self.path)
            number, box = 0, _chunk(file, self.path)
            if box is None:
                raise _short(self.path)
            while box is not None:
                following = _chunk(file, self.path)
                yield self._open(seal, box, number, last=following is None)
                number, box = number + 1, following

    def _open(self, seal: Seal, box: bytes, number: int, *, last: bool) -> Part:
        try:
            plain = seal.open(box, _context(self.digest, number, last=last))
        except IdentityError:
            if last and _opens(seal, box, _context(self.digest, number, last=False)):
                raise _short(self.path) from None
            raise MalformedError(f"backup `{self.path}` was altered at its chunk {number}", _ANOTHER) from None
        try:
            return msgspec.msgpack.decode(plain, type=Part)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise MalformedError(f"chunk {number} of backup `{self.path}` is unreadable", _ANOTHER) from None


def write(file: IO[bytes], header: Header, seal: Seal, parts: Iterable[Part]) -> None:
    """Write a whole backup."""
    told = msgspec.json.encode(header)
    digest = sha256(told).hexdigest()
    file.write(_MAGIC + len(told).to_bytes(_LENGTH) + told)
    waiting: Part | None = None
    number = 0
    for part in parts:
        if waiting is not None:
            _write(file, seal, waiting, _context(digest, number, last=False))
            number += 1
        waiting = part
    assert waiting is not None, "a backup of nothing"
    _write(file, seal, waiting, _context(digest, number, last=True))


def read(path: Path) -> Archive:
    """The backup in this file, its header read and nothing verified yet; raises IdentityError."""
    with _reading(path) as file:
        told = _header(file, path)
    try:
        header = msgspec.json.decode(told, type=Header)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise MalformedError(f"the header of backup `{path}` is unreadable", _ANOTHER) from None
    return Archive(path, header, sha256(told).hexdigest())


def _write(file: IO[bytes], seal: Seal, part: Part, context: str) -> None:
    box = seal.seal(msgspec.msgpack.encode(part), context)
    file.write(len(box).to_bytes(_LENGTH) + box)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise IdentityError(f"backup `{path}` cannot be read: {reason}", "name the file of a backup") from None


def _header(file: IO[bytes], path: Path) -> bytes:
    magic = file.readline(len(_MAGIC) + 16)
    if magic != _MAGIC:
        if _ANY_MAGIC.fullmatch(magic):
            raise MalformedError(f"backup `{path}` is of another version of licet", "restore it with that version")
        raise MalformedError(f"`{path}` is no backup", "name a file of `licet identity backup`")
    length = int.from_bytes(_exactly(file, _LENGTH, path))
    if length > _LONGEST_HEADER:
        raise MalformedError(f"the header of backup `{path}` is unreadable", _ANOTHER)
    return _exactly(file, length, path)


def _chunk(file: IO[bytes], path: Path) -> bytes | None:
    """The next box; None at the end."""
    prefix = file.read(_LENGTH)
    if not prefix:
        return None
    length = int.from_bytes(prefix + _exactly(file, _LENGTH - len(prefix), path))
    if length > _LONGEST_CHUNK:
        raise MalformedError(f"backup `{path}` was altered at the length of a chunk", _ANOTHER)
    return _exactly(file, length, path)


def _exactly(file: IO[bytes], length: int, path: Path) -> bytes:
    found = file.read(length)
    if len(found) < length:
        raise _short(path)
    return found


def _opens(seal: Seal, box: bytes, context: str) -> bool:
    try:
        seal.open(box, context)
    except IdentityError:
        return False
    return True


def _short(path: Path) -> MalformedError:
    return MalformedError(f"backup `{path}` is cut short", _ANOTHER)


def _context(digest: str, number: int, *, last: bool) -> str:
    return f"backup {digest} {number} {'last' if last else 'more'}"
