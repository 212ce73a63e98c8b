"""What is said of rotation before it happens is what rotation does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from licet.identity.authority import Authority, Kind, Standing
from licet.identity.forecast import Due, forecast
from licet.identity.lifetimes import Lifetimes
from licet.identity.rotation import Activate, Prepare, Revoke, plan

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LIFETIMES = Lifetimes()


def authority(kind: Kind, standing: Standing, age: timedelta = timedelta(0)) -> Authority:
    life = LIFETIMES.root if kind is Kind.ROOT else LIFETIMES.intermediate
    begin = NOW - age
    return Authority(
        id=f"{kind.value} {standing.value}",
        kind=kind,
        standing=standing,
        issuer=None,
        certificate=None,
        public_key=b"",
        keeper="sealed",
        handle=b"",
        not_before=begin,
        not_after=begin + timedelta(seconds=life),
        changed_at=begin,
    )


FRESH = (
    authority(Kind.ROOT, Standing.ACTIVE),
    authority(Kind.ROOT, Standing.PREPARED),
    authority(Kind.INTERMEDIATE, Standing.ACTIVE),
    authority(Kind.JWT, Standing.ACTIVE),
)


def test_a_new_domain_prepares_its_successors_at_half_life() -> None:
    def half(seconds: int) -> datetime:
        return NOW + timedelta(seconds=seconds / 2 + 1)

    assert forecast(FRESH, NOW, LIFETIMES) == {
        "root active": Due(Prepare(Kind.ROOT), half(LIFETIMES.root)),
        "root prepared": Due(Prepare(Kind.ROOT), half(LIFETIMES.root)),
        "intermediate active": Due(Prepare(Kind.INTERMEDIATE), half(LIFETIMES.intermediate)),
        "jwt active": Due(Prepare(Kind.JWT), half(LIFETIMES.intermediate)),
    }


def test_a_successor_signs_when_a_sixth_is_left_and_who_has_retired_goes() -> None:
    retired = replace(authority(Kind.INTERMEDIATE, Standing.RETIRED, timedelta(hours=40)), changed_at=NOW)
    old = authority(Kind.INTERMEDIATE, Standing.ACTIVE, timedelta(hours=30))
    waiting = authority(Kind.INTERMEDIATE, Standing.PREPARED, timedelta(hours=6))
    told = forecast((*FRESH[:2], FRESH[3], retired, old, waiting), NOW, LIFETIMES)
    takes_over = Due(Activate(waiting), NOW + timedelta(hours=10, seconds=1))
    assert told[old.id] == told[waiting.id] == takes_over
    assert told[retired.id].step == Revoke(retired)
    assert told[retired.id].at == min(NOW + LIFETIMES.believed, retired.not_after + timedelta(seconds=1))


@pytest.mark.parametrize("hours", [0, 12, 23, 25, 39, 41, 47, 49])
def test_nothing_is_done_before_it_was_said_and_what_was_said_is_done_then(hours: int) -> None:
    waiting = authority(Kind.INTERMEDIATE, Standing.PREPARED, timedelta(hours=hours / 3))
    there = (*FRESH[:2], FRESH[3], authority(Kind.INTERMEDIATE, Standing.ACTIVE, timedelta(hours=hours)), waiting)
    told = forecast(there, NOW, LIFETIMES)
    first = min(due.at for due in told.values())
    if first > NOW:
        assert plan(there, first - timedelta(seconds=2), LIFETIMES) == ()
    for due in told.values():
        assert due.step in plan(there, due.at, LIFETIMES)


def test_what_is_revoked_has_no_future() -> None:
    gone = authority(Kind.JWT, Standing.REVOKED)
    assert gone.id not in forecast((*FRESH, gone), NOW, LIFETIMES)
