"""The generated clusters are the same everywhere and are what their names promise."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import blocks
from bench.estate import plan
from bench.generate import PODS_A_SET, VARIANTS, Case, files, write
from licet.model.addresses import AddressSet

LOADER = yaml.CSafeLoader


def objects(case: Case) -> list[Mapping[str, Any]]:
    return [item for _, texts in files(case) for text in texts for item in yaml.load_all(text, LOADER)]


def policies(case: Case) -> list[Mapping[str, Any]]:
    return [o for o in objects(case) if o["kind"] == "NetworkPolicy" and o["metadata"]["name"] != "default-deny"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_case_gives_the_same_files(variant: str) -> None:
    assert list(files(Case(variant, 200))) == list(files(Case(variant, 200)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_object_is_named_once(variant: str) -> None:
    names = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects(Case(variant, 200))]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("variant", "expected"), [("plain", 100), ("cidr", 100), ("notin", 100), ("none", 0)])
def test_there_are_as_many_policies_as_workloads_and_a_default_deny_a_namespace(variant: str, expected: int) -> None:
    found = objects(Case(variant, 100))
    kinds = [o["kind"] for o in found]
    platform = 2
    assert sum(k in ("Deployment", "StatefulSet", "DaemonSet") for k in kinds) == 100 + platform
    assert len(policies(Case(variant, 100))) == expected
    denied = [o for o in found if o["kind"] == "NetworkPolicy" and o["metadata"]["name"] == "default-deny"]
    assert len(denied) == (4 if expected else 0)


def test_bare_pods_share_label_sets() -> None:
    pods = [o for o in objects(Case("pods", 1000)) if o["kind"] == "Pod"]
    labels = {tuple(sorted(o["metadata"]["labels"].items())) for o in pods}
    assert (len(pods), len(labels)) == (1000, 1000 // PODS_A_SET)


def test_every_policy_has_a_block_of_its_own() -> None:
    found = [
        peer["ipBlock"]
        for policy in policies(Case("cidr", 400))
        for rule in (*policy["spec"]["ingress"], *policy["spec"].get("egress", ()))
        for peer in (*rule.get("from", ()), *rule.get("to", ()))
        if "ipBlock" in peer
    ]
    expected = {block for block, _ in islice(blocks.distinct(1), 400)}
    assert len(expected) == 400
    assert expected <= {b["cidr"] for b in found}
    for block in found:
        assert not AddressSet.of(block.get("except", ())) - AddressSet.of([block["cidr"]])


def test_exclusions_name_apps_that_exist() -> None:
    case = Case("notin", 100)
    apps = {app.name for app in plan(100, case.seed).apps}
    excluded = [
        frozenset(policy["spec"]["ingress"][0]["from"][0]["podSelector"]["matchExpressions"][0]["values"])
        for policy in policies(case)
    ]
    assert frozenset().union(*excluded) <= apps
    assert len(set(excluded)) > 90


def test_callers_and_callees_are_one_graph() -> None:
    estate = plan(300, 7)
    assert {(caller, callee) for callee, those in enumerate(estate.callers) for caller in those} == {
        (caller, callee) for caller, those in enumerate(estate.callees) for callee in those
    }


def test_cluster_policies_fill_both_tiers() -> None:
    found = [o["spec"] for o in objects(Case("cnp60", 100)) if o["kind"] == "ClusterNetworkPolicy"]
    assert [sum(p["tier"] == tier for p in found) for tier in ("Admin", "Baseline")] == [40, 20]
    assert len({(p["tier"], p["priority"]) for p in found}) == 60


def test_split_changes_files_and_nothing_else() -> None:
    whole, split = Case("plain", 100), Case("plain", 100, split=True)
    assert [text for _, texts in files(whole) for text in texts] == [
        text for _, texts in files(split) for text in texts
    ]
    assert all(len(texts) == 1 for _, texts in files(split))


def test_what_is_written_is_what_is_said(tmp_path: Path) -> None:
    count, documents, size = write(Case("plain", 60), tmp_path)
    written = list(tmp_path.rglob("*.yaml"))
    assert (count, size) == (len(written), sum(p.stat().st_size for p in written))
    assert documents == sum(len(list(yaml.load_all(p.read_bytes(), LOADER))) for p in written)


@pytest.mark.parametrize("name", ["plain-1000", "pods-100000", "plain-10-split"])
def test_a_case_is_read_back_from_its_name(name: str) -> None:
    assert Case.parse(name).name == name


@pytest.mark.parametrize("name", ["plain", "plain-", "what-10", "plain-10-spilt", "plain--10"])
def test_a_name_that_is_no_case_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a case"):
        Case.parse(name)
