"""Documents of a shape that is known are read no otherwise than those whose shape is new."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.manifest import exact, fast, shapes
from licet.manifest.shapes import Shapes
from licet.manifest.split import split
from licet.manifest.written import Written
from tests.manifest.manuscripts import manuscript, value
from tests.manifest.test_fast import typed
from tests.shared import shared

HEAD = "apiVersion: v1\nkind: A\n"
_SCALAR = re.compile(r"^( *(?:- +)*(?:[^ #:'\"]+: +)?)([^ #].*)$")


def plain(found: Any) -> Any:
    return found.value if isinstance(found, Written) else found


def disagreement(known: Shapes, data: bytes) -> str:
    """What a reader that has read before makes of a document where a fresh one makes something else, or nothing."""
    found, due = plain(known.read(data)), fast.Lines().read(data)
    return "" if typed(found) == typed(due) else f"{found!r} instead of {due!r}"


def varied(random: Random, text: str) -> str:
    """The text with other scalars in some of its lines."""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        match = _SCALAR.match(line)
        if match is not None and random.random() < 0.4:
            lines[at] = match[1] + value(random)
    return "\n".join(lines)


@given(st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_a_known_shape_filled_anew_means_what_its_text_means(seed: int) -> None:
    known, random = Shapes(), Random(seed)
    text = random.choice(["", "---\n", "# c\n"]) + HEAD + manuscript(random)
    for _ in range(2):
        known.read(text.encode())
    for _ in range(6):
        assert not disagreement(known, varied(random, text).encode())


def test_documents_of_every_shape_are_read_after_each_other_as_they_are_alone() -> None:
    known, random = Shapes(), Random(1)
    texts = [HEAD + manuscript(random) for _ in range(300)]
    written = 0
    for _ in range(3):
        for text in texts:
            data = varied(random, text).encode()
            assert not disagreement(known, data)
            written += isinstance(known.read(data), Written)
    assert written > 40


@pytest.mark.parametrize("name", ["corpus", "oracle"])
def test_real_documents_read_again_mean_the_same(name: str) -> None:
    known, written, total = Shapes(), 0, 0
    for path in sorted(shared(name).rglob("*.y*ml")):
        data = path.read_bytes()
        for piece in split(data):
            document = data[piece.offset : piece.offset + piece.length]
            known.read(document)
            known.read(document)
            found = known.read(document)
            if found is not fast.UNSURE:
                assert typed(plain(found)) == typed(exact.build(document).value), path
            total += 1
            written += isinstance(found, Written)
    assert written > 0.7 * total > 100


def third(text: str, *before: str) -> Any:
    """What becomes of a text after others, or after itself, were read twice."""
    known = Shapes()
    for earlier in before or (text,):
        for _ in range(2):
            known.read(earlier.encode())
    return known.read(text.encode())


def test_a_shape_that_came_back_is_not_built() -> None:
    text = HEAD + 'metadata: {name: é}\nspec:\n- a: "1"\n  b:\n- - x\n  - 017\n-   c: "\\""\n    d: # none\n'
    found = third(text.replace("é", "x"), text)
    assert isinstance(found, Written)
    assert (found.api_version, found.kind) == ("v1", "A")
    assert found.value == {
        "apiVersion": "v1",
        "kind": "A",
        "metadata": {"name": "x"},
        "spec": [{"a": "1", "b": None}, ["x", 15], {"c": '"', "d": None}],
    }


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("kind: B\napiVersion: v1\n", "kind: A\napiVersion: v1\n"),
        ("kind: A\napiVersion: v2\n", "kind: A\napiVersion: v1\n"),
        ("kind: A\napiVersion: v1\na: y\n", "kind: A\napiVersion: v1\na: x\n"),
        ("kind: true\napiVersion: v1\n", "kind: A\napiVersion: v1\n"),
        ("kind: {a: 1}\napiVersion: v1\n", "kind: A\napiVersion: v1\n"),
        ("kind: A\napiVersion: v1\na: |\n  b: 1\n", "kind: A\napiVersion: v1\na: x\n"),
        ("kind: A\napiVersion: v1\na: 1.5\n", "kind: A\napiVersion: v1\na: 1\n"),
        ("kind: A\napiVersion: v1\na: [1e30]\n", "kind: A\napiVersion: v1\na: [1]\n"),
        ("kind: A\napiVersion: v1\na: " + "x" * 300 + "\n", "kind: A\napiVersion: v1\na: x\n"),
    ],
)
def test_what_is_more_than_another_scalar_means_what_it_says(text: str, before: str) -> None:
    assert plain(third(text, before)) == exact.build(text.encode()).value


@pytest.mark.parametrize(
    "text",
    [
        "kind: List\napiVersion: v1\nspec: 1\n",
        "kind: A\napiVersion: v1\nitems:\n- a: 1\n",
        "kind: A\napiVersion: ''\n",
        "kind: A\n",
        "apiVersion: v1\nspec:\n  kind: A\n",
        "  kind: A\n  apiVersion: v1\n",
        "- kind: A\n  apiVersion: v1\n",
        "# nothing\n",
    ],
)
def test_what_is_not_one_object_is_never_taken_for_one(text: str) -> None:
    assert not isinstance(third(text), Written)
    assert plain(third(text)) == exact.build(text.encode()).value


def test_a_repeated_key_goes_the_exact_way_however_often_it_comes() -> None:
    assert third("kind: A\napiVersion: v1\na: 1\na: 2\n") is fast.UNSURE


def test_what_is_remembered_is_bounded_and_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "_REMEMBERED", 40)
    monkeypatch.setattr(shapes, "_TOGETHER", 60)
    known, random = Shapes(), Random(2)
    texts = [HEAD + manuscript(random) for _ in range(20)]
    for _ in range(5):
        for text in texts:
            assert not disagreement(known, varied(random, text).encode())


def test_long_documents_are_left_to_the_lines() -> None:
    text = HEAD + "".join(f"k{i}: v\n" for i in range(1200))
    assert plain(third(text)) == exact.build(text.encode()).value
