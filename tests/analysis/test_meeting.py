"""However egress rows are turned round, the same connections come out."""

from __future__ import annotations

from random import Random

import pytest

from licet.analysis import meeting
from licet.analysis.diff import diff
from licet.analysis.reach import reach
from tests.clusters import random_cluster, random_profile


@pytest.mark.parametrize("seed", range(150))
def test_a_usual_row_changes_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small clusters never need one, so here it is always looked for; an update keeps to it."""
    rng = Random(seed)
    cluster, profile = random_cluster(rng), random_profile(rng)
    plain = reach(cluster, profile)
    monkeypatch.setattr(meeting, "_LONG", 0)
    found = reach(cluster, profile)
    assert not diff(plain, found)
    gone = [policy.key for policy in cluster.network_policies if rng.random() < 0.5]
    assert not diff(plain.update(gone).reach, found.update(gone).reach)


def test_it_is_looked_for_where_rows_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above would prove nothing if no seed had rows with a usual part."""
    monkeypatch.setattr(meeting, "_LONG", 0)
    followed = several = 0
    for seed in range(150):
        rng = Random(seed)
        cluster, profile = random_cluster(rng), random_profile(rng)
        answer = reach(cluster, profile)
        followed += any(answer._meeting._followers)
        several += len(answer._meeting._usual) > 1
    assert followed > 10
    assert several > 3
