"""Cluster policies in tiers, judged by the conformance suite that enforcers have to pass."""

from __future__ import annotations

import pytest

from licet.analysis.reach import reach
from licet.model.profiles import PROFILES
from licet.model.verdict import Verdict
from tests.judge.conformance.suite import Poke, fetch, pokes
from tests.oracle import decide

PROFILE = PROFILES["kubernetes"]


@pytest.fixture(scope="module")
def suite() -> list[Poke]:
    return list(pokes(fetch()))


def test_the_engine_conforms(suite: list[Poke]) -> None:
    for poke in suite:
        answer = reach(poke.cluster, PROFILE).verdict(poke.src.key, poke.dst.key, poke.protocol, poke.port)
        assert answer is (Verdict.ALLOW if poke.expected else Verdict.DENY), poke


def test_the_naive_evaluator_conforms(suite: list[Poke]) -> None:
    for poke in suite:
        answer = decide(poke.cluster, PROFILE, poke.src, poke.dst, poke.protocol, poke.port)
        assert answer is (Verdict.ALLOW if poke.expected else Verdict.DENY), poke


def test_the_whole_suite_is_read(suite: list[Poke]) -> None:
    """Sixteen tests, most connections refused or made by a tier, none lost while reading."""
    assert len({poke.test for poke in suite}) == 16
    assert len(suite) == 230
    assert 60 < sum(poke.expected for poke in suite) < 200
