"""Following a change gives the answer that asking anew would give, and names exactly the rows that changed."""

from __future__ import annotations

from random import Random

import pytest

from licet.analysis.diff import diff
from licet.analysis.reach import reach
from licet.analysis.shelf import Policy
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.policy import NetworkPolicy
from tests.clusters import random_cluster, random_profile


def changed_policies(rng: Random, old: Cluster, new: Cluster) -> tuple[list[Key], list[Policy]]:
    """A few policies that go, and a few of another cluster that come: new ones, and namesakes of old ones."""
    here: list[Policy] = [*old.network_policies, *old.cluster_policies]
    there: list[Policy] = [*new.network_policies, *new.cluster_policies]
    gone = [policy.key for policy in here if rng.random() < 0.3]
    return gone, [policy for policy in there if rng.random() < 0.4]


def with_policies(cluster: Cluster, gone: list[Key], come: list[Policy]) -> Cluster:
    """The cluster as the update should leave it, put together in the plainest way."""
    out = {*gone, *(policy.key for policy in come)}
    held: list[Policy] = [*cluster.network_policies, *cluster.cluster_policies]
    kept = [policy for policy in held if policy.key not in out]
    network = tuple(p for p in (*kept, *come) if isinstance(p, NetworkPolicy))
    wide = tuple(p for p in (*kept, *come) if not isinstance(p, NetworkPolicy))
    return Cluster(cluster.namespaces, cluster.workloads, network, wide, platform=cluster.platform)


@pytest.mark.parametrize("seed", range(250))
def test_an_update_is_the_fresh_answer(seed: int) -> None:
    """Two updates in a row, so that what the first leaves behind is used as well; the first answer stays as it was."""
    rng = Random(seed)
    cluster, profile = random_cluster(rng), random_profile(rng)
    first = reach(cluster, profile)
    before = [dict(column) for column in first.columns]
    answer = first
    for _ in range(2):
        gone, come = changed_policies(rng, answer.cluster, random_cluster(rng))
        come = [policy for policy in come if policy.key.namespace in ("", *cluster.namespaces)]
        expected = reach(with_policies(answer.cluster, gone, come), profile)
        update = answer.update(gone, come)
        assert not diff(update.reach, expected)
        assert set(answer.cluster.network_policies) >= {
            p for p in update.reach.cluster.network_policies if p not in come
        }
        answer = update.reach
    assert [dict(column) for column in first.columns] == before


@pytest.mark.parametrize("seed", range(100))
def test_only_rows_that_changed_are_named(seed: int) -> None:
    """A destination is named where what reaches it differs, and nowhere else."""
    rng = Random(seed)
    cluster, profile = random_cluster(rng), random_profile(rng)
    answer = reach(cluster, profile)
    gone, come = changed_policies(rng, cluster, cluster)
    update = answer.update(gone, come)
    if update.reach.grants is not answer.grants:
        pytest.skip("a new cut between pods: everything is answered anew")
    pairs = list(zip(answer.columns, update.reach.columns, strict=True))
    assert set(update.columns) == {at for at, (old, new) in enumerate(pairs) if old != new}
    for named, rows in (
        (update.arriving, (answer.ingress, update.reach.ingress)),
        (update.leaving, (answer.egress, update.reach.egress)),
    ):
        assert set(named) == {at for at, (a, b) in enumerate(zip(*rows, strict=True)) if a.outside != b.outside}


@pytest.mark.parametrize("seed", range(60))
def test_answering_anew_after_very_many_updates_is_not_told_apart(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was remembered is let go, and still only what changed is named."""
    rng = Random(seed)
    cluster, profile = random_cluster(rng), random_profile(rng)
    gone, come = changed_policies(rng, cluster, cluster)
    answer = reach(cluster, profile)
    followed = answer.update(gone, come)
    if not come or followed.reach.grants is not answer.grants:
        pytest.skip("nothing comes, or a new cut between pods")
    monkeypatch.setattr("licet.analysis.reach._MOST_FOLLOWED", 0)
    anew = answer.update(gone, come)
    assert anew.reach._followed == 0
    assert followed.reach._followed == len(come)
    assert not diff(followed.reach, anew.reach)
    assert (followed.columns, followed.arriving, followed.leaving) == (anew.columns, anew.arriving, anew.leaving)


def test_a_policy_that_is_not_there_cannot_go() -> None:
    """Wrong use is an error, not silence."""
    cluster = random_cluster(Random(0))
    with pytest.raises(KeyError):
        reach(cluster, random_profile(Random(0))).update(gone=[Key("", "", "NetworkPolicy", "nowhere", "none")])
