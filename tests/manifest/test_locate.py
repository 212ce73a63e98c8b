"""Places become lines and columns."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.diag.place import Origin, Path, Place, Span
from licet.diag.text import Text
from licet.manifest.documents import read
from licet.manifest.locate import Locator, locate
from tests.manifest.manuscripts import manuscript

MANIFEST = """\
# of the shop
---
apiVersion: v1
kind: Pod
metadata: &meta
  name: shop # c
  labels:
    x: "1"   # one
    tier:
spec:
  <<: [*meta, {z: 3}]
  é: {ü: ö}
  list:
  - a
  - b: 1
    text: |
      foo
    long: "a
      b"
  flow: {a: [1, 2],
      b: 2}
  twice: 1
  twice: 2
"""


def underlined(data: bytes, place: Place) -> tuple[int, str]:
    """The line of a place and the text that a caret line would underline."""
    span = locate(Text("m", data), place)
    assert span.source == "m"
    assert span.line == span.end_line
    return span.line, data.decode().split("\n")[span.line - 1][span.column - 1 : span.end_column - 1]


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        ((), False, (3, "apiVersion: v1")),
        (("kind",), False, (4, "Pod")),
        (("kind",), True, (4, "kind")),
        (("metadata", "name"), False, (6, "shop")),
        (("metadata", "labels"), False, (8, 'x: "1"   # one')),
        (("metadata", "labels", "x"), False, (8, '"1"')),
        (("metadata", "labels", "tier"), False, (9, "tier")),
        (("spec", "name"), False, (6, "shop")),
        (("spec", "labels", "x"), True, (8, "x")),
        (("spec", "z"), False, (11, "3")),
        (("spec", "é", "ü"), False, (12, "ö")),
        (("spec", "list"), False, (14, "- a")),
        (("spec", "list", 1), False, (15, "b: 1")),
        (("spec", "list", 1, "text"), False, (16, "|")),
        (("spec", "list", 1, "long"), False, (18, '"a')),
        (("spec", "flow"), False, (20, "{a: [1, 2],")),
        (("spec", "flow", "a"), False, (20, "[1, 2]")),
        (("spec", "flow", "b"), False, (21, "2")),
        (("spec", "twice"), False, (23, "2")),
        (("spec", "list", 7), False, (14, "- a")),
        (("spec", "list", "x"), False, (14, "- a")),
        (("metadata", "name", "deeper"), True, (6, "shop")),
        (("nothing", "here"), True, (3, "apiVersion: v1")),
    ],
)
def test_fields(path: Path, key: bool, expected: tuple[int, str]) -> None:
    data = MANIFEST.encode()
    assert underlined(data, Place(Origin("m", 14, len(data) - 14), path, key)) == expected
    crlf = data.replace(b"\n", b"\r\n")
    line, text = underlined(crlf, Place(Origin("m", 15, len(crlf) - 15), path, key))
    assert (line, text.rstrip("\r")) == expected


def test_an_anchored_mapping_is_shown_by_its_first_line() -> None:
    data = MANIFEST.encode()
    assert underlined(data, Place(Origin("m", 14, len(data) - 14), ("metadata",))) == (6, "name: shop # c")


def test_items_of_a_list_are_found_under_their_origin() -> None:
    data = b"kind: List\napiVersion: v1\nitems:\n- {kind: A, apiVersion: v1}\n- kind: B\n  apiVersion: v1\n"
    (_, second), _ = read([Text("m", data)])
    assert underlined(data, Place(second.origin, ("kind",))) == (5, "B")


def test_json_is_located_too() -> None:
    data = b'{"kind": "A", "apiVersion": "v1",\n\t"b": {"c": "\\ud83d\\ude00\xff", "d": [1, 2]}} '
    data += b'{"kind": "B", "apiVersion": "v1"}'
    (first, second), _ = read([Text("m", data)])
    shown = Text("m", data.replace(b"\xff", b"?"))
    assert underlined(shown.data, Place(first.origin, ("b", "d", 1))) == (2, "2")
    assert underlined(shown.data, Place(second.origin, ("kind",))) == (2, '"B"')
    assert locate(Text("m", data), Place(first.origin, ("b", "d", 1))).line == 2


def test_a_place_in_a_broken_document_is_the_nearest_thing_before_the_break() -> None:
    data = b"# c\na:\n  b: 1\n  c: [\n"
    assert underlined(data, Place(Origin("m", 0, len(data)), ("a", "b"))) == (3, "1")
    assert underlined(b"\n# c\n  @x\n", Place(Origin("m", 0, 10), ("a",))) == (3, "@x")
    assert locate(Text("m", b""), Place(Origin("m", 0, 0))) == Span("m", 1, 1, 1, 2)


@given(
    st.randoms(use_true_random=False), st.lists(st.sampled_from(["a", "b", "kind", 0, 1]), max_size=4), st.booleans()
)
@settings(max_examples=150)
def test_it_never_raises_and_stays_on_a_line_of_the_text(random: Random, path: list[str | int], key: bool) -> None:
    data = manuscript(random).encode()
    start = random.randint(0, len(data))
    span = locate(Text("m", data), Place(Origin("m", start, random.randint(0, len(data))), tuple(path), key))
    assert 1 <= span.line == span.end_line <= data.count(b"\n") + 2
    assert 1 <= span.column < span.end_column


def test_a_locator_finds_places_of_different_documents_in_turn() -> None:
    data = b"a: 1\n---\na: 2\n"
    places = [Place(Origin("m", 0, 5), ("a",)), Place(Origin("m", 9, 5), ("a",))] * 2
    locator = Locator(Text("m", data))
    assert [locator.locate(place) for place in places] == [locate(Text("m", data), place) for place in places]
    assert [locator.locate(place).line for place in places] == [1, 3, 1, 3]
