"""JSON as kubectl reads it: a stream of values, numbers by Go's rules, the last of two keys."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.manifest.json_stream import Unparsed, Value, is_json, values

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e300, 1e300) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def one(data: bytes) -> Value:
    (found,) = values(data)
    assert isinstance(found, Value)
    return found


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": 1.0, "b": 1e3, "c": -0}', {"a": 1.0, "b": 1000.0, "c": 0}),
        (b'{"a": 9223372036854775807}', {"a": 2**63 - 1}),
        (b'{"a": 9223372036854775808, "b": 99999999999999999999999}', {"a": float(2**63), "b": 1e23}),
        (b'{"a": "\\ud800x", "\\udc00": ["\\ud83d\\ude00"]}', {"a": "\ufffdx", "\ufffd": ["😀"]}),
        (b'{"a": "\xff\xe2\x82"}', {"a": "\ufffd\ufffd\ufffd"}),
        (b'{"\\u0022": "\\/"}', {'"': "/"}),
    ],
)
def test_values(data: bytes, value: Any) -> None:
    found = one(data)
    assert (found.offset, found.length, found.repeats, found.unfit) == (0, len(data), (), "")
    assert repr(found.value) == repr(value)


@pytest.mark.parametrize(
    "data", [b'{"a": 1, "a": 2}', b'{"a": 1, "\\u0061": 2}', b'{"a" : "\\u0022", "b": "", "a": 2}']
)
def test_the_last_of_two_keys_wins_and_is_told(data: bytes) -> None:
    found = one(data)
    assert found.value["a"] == 2
    assert found.repeats == ("a",)


def test_a_stream_says_where_each_value_is() -> None:
    data = ' {"a": "é"}{"b": 1}\n[2] "x"'.encode()
    found = [item for item in values(data) if isinstance(item, Value)]
    assert [json.loads(data[item.offset : item.offset + item.length]) for item in found] == [
        {"a": "é"},
        {"b": 1},
        [2],
        "x",
    ]
    assert [item.value for item in found] == [{"a": "é"}, {"b": 1}, [2], "x"]


@pytest.mark.parametrize(
    ("data", "offset", "fault", "count"),
    [
        (b'{"a": 1}\n---\nb: 2\n', 8, 9, 1),
        (b"{a: 1}", 0, 1, 0),
        (b'{"a": NaN}', 0, 0, 0),
        (b'{"a": 1}{"b": 2}\n{', 16, 18, 2),
        (b'{"a": "\t"}', 0, 7, 0),
        (b'{"a":' * 5000, 0, 0, 0),
    ],
)
def test_the_end_of_json_is_told(data: bytes, offset: int, fault: int, count: int) -> None:
    *_, last = values(data)
    assert isinstance(last, Unparsed)
    assert (last.offset, last.fault, last.count) == (offset, fault, count)


def test_numbers_beyond_64_bits_are_unfit() -> None:
    found = [item for item in values(b'{"a": 1e999}{"b": 1}') if isinstance(item, Value)]
    assert [item.unfit for item in found] == ["1e999", ""]


@given(JSON.map(lambda value: {"k": value}), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_json_that_python_writes_is_read_back(value: Any, indent: int | str | None, ascii_only: bool) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "replace")
    found = one(data)
    assert found.value == json.loads(data)
    assert found.repeats == ()


@given(st.lists(st.sampled_from(['"', ":", "a", "\\u0022", '\\"']), max_size=6).map("".join), st.text("ab", max_size=2))
def test_no_repetition_is_missed(text: str, other: str) -> None:
    """Whatever quotes and colons stand in keys and values."""
    pairs = [("k" + text.replace('"', ""), text.replace('"', "")), (other, "x"), ("k", "1"), ("k", "2")]
    data = "{" + ", ".join(f'"{key}" : "{value}"' for key, value in pairs) + "}"
    try:
        keys = [key for key, _ in json.loads(data, object_pairs_hook=list)]
    except json.JSONDecodeError:
        return
    assert len(one(data.encode()).repeats) == len(keys) - len(set(keys))


def test_what_looks_like_json() -> None:
    assert is_json(b' \n{"a"')
    assert not is_json(b"a: {}")
    assert not is_json(b"[1]")
    assert not is_json(b" " * 5000 + b"{}")
