"""`licet ask`, as a user meets it."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.command import DENY_ALL, allow, deployment, licet

_HEAD = (
    "apiVersion: licet.dev/v1alpha1\nkind: Assertions\nmetadata: {name: shop, namespace: shop}\nspec:\n  assertions:\n"
)
_TRUE = (
    "  - name: only the web reads the cart\n"
    "    only: {from: [{workload: {name: web}}], to: [{workload: {name: cart}}]}\n"
)
_FALSE = (
    "  - name: nobody reads the cart\n    reason: it is private\n"
    "    deny: {from: [{any: {}}], to: [{workload: {name: cart}}], ports: [{port: 8080}]}\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with two workloads, one of which may call the other, and two assertions of which one holds."""
    (tmp_path / "all.yaml").write_text(deployment("web") + deployment("cart") + DENY_ALL + allow("web", "cart"))
    (tmp_path / "asks.yaml").write_text(_HEAD + _TRUE + _FALSE)
    return tmp_path


def test_a_failure_names_a_witness_and_the_rule_that_let_it_through(shop: Path) -> None:
    ran = licet("ask", "asks.yaml", cwd=shop)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith(
        "error[L0300]: `nobody reads the cart` does not hold: "
        "`shop/web[Deployment]` reaches `shop/cart[Deployment]` on TCP 8080\n"
    )
    assert "--> all.yaml:" in ran.out
    assert ran.out.endswith(
        "holds  only the web reads the cart\nfails  nobody reads the cart\n\n1 of 2 assertions hold\n"
    )


def test_exit_0_is_for_all_that_hold(shop: Path) -> None:
    (shop / "asks.yaml").write_text(_HEAD + _TRUE)
    ran = licet("ask", shop / "asks.yaml", shop)
    assert (ran.code, ran.out) == (0, "holds  only the web reads the cart\n\nthe assertion holds\n")


def test_junit_has_a_test_an_assertion(shop: Path) -> None:
    suites = ET.fromstring(licet("ask", "asks.yaml", "-o", "junit", cwd=shop).out)
    assert (suites.get("tests"), suites.get("failures")) == ("2", "1")
    assert [case.get("name") for case in suites.iter("testcase")] == [
        "only the web reads the cart",
        "nobody reads the cart",
    ]


def test_json_holds_every_assertion_with_its_witness(shop: Path) -> None:
    document = json.loads(licet("ask", "asks.yaml", "-o", "json", cwd=shop).out)
    true, false = document["assertions"]
    assert (true["holds"], true["count"], true["failures"]) == (True, 0, [])
    assert (false["holds"], false["count"], false["reason"]) == (False, 1, "it is private")
    (failure,) = false["failures"]
    assert (failure["src"], failure["dst"], failure["port"], failure["verdict"]) == (
        "shop/web[Deployment]",
        "shop/cart[Deployment]",
        8080,
        "allow",
    )
    assert failure["cause"]["where"]["source"] == "all.yaml"
    assert [finding["code"] for finding in document["findings"]] == ["L0300"]


def test_annotations_and_scanners_get_the_failure(shop: Path) -> None:
    assert licet("ask", "asks.yaml", "-o", "github", cwd=shop).out.startswith("::error title=L0300%3A `nobody")
    log = json.loads(licet("ask", "asks.yaml", "-o", "sarif", cwd=shop).out)
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["L0300"]
    assert "**error L0300** at `all.yaml:" in licet("ask", "asks.yaml", "-o", "markdown", cwd=shop).out


def test_a_misspelt_assertion_fails_with_its_line(shop: Path) -> None:
    (shop / "asks.yaml").write_text(_HEAD + _TRUE.replace("workload: {name: web}", "worload: {name: web}"))
    ran = licet("ask", "asks.yaml", cwd=shop)
    assert ran.code == 1
    assert "error[L0140]: " in ran.out
    assert "--> asks.yaml:7:" in ran.out


def test_an_assertion_about_nobody_does_not_hold(shop: Path) -> None:
    (shop / "asks.yaml").write_text(_HEAD + _TRUE.replace("name: cart", "name: crat"))
    ran = licet("ask", "asks.yaml", cwd=shop)
    assert ran.code == 1
    assert "error[L0302]: `only the web reads the cart` names somebody who is not in the manifests\n" in ran.out


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_a_file_that_asserts_nothing_is_wrong_usage(shop: Path, text: str) -> None:
    (shop / "empty.yaml").write_text(text)
    ran = licet("ask", "empty.yaml", cwd=shop)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("licet: `empty.yaml` asserts nothing: ")


def test_assertions_among_the_manifests_are_no_unknown_objects(shop: Path) -> None:
    assert licet("map", cwd=shop).err == ""
