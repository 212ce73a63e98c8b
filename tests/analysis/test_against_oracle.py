"""The engine and the naive evaluator, written from one text by two hands, agree on every packet."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from licet.model.cluster import Cluster
from licet.model.profile import Profile
from licet.model.verdict import Verdict
from tests.clusters import clusters, profiles, questions
from tests.differences import differences, random_case, smallest
from tests.oracle import decide

CASES = range(300)
PACKETS = 80


@pytest.mark.parametrize("batch", range(10))
def test_the_engine_agrees_with_the_naive_evaluator(batch: int) -> None:
    """Verdicts, the map and explanations, 24,000 packets in all, from seeds that never change."""
    for seed in CASES[batch::10]:
        for found in differences(*random_case(seed, PACKETS)):
            pytest.fail(f"seed {seed}: {smallest(found)}")


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # `smallest` knows better what may be left out
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(clusters(), profiles(), st.integers(0, 1 << 30))
def test_they_agree_on_clusters_that_hypothesis_looks_for(cluster: Cluster, profile: Profile, seed: int) -> None:
    """The same law where hypothesis draws; `python -m tests.long` searches on."""
    for found in differences(cluster, profile, questions(Random(seed), cluster, 20)):
        pytest.fail(str(smallest(found)))


def test_the_packets_are_worth_judging() -> None:
    """A generator that only makes allowed packets would let everything pass."""
    said = Counter[Verdict]()
    for seed in CASES[:100]:
        cluster, profile, asked = random_case(seed, 40)
        said.update(decide(cluster, profile, q.src, q.dst, q.protocol, q.port) for q in asked)
    assert min(said[verdict] for verdict in Verdict) > said.total() / 12
