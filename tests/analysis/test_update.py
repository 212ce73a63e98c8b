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
from licet.model.ports import Protocol
from licet.model.profiles import PROFILES
from licet.model.verdict import Verdict
from tests.analysis.small import block, cluster, labelled, network_policy, pods, rule, workload
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
        assert update.reach.columns[0] == {}
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


def test_a_policy_that_is_not_there_cannot_go() -> None:
    """Wrong use is an error, not silence."""
    cluster = random_cluster(Random(0))
    with pytest.raises(KeyError):
        reach(cluster, random_profile(Random(0))).update(gone=[Key("", "", "NetworkPolicy", "nowhere", "none")])


# --- By hand -----------------------------------------------------------------------------------------------------

TEN = rule(0, [block("10.0.0.0/24")])
ADDRESSED = [workload(f"w{i}", addresses=[f"10.0.{i}.1"], app="w") for i in range(3)]


def test_a_policy_without_a_new_line_between_pods_is_followed() -> None:
    """Pods of known addresses: the blocks are those that were there."""
    answer = reach(cluster(*ADDRESSED, network_policy("old", ingress=[TEN])), PROFILES["calico"])
    update = answer.update(come=[network_policy("new", egress=[TEN])])
    assert update.reach.grants is answer.grants
    assert update.reach.population is answer.population
    first, *others = (answer.population.class_of[w.key] for w in ADDRESSED)
    assert set(update.columns) == {first, *others}
    assert update.arriving == ()
    assert set(update.leaving) == {first, *others}
    assert answer.update(come=[network_policy("old", ingress=[TEN])]).columns == ()


def test_a_new_line_between_pods_asks_everything_anew() -> None:
    """Every class is named: none of the new ones was there before."""
    answer = reach(cluster(*ADDRESSED, network_policy("old", ingress=[TEN])), PROFILES["calico"])
    update = answer.update(come=[network_policy("new", ingress=[rule(0, [block("10.0.1.0/24")])])])
    assert update.reach.grants is not answer.grants
    assert update.reach.population.width == 4
    assert (update.columns, update.arriving, update.leaving) == ((1, 2, 3), (1, 2, 3), (1, 2, 3))


def test_where_no_address_is_known_no_block_draws_a_line() -> None:
    answer = reach(cluster(workload("a"), workload("b")), PROFILES["calico"])
    update = answer.update(come=[network_policy("new", ingress=[TEN])])
    assert update.reach.grants is answer.grants


def test_senders_that_change_alike_are_all_followed() -> None:
    """Each towards those that let it in, whichever of them that is."""
    senders = [workload(name, role="sender") for name in ("one", "two")]
    for admitted in ("one", "two"):
        door = network_policy("door", pods=labelled(app="db"), ingress=[rule(0, [pods(app=admitted)])])
        quiet = network_policy("quiet", pods=labelled(app="zzz"), egress=[])
        crowd = [workload(f"x{i}") for i in range(20)]
        answer = reach(cluster(*senders, workload("db"), *crowd, door, quiet), PROFILES["kubernetes"])
        silent = network_policy("silent", pods=labelled(role="sender"), egress=[])
        update = answer.update(come=[silent])
        db, sender = workload("db").key, workload(admitted).key
        assert answer.verdict(sender, db, Protocol.TCP, 80) is Verdict.ALLOW
        assert update.reach.verdict(sender, db, Protocol.TCP, 80) is Verdict.DENY
        assert answer.population.class_of[db] in update.columns
