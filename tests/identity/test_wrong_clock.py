"""A clock that is wrong for a while costs no root: what was signed before is believed when it is right again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from licet.identity.authority import Kind, Standing, active, prepared
from licet.identity.lifetimes import Lifetimes
from licet.identity.node.upstream import Issued
from licet.identity.succession import Succession
from tests.identity.domains import NODE, ask, entry, founded

MINUTES = timedelta(minutes=11)
"""Longer than a new root has to be known before it is used."""


@pytest.mark.parametrize("aged", [timedelta(), timedelta(days=100)])
@pytest.mark.parametrize(
    "wrong",
    [
        [timedelta(days=400)],
        [timedelta(days=360), timedelta(days=360) + MINUTES],
        [timedelta(days=-200), timedelta(days=-200) + MINUTES],
        [timedelta(days=-2), timedelta(days=-2) + MINUTES],
        [timedelta(days=4000), timedelta(days=-4000), timedelta(days=-4000) + MINUTES],
    ],
)
def test_the_root_that_signed_is_not_lost_to_a_wrong_clock(
    tmp_path: Path, aged: timedelta, wrong: Sequence[timedelta]
) -> None:
    with founded(tmp_path) as domain:
        began = domain.clock.at
        domain.register(entry())
        right = domain.clock.at = began + aged
        domain.reconcile()
        root = active(domain.state.authorities, Kind.ROOT)
        assert root is not None
        for off in wrong:
            domain.clock.at = right + off
            domain.reconcile()
        for later in (timedelta(seconds=1), MINUTES, timedelta(hours=1)):
            domain.clock.at = right + later
            domain.reconcile()
            [kept] = [each for each in domain.state.authorities if each.id == root.id]
            assert kept.believed
            assert kept.handle is not None
            assert root.certificate in domain.state.bundle.x509
        [answer] = domain.issuer().mint(NODE, [ask()])
        assert isinstance(answer, Issued)


def test_a_root_that_retired_by_a_right_clock_goes_when_nothing_of_it_can_be_valid(tmp_path: Path) -> None:
    with founded(tmp_path) as domain:
        domain.clock.pass_by(86400)
        domain.succeed(lambda succession: _turn(succession))
        retired = [each for each in domain.state.authorities if each.standing is Standing.RETIRED]
        domain.clock.pass_by(Lifetimes().believed.total_seconds() + 1)
        domain.reconcile()
        assert {each.standing for each in domain.state.authorities if each.id in {r.id for r in retired}} == {
            Standing.REVOKED
        }


def _turn(succession: Succession) -> None:
    waiting = prepared(succession.state.authorities, Kind.ROOT)
    assert waiting is not None
    succession.activate(waiting)
