"""`licet policies`, as a user meets it."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.command import DENY_ALL, SHOP, allow, deployment, licet

_NOBODY = (
    "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: stale, namespace: shop}\n"
    "spec: {podSelector: {matchLabels: {app: crat}}}\n"
)


@pytest.fixture
def stale(tmp_path: Path) -> Path:
    """A policy for pods that are no more, beside some that do their work."""
    file = tmp_path / "all.yaml"
    file.write_text(deployment("web") + deployment("cart") + DENY_ALL + allow("web", "cart") + _NOBODY)
    return file


def test_what_is_wrong_is_the_answer_with_its_line_and_a_count(stale: Path) -> None:
    ran = licet("policies", stale)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("warning[L0200]: `shop/stale` selects no pod\n")
    assert "spec: {podSelector: {matchLabels: {app: crat}}}\n" in ran.out
    assert ran.out.splitlines()[-1].startswith("Found 1 warning in 4 policies (")


def test_a_warning_fails_where_that_is_asked_for(stale: Path) -> None:
    assert licet("policies", stale, "--fail-on", "warning").code == 1
    assert licet("policies", stale, "--fail-on", "error").code == 0


def test_every_form_tells_the_same_finding(stale: Path) -> None:
    def out(form: str, *more: str) -> str:
        ran = licet("policies", stale, "-o", form, *more)
        assert ran.err == ""
        return ran.out

    (finding,) = json.loads(out("json"))["findings"]
    (result,) = json.loads(out("sarif"))["runs"][0]["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert (result["ruleId"], region["startLine"]) == (finding["code"], finding["where"]["line"])
    assert ET.fromstring(out("junit")).get("failures") == "0"
    assert ET.fromstring(out("junit", "--fail-on", "warning")).get("failures") == "1"
    assert out("github").startswith("::warning title=L0200%3A `shop/stale` selects no pod,file=")
    assert out("markdown").startswith("### Licet: 1 warning\n\n- **warning L0200** at ")


def test_nothing_wrong_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(deployment("web") + deployment("cart") + DENY_ALL + allow("web", "cart"))
    ran = licet("policies", tmp_path)
    assert ran.code == 0
    assert ran.out.startswith("Found nothing wrong in 3 policies (")
    assert ran.out.count("\n") == 1
    assert licet("policies", tmp_path, "--quiet").out == ""
    assert licet("policies", tmp_path, "-o", "markdown").out == "### Licet: nothing wrong\n"


def test_the_example_stands_up_to_it() -> None:
    ran = licet("policies", SHOP)
    assert ran.code == 0
    assert "error[" not in ran.out


def test_pods_of_unknown_kinds_are_thought_of(tmp_path: Path) -> None:
    operated = "---\napiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: p, namespace: shop}\n"
    policy = (
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"
        "spec: {podSelector: {matchLabels: {prometheus: p}}}\n"
    )
    (tmp_path / "a.yaml").write_text(deployment("web") + policy)
    assert "may be theirs" not in licet("policies", tmp_path).out
    (tmp_path / "b.yaml").write_text(operated)
    assert "(L0103, L0104): what is missing may be theirs" in licet("policies", tmp_path).out
