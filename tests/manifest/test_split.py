"""Documents begin and end where kubectl's reader has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.manifest.split import split


def pieces(data: bytes) -> list[bytes]:
    return [data[piece.offset : piece.offset + piece.length] for piece in split(data)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n \r\n", []),
        (b"a: 1", [b"a: 1"]),
        (b"a: 1\n---\nb: 2\n", [b"a: 1\n", b"b: 2\n"]),
        (b"a: 1\n---", [b"a: 1\n"]),
        (b"---\na: 1\n", [b"---\na: 1\n"]),
        (b"a: 1\n---\n---\nb: 2\n", [b"a: 1\n", b"---\nb: 2\n"]),
        (b"a: 1\n--- # of b\nb: 2\n", [b"a: 1\n", b"b: 2\n"]),
        (b"a: 1\r\n---\r\nb: 2\r\n", [b"a: 1\r\n", b"b: 2\r\n"]),
        (b"a: 1\n---\t \nb: 2\n", [b"a: 1\n", b"b: 2\n"]),
        (b"a: |\n  x\n ---\n", [b"a: |\n  x\n ---\n"]),
        (b"a: 'x\n---\n  y'\n", [b"a: 'x\n", b"  y'\n"]),
        (b"%YAML 1.1\n---\na: 1\n", [b"%YAML 1.1\n", b"a: 1\n"]),
        (b"a: 1\n...\nb\n", [b"a: 1\n...\nb\n"]),
    ],
)
def test_split(data: bytes, expected: list[bytes]) -> None:
    assert pieces(data) == expected


@pytest.mark.parametrize("line", [b"--- a: 1", b"----", b"---a", b"--- |", b"--- !x"])
def test_a_separator_with_something_behind_it_is_refused(line: bytes) -> None:
    found = list(split(b"a: 1\n" + line + b"\nb: 2\n---\nc: 3\n"))
    assert [piece.refused.strip() for piece in found] == [b"", line, b""]
    assert found[1].refused_offset == 5
    assert pieces(line + b"\nb: 2\n---\nc: 3\n") == [b"b: 2\n", b"c: 3\n"]


def test_a_refused_separator_at_the_end_is_told_too() -> None:
    assert [piece.refused for piece in split(b"a: 1\n--- x")] == [b"", b"--- x"]


@given(st.text(alphabet="a-#\n \r", max_size=60).map(str.encode))
def test_what_lies_between_documents_is_blank_or_a_separator(data: bytes) -> None:
    position = 0
    for piece in split(data):
        assert piece.offset >= position
        skipped = data[position : piece.offset]
        assert all(not line.strip() or line.startswith(b"---") for line in skipped.split(b"\n"))
        position = piece.offset + piece.length
    assert all(not line.strip() or line.startswith(b"---") for line in data[position:].split(b"\n"))
