"""Additions to a text: what is read afterwards is what was there with one thing more, and no other byte is another."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.diag.place import Origin, Path
from licet.diag.text import Text
from licet.manifest.documents import read
from licet.manifest.edit import Unplaced, insert_item, insert_key

ITEM = ["# a.yaml:3: DB_HOST=db", "- name: db", "  to: {service: {name: db}}"]
ADDED = {"name": "db", "to": {"service": {"name": "db"}}}

PLACES = {
    "a block list": ("calls:\n- name: a\nmode: x\n", "calls:\n- name: a\n{}mode: x\n", 0),
    "a list that is set in": ("spec:\n  calls:\n    - name: a\n", "spec:\n  calls:\n    - name: a\n{}", 4),
    "a remark behind the last item": ("calls:\n- a: 1  # one\n", "calls:\n- a: 1  # one\n{}", 0),
    "a remark below the last item": (
        "calls:\n- a: 1\n  # one\n# two\nb: 2\n",
        "calls:\n- a: 1\n  # one\n{}# two\nb: 2\n",
        0,
    ),
    "an empty line behind the list": ("calls:\n- a: 1\n\nb: 2\n", "calls:\n- a: 1\n{}\nb: 2\n", 0),
    "no line break at the end": ("calls:\n- a: 1", "calls:\n- a: 1\n{}", 0),
    "a text of many lines at the end": (
        "calls:\n- a: |\n    x\n    y\nb: 2\n",
        "calls:\n- a: |\n    x\n    y\n{}b: 2\n",
        0,
    ),
    "a last value that is empty": ("calls:\n- a:\nb: 2\n", "calls:\n- a:\n{}b: 2\n", 0),
    "a flow mapping at the end": ("calls:\n- {a: 1,\n   b: 2}\nb: 2\n", "calls:\n- {a: 1,\n   b: 2}\n{}b: 2\n", 0),
    "an empty list": ("calls: []\nb: 2\n", "calls:\n{}b: 2\n", 0),
    "an empty list with a remark": ("calls: []  # yet\nb: 2\n", "calls:  # yet\n{}b: 2\n", 0),
    "a key without a value": ("calls:\nb: 2\n", "calls:\n{}b: 2\n", 0),
    "a key without a value at the end": ("b: 2\ncalls:", "b: 2\ncalls:\n{}", 0),
    "null in words": ("calls: null\nb: 2\n", "calls:\n{}b: 2\n", 0),
}


def document(text: str) -> tuple[bytes, Origin]:
    data = ("apiVersion: v1\nkind: X\n" + text).encode()
    return data, Origin("a.yaml", 0, len(data))


def value(data: bytes) -> object:
    (found,), _ = read([Text("a.yaml", data)])
    return found.value


def path_to_calls(text: str) -> Path:
    return ("spec", "calls") if text.startswith("spec") else ("calls",)


@pytest.mark.parametrize("name", PLACES)
def test_an_item_more(name: str) -> None:
    before, after, indent = PLACES[name]
    data, origin = document(before)
    got = insert_item(data, origin, path_to_calls(before), ITEM)
    put = "".join(" " * indent + line + "\n" for line in ITEM)
    expected = "apiVersion: v1\nkind: X\n" + after.replace("{}", put if before.endswith("\n") else put.rstrip("\n"))
    assert got.decode() == expected


FLOW = {
    "one line": ("calls: [{a: 1}]\n", "calls: [{a: 1},\n  # why\n  {name: db}]\n"),
    "a comma at the end": ("calls: [{a: 1},]\n", "calls: [{a: 1},\n  # why\n  {name: db}]\n"),
    "a line an item": (
        "calls: [\n    {a: 1},  # one\n]\n",
        "calls: [\n    {a: 1},  # one\n    # why\n    {name: db}\n]\n",
    ),
    "no comma at the end": (
        "calls: [\n    {a: 1}  # one\n]\n",
        "calls: [\n    {a: 1},  # one\n    # why\n    {name: db}\n]\n",
    ),
    "empty within a flow mapping": ("spec: {calls: [], b: 2}\n", "spec: {calls: [{name: db}], b: 2}\n"),
}


@pytest.mark.parametrize("name", FLOW)
def test_an_item_more_in_flow_style(name: str) -> None:
    before, after = FLOW[name]
    data, origin = document(before)
    got = insert_item(data, origin, path_to_calls(before), ["# why", "- name: db"])
    assert got.decode().removeprefix("apiVersion: v1\nkind: X\n") == after


def test_a_list_that_is_missing_becomes_the_last_key() -> None:
    data, origin = document("spec:\n  a: 1  # one\n\nz: 2\n")
    got = insert_item(data, origin, ("spec", "calls"), ["- name: db"])
    assert got.decode().endswith("spec:\n  a: 1  # one\n  calls:\n  - name: db\n\nz: 2\n")


def test_a_key_in_a_flow_mapping() -> None:
    data, origin = document("serves:\n- {name: http, ports: [{port: 80}]}\n")
    got = insert_key(data, origin, ("serves", 0), ["callers:", "  from: Selected", "  peers:", "  - name: a"])
    assert got.decode().endswith("- {name: http, ports: [{port: 80}], callers: {from: Selected, peers: [{name: a}]}}\n")


def test_json_stays_json() -> None:
    data = json.dumps({"apiVersion": "v1", "kind": "X", "spec": {"calls": [{"a": 1}]}}, indent=2).encode()
    got = insert_item(data, Origin("a.json", 0, len(data)), ("spec", "calls"), ITEM)
    assert json.loads(got)["spec"]["calls"] == [{"a": 1}, ADDED]


def test_line_breaks_stay_those_of_windows() -> None:
    data, _ = document("calls:\r\n- a: 1\r\n")
    data = data.replace(b"X\n", b"X\r\n").replace(b"v1\n", b"v1\r\n")
    got = insert_item(data, Origin("a.yaml", 0, len(data)), ("calls",), ITEM)
    assert got.count(b"\n") == got.count(b"\r\n") == 7


def test_only_the_document_that_is_meant_changes() -> None:
    first, second = "apiVersion: v1\nkind: X\ncalls:\n- ä: 1\n", "---\napiVersion: v1\nkind: X\ncalls:\n- a: 1\n"
    data = (first + second).encode()
    documents, _ = read([Text("a.yaml", data)])
    assert insert_item(data, documents[0].origin, ("calls",), ["- b"]).decode() == first + "- b\n" + second
    assert insert_item(data, documents[1].origin, ("calls",), ["- b"]).decode() == first + second + "- b\n"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: &x [1]\ncalls: *x\n", ("calls",)),
        ("calls: text\n", ("calls",)),
        ("calls: {a: 1}\n", ("calls",)),
        ("base: &b {calls: [1]}\nspec:\n  <<: *b\n  a: 1\n", ("spec", "calls")),
        ("a: 1\n", ("spec", "serves", 0, "callers")),
    ],
)
def test_where_an_addition_might_mean_more_there_is_none(text: str, path: Path) -> None:
    data, origin = document(text)
    with pytest.raises(Unplaced):
        insert_item(data, origin, path, ITEM)


def test_a_key_is_never_given_twice() -> None:
    data, origin = document("spec:\n  calls: []\n")
    with pytest.raises(Unplaced):
        insert_key(data, origin, ("spec",), ["calls: []"])


SCALARS = st.one_of(
    st.sampled_from(
        ["x", "'y z'", '"q\\n"', "12", "[]", "{}", "{a: 1}", "[1, {b: 2}]", "|\n{pad}  text\n{pad}  more", ""]
    )
)
REMARKS = st.sampled_from(["", "  # remark", "  # ä"])


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, int]:
    """A document with a list `calls` somewhere in it, in block or flow style, and the list's length."""
    step = draw(st.sampled_from([0, 2, 4]))
    pad = " " * step
    items = draw(st.lists(st.tuples(SCALARS, REMARKS), max_size=4))
    before = draw(st.sampled_from(["", "a: 1\n", "# top\na:\n- 1\n\n", "a: &n {x: 1}\nm: *n\n"]))
    after = draw(st.sampled_from(["", "b: 2\n", "\n# below\nb: 2\n", "# below\n"]))
    if draw(st.booleans()):
        body = "".join(
            f"{pad}- k:{' ' + text.replace('{pad}', pad + '  ') if text else ''}{'' if '|' in text else remark}\n"
            for text, remark in items
        )
        return f"{before}calls:\n{body}{after}", len(items)
    flat = [text for text, _ in items if "|" not in text and text]
    gap = draw(st.sampled_from([" ", "\n  ", "\n      "]))
    close = draw(st.sampled_from(["", "\n  ", ",\n  ", " "])) if flat else ""
    return f"{before}calls: [{(',' + gap).join(flat)}{close}]{draw(REMARKS)}\n{after}", len(flat)


@given(texts())
def test_whatever_stands_around_the_list_stays(made: tuple[str, int]) -> None:
    text, length = made
    data, origin = document(text)
    was = value(data)
    assert isinstance(was, dict)
    got = insert_item(data, origin, ("calls",), ITEM)
    assert value(got) == {**was, "calls": [*(was["calls"] or []), ADDED]}
    kept = data.decode().replace("calls: []", "calls:") if length == 0 else data.decode()
    rest = iter(got.decode())
    assert all(character in rest for character in kept)


@given(texts())
def test_a_second_item_goes_behind_the_first(made: tuple[str, int]) -> None:
    data, origin = document(made[0])
    once = insert_item(data, origin, ("calls",), ITEM)
    twice = insert_item(once, Origin("a.yaml", 0, len(once)), ("calls",), ["- name: other"])
    found = value(twice)
    assert isinstance(found, dict)
    assert found["calls"][-2:] == [ADDED, {"name": "other"}]
