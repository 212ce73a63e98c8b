"""Labels that find a workload's pods and nobody else's, in this version and the next."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.compile.selectors import Confused, Missing, OnHosts, Selected, Selections, stable
from licet.diag.place import Origin
from licet.model.addresses import AddressSet
from licet.model.cluster import Cluster
from licet.model.key import Key
from licet.model.selector import Operator, Requirement, Selector
from licet.model.ternary import Ternary
from licet.model.workload import Workload


def key(name: str, namespace: str = "shop") -> Key:
    return Key("", "apps", "Deployment", namespace, name)


def workload(
    name: str,
    labels: Mapping[str, str],
    *,
    unknown: frozenset[str] = frozenset(),
    host: bool = False,
    namespace: str = "shop",
    owner: Key | None = None,
) -> Workload:
    where = Origin(f"{name}.yaml")
    return Workload(key(name, namespace), labels, unknown, (), host, AddressSet(), "default", where, owner)


def selection(*workloads: Workload, of: str = "web") -> object:
    return Selections(Cluster({}, workloads)).of(key(of))


@pytest.mark.parametrize(
    "label",
    [
        "pod-template-hash",
        "controller-revision-hash",
        "rollouts-pod-template-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/job-name",
        "topology.kubernetes.io/zone",
        "controller-uid",
        "job-name",
        "version",
        "app.kubernetes.io/version",
        "service.istio.io/canonical-revision",
        "helm.sh/chart",
        "chart",
        "git-commit",
        "commit-sha",
        "build-date",
        "image_tag",
        "deploy.example.com/timestamp",
        "appVersion",
        "example.com/gitCommit",
    ],
)
def test_labels_that_change_are_never_used(label: str) -> None:
    assert not stable(label)
    assert selection(workload("web", {label: "1"})) == Confused({}, ())


@pytest.mark.parametrize(
    "label",
    ["app", "app.kubernetes.io/name", "k8s-app", "tier", "conversion", "hashing", "update", "release", "buildbot"],
)
def test_labels_that_stay_are_used(label: str) -> None:
    assert selection(workload("web", {label: "1"})) == Selected({label: "1"})


def test_one_label_is_enough_where_nobody_else_has_it() -> None:
    labels = {"tier": "front", "app": "web", "app.kubernetes.io/name": "web", "zebra": "1"}
    assert selection(workload("web", labels), workload("db", {"tier": "front"})) == Selected(
        {"app.kubernetes.io/name": "web"}
    )


def test_the_fewest_labels_are_taken_before_the_most_telling() -> None:
    others = [workload("a", {"app": "web", "tier": "x"}), workload("b", {"app": "other", "tier": "front"})]
    assert selection(workload("web", {"app": "web", "tier": "front", "color": "red"}), *others) == Selected(
        {"color": "red"}
    )


def test_more_than_three_labels_are_found_too() -> None:
    labels = dict.fromkeys("abcde", "1")
    others = [workload(f"not-{name}", {k: v for k, v in labels.items() if k != name}) for name in "abcd"]
    assert selection(workload("web", labels), *others) == Selected(dict.fromkeys("abcd", "1"))


def test_strangers_are_named() -> None:
    found = selection(
        workload("web", {"app": "web", "version": "1"}), workload("web-2", {"app": "web", "version": "2"})
    )
    assert found == Confused({"app": "web"}, (key("web-2"),))


def test_a_label_that_a_stranger_may_get_at_run_time_tells_nothing() -> None:
    found = selection(workload("web", {"app": "web"}), workload("x", {}, unknown=frozenset({"app"})))
    assert found == Confused({"app": "web"}, (key("x"),))


def test_other_namespaces_do_not_matter() -> None:
    found = selection(workload("web", {"app": "web"}), workload("web", {"app": "web"}, namespace="bank"))
    assert found == Selected({"app": "web"})


def test_what_of_a_workload_stands_on_its_own_is_found_by_what_they_share() -> None:
    rollout = workload("web-5d4f", {"app": "web", "color": "blue"}, owner=key("web"))
    assert selection(workload("web", {"app": "web", "color": "red"}), rollout) == Selected({"app": "web"})


def test_no_selector_finds_pods_on_hosts_or_nobody() -> None:
    assert selection(workload("web", {"app": "web"}, host=True)) == OnHosts()
    assert selection(workload("db", {"app": "db"})) == Missing()


LABELS = st.dictionaries(st.sampled_from(["app", "tier", "color", "version", "name"]), st.sampled_from("123"))


@given(st.lists(st.tuples(LABELS, st.frozensets(st.sampled_from(["app", "tier"]))), min_size=1, max_size=7))
def test_a_selection_is_exactly_the_workload(found: list[tuple[dict[str, str], frozenset[str]]]) -> None:
    """Nobody else may match, whatever labels they get at run time; where it gives up, no choice would have done."""
    workloads = [workload(f"w{at}", labels, unknown=unknown) for at, (labels, unknown) in enumerate(found)]
    selections = Selections(Cluster({}, tuple(workloads)))
    for one in workloads:
        chosen = selections.of(one.key)
        assert isinstance(chosen, Selected | Confused)
        selector = Selector.of([Requirement(k, Operator.IN, (v,)) for k, v in chosen.labels.items()])
        matched = [
            other.key
            for other in workloads
            if other.key != one.key and selector.matches(other.labels, other.runtime_labels) is not Ternary.NO
        ]
        assert all(one.labels[k] == v and stable(k) for k, v in chosen.labels.items())
        if isinstance(chosen, Selected):
            assert chosen.labels
            assert matched == []
        else:
            assert tuple(matched) == chosen.others or not chosen.labels
