"""A record is its canonical form, and nothing that says the same in other bytes is one."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from licet.audit.canonical import canonical
from licet.audit.errors import AuditError
from licet.audit.record import BEFORE_FIRST, Record, body, draft, read
from tests.audit.logs import fields, issued

TIME = "2026-01-01T00:00:00.000000Z"
BEFORE = bytes(range(32))
GOOD = body(draft(issued(1)), 3, BEFORE, TIME)


def changed(**values: object) -> bytes:
    """The record with these fields, in canonical form all the same."""
    return canonical({**fields(GOOD), **values})  # type: ignore[dict-item]


def test_what_was_written_is_read_back() -> None:
    event = issued(1)
    assert read(GOOD) == Record(
        actor=event.actor, detail=event.detail, kind=event.kind, position=3, previous=BEFORE.hex(), time=TIME
    )
    assert read(body(draft(event), 0, b"", TIME)).previous == BEFORE_FIRST
    assert changed() == GOOD


@pytest.mark.parametrize(
    "other",
    [
        lambda text: text.replace(b'":', b'": ', 1),
        lambda text: text + b"\n",
        lambda text: b" " + text,
        lambda text: text.replace(b"svid.issued", b"svid.\\u0069ssued"),
        lambda text: text.replace(b'"position":3', b'"position":3.0'),
        lambda text: text.replace(b'"position":3', b'"position":3,"position":3'),
        lambda text: b'{"kind":"svid.issued",' + text[1:].replace(b'"kind":"svid.issued",', b""),
        lambda text: msgspec.json.encode(fields(text) | {"more": 1}),
        lambda text: text.replace(b'"pid":4001', b'"pid":4001.5'),
        lambda text: text.replace(b'"pid":4001', b'"pid":' + b"[" * 5000 + b"]" * 5000),
        lambda text: text.replace(b"svid.issued", b"svid.\xff"),
        lambda text: text[:-1],
        lambda _: b"",
        lambda _: b"[]",
    ],
)
def test_the_same_in_other_bytes_is_no_record(other: Callable[[bytes], bytes]) -> None:
    assert other(GOOD) != GOOD
    with pytest.raises(AuditError, match=r"is no record|is not in canonical form"):
        read(other(GOOD))


@pytest.mark.parametrize(
    "values",
    [
        {"time": "2026-01-01T00:00:00Z"},
        {"time": "2026-01-01T00:00:00.000000+00:00"},
        {"time": f"{TIME} "},
        {"time": f"{TIME}\n"},
        {"time": f" {TIME}"},
        {"time": ""},
        {"previous": ""},
        {"previous": BEFORE.hex().upper()},
        {"previous": BEFORE.hex()[:-2]},
        {"previous": BEFORE.hex() + "00"},
        {"previous": f"{BEFORE.hex()}\n"},
        {"position": "3"},
        {"kind": 3},
        {"actor": None},
    ],
)
def test_a_record_says_when_and_after_which_in_one_form(values: dict[str, object]) -> None:
    with pytest.raises(AuditError, match=r"is no record|is not in canonical form"):
        read(changed(**values))
