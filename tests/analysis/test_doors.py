"""The classes that let in any of some sources are those that asking each of them finds."""

import random

import pytest

from licet.analysis import bits
from licet.analysis.doors import Doors
from licet.analysis.grant import Grants
from licet.analysis.pages import Pages
from licet.analysis.rows import Row

_GRANTS = Grants()
_WIDTH = 300


def _row(draw: random.Random, most: int) -> Row:
    members = draw.sample(range(_WIDTH), draw.randrange(most))
    return Row({_GRANTS.open: bits.of(members, _WIDTH)} if members else {}, {})


def _asked(rows: Pages[Row], sources: int, within: int) -> list[int]:
    return [at for at in rows.numbers() if rows[at].admitted & sources and within >> at & 1]


@pytest.mark.parametrize("seed", range(40))
def test_they_are_those_that_asking_each_finds(seed: int) -> None:
    draw = random.Random(seed)
    most = draw.choice((2, 4, _WIDTH))
    rows = Pages.filled([_row(draw, most) for _ in range(_WIDTH)])
    doors = Doors.of(rows)
    for _ in range(5):
        come = {draw.randrange(_WIDTH): _row(draw, most) for _ in range(draw.choice((0, 1, 30)))}
        before, rows = rows, rows.changed(come)
        doors, earlier = doors.changed(rows, come), doors
        sources = bits.of(draw.sample(range(_WIDTH), draw.choice((0, 1, 3, 80))), _WIDTH)
        within = bits.of(draw.sample(range(_WIDTH), draw.choice((0, 5, 200, _WIDTH))), _WIDTH)
        assert list(doors.admitting(sources, within, _WIDTH)) == _asked(rows, sources, within)
        assert list(earlier.admitting(sources, within, _WIDTH)) == _asked(before, sources, within)
