"""A backup opens whole and as it was written, or not at all."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from licet.identity import archive
from licet.identity.archive import Header, Part
from licet.identity.errors import IdentityError, MalformedError, RefusedError
from licet.identity.sealing import KeyFile, Seal, new_key_file

PARTS = [Part("record", ("position", "body"), [(n, bytes([n]) * 40), (n + 1, b"\xff")]) for n in range(0, 8, 2)]


@pytest.fixture
def key(tmp_path: Path) -> KeyFile:
    new_key_file(tmp_path / "key")
    return KeyFile(tmp_path / "key")


def written(path: Path, key: KeyFile, id: str = "one", parts: list[Part] | None = None) -> Path:
    seal = Seal.new(key)
    header = Header(
        id=id,
        trust_domain="example.org",
        created_at="2026-01-01T00:00:00.000000Z",
        schema="0001",
        records=7,
        checkpoint="a note",
        secret="domain",
        seal=seal.describe(),
    )
    with path.open("wb") as file:
        archive.write(file, header, seal, PARTS if parts is None else parts)
    return path


def opened(path: Path, key: KeyFile) -> list[Part]:
    found = archive.read(path)
    return list(found.parts(found.seal(key)))


def split(raw: bytes) -> tuple[bytes, list[bytes]]:
    """What stands before the chunks, and the chunks with their lengths."""
    start = raw.index(b"\n") + 1
    start += 4 + int.from_bytes(raw[start : start + 4])
    head, chunks = raw[:start], []
    while start < len(raw):
        end = start + 4 + int.from_bytes(raw[start : start + 4])
        chunks.append(raw[start:end])
        start = end
    return head, chunks


def test_what_was_written_is_read(tmp_path: Path, key: KeyFile) -> None:
    assert opened(written(tmp_path / "b", key), key) == PARTS


def test_a_backup_of_one_chunk_and_of_a_large_row(tmp_path: Path, key: KeyFile) -> None:
    parts = [Part("record", ("body",), [(b"x" * 3_000_000,)])]
    assert opened(written(tmp_path / "b", key, parts=parts), key) == parts


def test_the_header_is_there_for_whoever_has_no_secret(tmp_path: Path, key: KeyFile) -> None:
    header = archive.read(written(tmp_path / "b", key)).header
    assert (header.trust_domain, header.records, header.checkpoint) == ("example.org", 7, "a note")


def test_another_secret_is_refused_before_anything_opens(tmp_path: Path, key: KeyFile) -> None:
    new_key_file(tmp_path / "other")
    with pytest.raises(RefusedError, match="is not the one"):
        opened(written(tmp_path / "b", key), KeyFile(tmp_path / "other"))


def test_every_altered_byte_is_noticed(tmp_path: Path, key: KeyFile) -> None:
    raw = written(tmp_path / "b", key).read_bytes()
    for position in range(len(raw)):
        (tmp_path / "c").write_bytes(raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :])
        with pytest.raises(IdentityError):
            opened(tmp_path / "c", key)


def test_every_length_but_the_whole_is_noticed(tmp_path: Path, key: KeyFile) -> None:
    raw = written(tmp_path / "b", key).read_bytes()
    for length in range(len(raw)):
        (tmp_path / "c").write_bytes(raw[:length])
        with pytest.raises(MalformedError):
            opened(tmp_path / "c", key)
    (tmp_path / "c").write_bytes(raw + b"\0")
    with pytest.raises(MalformedError, match="cut short"):
        opened(tmp_path / "c", key)


def test_a_cut_between_two_chunks_is_called_one(tmp_path: Path, key: KeyFile) -> None:
    head, chunks = split(written(tmp_path / "b", key).read_bytes())
    for count in range(len(chunks)):
        (tmp_path / "c").write_bytes(head + b"".join(chunks[:count]))
        with pytest.raises(MalformedError, match="cut short"):
            opened(tmp_path / "c", key)


Rearranged = Callable[[list[bytes], list[bytes]], list[bytes]]


@pytest.mark.parametrize(
    "rearranged",
    [
        lambda own, _: [own[1], own[0], *own[2:]],
        lambda own, _: [own[0], *own[2:]],
        lambda own, _: own[1:],
        lambda own, _: [own[0], *own],
        lambda own, _: [*own, own[-1]],
        lambda own, other: [own[0], other[1], *own[2:]],
        lambda own, other: [*own[:-1], other[-1]],
        lambda _, other: other,
    ],
    ids=["swapped", "dropped", "first dropped", "twice", "last twice", "another's", "another's end", "another's all"],
)
def test_chunks_fit_their_place_in_their_backup_alone(tmp_path: Path, key: KeyFile, rearranged: Rearranged) -> None:
    head, own = split(written(tmp_path / "b", key).read_bytes())
    _, other = split(written(tmp_path / "o", key, id="two").read_bytes())
    (tmp_path / "c").write_bytes(head + b"".join(rearranged(own, other)))
    with pytest.raises(MalformedError, match="altered at its chunk"):
        opened(tmp_path / "c", key)


def test_a_header_that_says_something_else_opens_nothing(tmp_path: Path, key: KeyFile) -> None:
    """Also where the seal's description, which is what a secret is judged by, is left as it was."""
    head, chunks = split(written(tmp_path / "b", key).read_bytes())
    told = archive.read(tmp_path / "b").header
    for change in ({"records": 6}, {"trust_domain": "evil.example"}, {"checkpoint": "an older note"}):
        altered = msgspec.json.encode(msgspec.structs.replace(told, **change))
        start = head[: head.index(b"\n") + 1]
        (tmp_path / "c").write_bytes(start + len(altered).to_bytes(4) + altered + b"".join(chunks))
        with pytest.raises(MalformedError, match="altered at its chunk 0"):
            opened(tmp_path / "c", key)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"licet backup 2\nwhatever", "of another version of licet"),
        (b"SQLite format 3\0", "is no backup"),
        (b"", "is no backup"),
        (b"licet backup 1\n\xff\xff\xff\xff", "header .* is unreadable"),
        (b"licet backup 1\n\0\0\0\2{}", "header .* is unreadable"),
    ],
)
def test_what_is_no_backup_is_called_so(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "b").write_bytes(raw)
    with pytest.raises(MalformedError, match=message):
        archive.read(tmp_path / "b")


def test_junk_ends_in_a_clean_refusal(tmp_path: Path, key: KeyFile) -> None:
    raw, random_ = written(tmp_path / "b", key).read_bytes(), random.Random(4)
    for _ in range(300):
        position = random_.randrange(len(raw))
        (tmp_path / "c").write_bytes(raw[:position] + random_.randbytes(random_.randrange(1, 60)))
        with pytest.raises(IdentityError):
            opened(tmp_path / "c", key)


def test_a_folder_and_a_file_that_is_not_there_are_no_backup(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(IdentityError, match="cannot be read"):
            archive.read(path)
