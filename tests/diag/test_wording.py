"""Words that every room's messages are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from licet.diag.wording import instant, lasting


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172799, "47 h"), (172800, "2 d")],
)
def test_a_span_is_told_in_the_largest_unit_of_which_there_are_two(seconds: int, words: str) -> None:
    assert lasting(timedelta(seconds=seconds)) == words


def test_an_instant_is_told_in_utc_wherever_it_was_taken() -> None:
    at = datetime(2026, 11, 21, 17, 2, 3, 999999, tzinfo=UTC)
    elsewhere = at.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert instant(at) == instant(elsewhere) == "2026-11-21T17:02:03Z"
