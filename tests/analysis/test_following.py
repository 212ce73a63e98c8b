"""A change is followed by hand: which rows are named, and when everything is answered anew."""

from __future__ import annotations

import pytest

from licet.analysis import meeting
from licet.analysis.diff import diff
from licet.analysis.reach import reach
from licet.model.policy import PodPeer
from licet.model.ports import Protocol
from licet.model.profiles import PROFILES
from licet.model.selector import Operator, Requirement, Selector
from licet.model.verdict import Verdict
from tests.analysis.small import anyone, block, cluster, labelled, network_policy, pods, rule, workload

TEN = rule(0, [block("10.0.0.0/24")])
ADDRESSED = [workload(f"w{i}", addresses=[f"10.0.{i}.1"], app="w") for i in range(3)]


def test_a_policy_without_a_new_line_between_pods_is_followed() -> None:
    """Pods of known addresses: the blocks are those that were there."""
    answer = reach(cluster(*ADDRESSED, network_policy("old", ingress=[TEN])), PROFILES["calico"])
    update = answer.update(come=[network_policy("new", egress=[TEN])])
    assert update.reach.grants is answer.grants
    assert update.reach.population is answer.population
    near, far, last = (answer.population.class_of[w.key] for w in ADDRESSED)
    assert far == last
    assert update.columns == (far,)
    assert update.arriving == ()
    assert update.leaving == (near, far)
    assert update.reach.columns[0] == {}
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


def test_a_change_towards_outside_changes_no_column() -> None:
    """Pods still reach each other, and nothing is asked of the pod of which nothing is known."""
    answer = reach(cluster(*(workload(f"w{i}") for i in range(20))), PROFILES["kubernetes"])
    update = answer.update(come=[network_policy("inside", pods=labelled(app="w1"), egress=[rule(0, [anyone()])])])
    assert (update.columns, update.arriving, update.leaving) == ((), (), (2,))
    assert update.reach.columns == answer.columns
    assert update.reach.columns[0] == {}


def test_senders_that_go_with_the_many_may_leave_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, and come back; everybody else stays with what most let out."""
    monkeypatch.setattr(meeting, "_LONG", 0)
    many = [workload(f"w{i}", half="yes" if i % 2 else "no") for i in range(40)]
    each = [
        network_policy(
            f"p{i}", pods=labelled(app=f"w{i}"), egress=[rule(0, [PodPeer(None, half_but(f"w{(i * 2 + 1) % 40}"))])]
        )
        for i in range(40)
    ]
    answer = reach(cluster(*many, *each), PROFILES["kubernetes"])
    for gone, come in (([3], []), ([7, 8], []), ([], [3]), ([], [7, 8])):
        answer = answer.update([each[i].key for i in gone], [each[i] for i in come]).reach
        there = cluster(*many, *answer.cluster.network_policies)
        assert not diff(answer, reach(there, PROFILES["kubernetes"]))
        said = [answer.verdict(many[10].key, many[i].key, Protocol.TCP, 80) for i in (21, 23, 24)]
        assert said == [Verdict.DENY, Verdict.ALLOW, Verdict.DENY]


def half_but(name: str) -> Selector:
    """Every second pod but one."""
    return Selector.of([Requirement("half", Operator.IN, ("yes",)), Requirement("app", Operator.NOT_IN, (name,))])
