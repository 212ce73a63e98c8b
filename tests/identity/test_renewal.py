"""When certificates are renewed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from licet.identity.renewal import renewal

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def test_at_half_life_give_or_take_a_tenth() -> None:
    """Those who started together do not come together."""
    ends = BEGIN + timedelta(hours=1)
    random = Random(1)
    drawn = [(renewal(BEGIN, ends, random) - BEGIN) / timedelta(minutes=1) for _ in range(2000)]
    assert 27 <= min(drawn) < 27.1
    assert 32.9 < max(drawn) <= 33
    assert 29.9 < sum(drawn) / len(drawn) < 30.1
