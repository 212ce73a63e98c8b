"""A clock that is wrong rotates nothing that a right one could not bring back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from licet.identity.lifetimes import Lifetimes
from licet.identity.server import Server
from licet.identity.steadiness import Steadiness, uptime
from tests.identity.domains import Founded, founded

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Clocks:
    """The clock that is set, and the one that nobody sets."""

    def __init__(self) -> None:
        self.wall = BEGAN
        self.up = 100.0

    def steadiness(self, last: datetime | None = BEGAN) -> Steadiness:
        """What compares the two."""
        return Steadiness(lambda: self.wall, last, lambda: self.up)

    def pass_by(self, time: timedelta) -> None:
        """Let both go on."""
        self.wall += time
        self.up += time.total_seconds()


def test_time_that_passes_is_no_doubt() -> None:
    clocks = Clocks()
    steadiness = clocks.steadiness()
    clocks.pass_by(400 * DAY)
    clocks.wall += 0.9 * HOUR
    assert (steadiness.doubt(), steadiness.doubt_of_roots(Lifetimes())) == ("", "")


@pytest.mark.parametrize(
    ("set_by", "said"),
    [
        (400 * DAY, "the clock was set ahead by 576000 min while this server ran"),
        (-2 * HOUR, "the clock was set back by 120 min while this server ran"),
    ],
)
def test_a_clock_that_is_set_is_doubted_until_it_is_set_right(set_by: timedelta, said: str) -> None:
    clocks = Clocks()
    steadiness = clocks.steadiness()
    clocks.pass_by(HOUR)
    clocks.wall += set_by
    assert steadiness.doubt() == said
    clocks.wall -= set_by
    assert steadiness.doubt() == ""


@pytest.mark.parametrize(
    ("last", "doubt", "of_roots"),
    [
        (None, "", ""),
        (BEGAN - 30 * DAY, "", ""),
        (BEGAN - 31 * DAY, "", "nothing was recorded for 31 days before this server started"),
        (BEGAN + 0.9 * HOUR, "", ""),
        (BEGAN + 2 * HOUR, "the last record of the log is later than the clock", ""),
    ],
)
def test_a_start_is_compared_with_the_last_record(last: datetime | None, doubt: str, of_roots: str) -> None:
    steadiness = Clocks().steadiness(last)
    assert (steadiness.doubt(), steadiness.doubt_of_roots(Lifetimes())) == (doubt, of_roots)


def test_the_clock_that_nobody_sets_goes_on() -> None:
    assert 0 < uptime() <= uptime()


@pytest.mark.parametrize(("away", "root_stays"), [(400 * DAY, True), (DAY, False)])
def test_a_server_leaves_roots_alone_that_a_doubtful_clock_would_end(
    tmp_path: Path, away: timedelta, root_stays: bool
) -> None:
    def standing(domain: Founded) -> dict[str, str]:
        return {each.id: each.standing.value for each in domain.state.authorities if each.kind.value == "root"}

    def run(domain: Founded, clock: Callable[[], datetime], last: datetime) -> list[str]:
        steadiness = Steadiness(clock, last, lambda: 0.0)
        server = Server(domain.issuer(), domain.ledger, domain.keyring, clock, None, steadiness)
        with capture_logs() as logs:
            server._reconcile()
            server._reconcile()
        return [str(line["event"]) for line in logs if "rotated" in str(line["event"])]

    with founded(tmp_path) as domain:
        domain.reconcile()
        before, began = standing(domain), domain.clock()
        domain.clock.pass_by(int((400 * DAY).total_seconds()))
        told = run(domain, domain.clock, began + 400 * DAY - away)
        assert (standing(domain) == before) is root_stays
        assert told == (["roots are not rotated"] if root_stays else [])
