"""`licet prove`, as a user meets it."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest

from tests.cli.command import ROOT, deployment, licet
from tests.proof.estate import CORRECT, changed

_AT = ("--at", "2026-11-21T00:00:00Z")


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    """A platform with one rule that lets a whole namespace in, and one edge that is refused."""
    text = changed("from: [{podSelector: {matchLabels: {app: frontend}}}]", "from: [{podSelector: {}}]", of="checkout")
    file = tmp_path / "all.yaml"
    file.write_text(changed("port: 5432", "port: 15432", of="checkout", text=text))
    return file


def test_what_is_right_is_proved_in_few_lines(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(CORRECT)
    ran = licet("prove", tmp_path, *_AT)
    assert (ran.code, ran.err) == (0, "")
    answer = ran.out[ran.out.index("proved:") :].splitlines()
    assert answer[0] == "proved: 10 edges agreed, 10 permitted, no difference (4 workloads, profile `kubernetes`)"
    assert all(line.startswith("  rests on: ") for line in answer[1:])


def test_what_differs_is_told_at_the_rule_with_witness_and_count(spoilt: Path) -> None:
    ran = licet("prove", spoilt, *_AT)
    assert (ran.code, ran.err) == (1, "")
    excess = ran.out[ran.out.index("error[L0420]") : ran.out.index("error[L0421]")].splitlines()
    said = "`shop/legacy[Deployment]` reaches `shop/checkout[Deployment]` on TCP 5050, which nobody agreed to"
    assert excess[:2] == [f"error[L0420]: {said}", f"  --> {spoilt}:95:5"]
    assert "   = witness: shop/legacy[Deployment] -> shop/checkout[Deployment], TCP 5050" in excess
    assert "   = 2 pairs of endpoints for this cause" in excess
    missing = ran.out[ran.out.index("error[L0421]") :].splitlines()
    said = "`shop/checkout[Deployment]` does not reach `bank/ledger[Deployment]` on TCP 5432, though that is agreed"
    assert missing[:2] == [f"error[L0421]: {said}", f"  --> {spoilt}:92:16"]
    assert [line.split()[1] for line in missing if line.startswith("  :::")] == [f"{spoilt}:54:5", f"{spoilt}:71:74"]
    assert any(line.startswith("not proved: 10 edges agreed, 11 permitted, 1 missing, 2 in excess") for line in missing)


def test_every_form_tells_the_same_findings(spoilt: Path) -> None:
    def out(form: str) -> str:
        ran = licet("prove", spoilt, *_AT, "-o", form)
        assert (ran.code, ran.err) == (1, "")
        return ran.out

    document = json.loads(out("json"))
    schema = json.loads((ROOT / "docs" / "schema" / "proof.v1.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)
    assert (document["holds"], document["agreed"], document["permitted"]) == (False, 10, 11)
    codes = [finding["code"] for finding in document["findings"]]
    assert [result["ruleId"] for result in json.loads(out("sarif"))["runs"][0]["results"]] == codes
    assert ET.fromstring(out("junit")).get("failures") == str(sum(code in ("L0420", "L0421") for code in codes))
    assert out("github").count("::error title=L042") == 2
    assert "**error L0420**" in out("markdown")


def test_no_contract_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(deployment("web"))
    ran = licet("prove", tmp_path)
    assert (ran.code, ran.out, ran.err) == (2, "", "licet: no contract to prove: `licet init` drafts them\n")


def test_a_contract_that_cannot_be_read_is_what_is_wrong(tmp_path: Path) -> None:
    head = "---\napiVersion: licet.dev/v1alpha1\nkind: Contract\n"
    bad = f"{head}metadata: {{name: web, namespace: shop}}\nspec: {{servs: []}}\n"
    (tmp_path / "web.yaml").write_text(deployment("web") + bad)
    ran = licet("prove", tmp_path)
    assert ran.code == 1
    assert "error[L0352]" in ran.out


def test_what_has_expired_is_in_excess(tmp_path: Path) -> None:
    call = "{name: ledger, to: {service: {name: ledger, namespace: bank}}, ports: [{port: 15432}]"
    text = changed(call, f'{call}, notAfter: "2026-12-01T00:00:00Z"')
    (tmp_path / "all.yaml").write_text(text)
    assert licet("prove", tmp_path, *_AT).code == 0
    later = licet("prove", tmp_path, "--at", "2026-12-02T00:00:00+01:00")
    assert later.code == 1
    assert (
        "`shop/checkout[Deployment]` reaches `bank/ledger[Deployment]` on TCP 5432, which nobody agreed to" in later.out
    )


def test_a_time_without_a_zone_is_none(tmp_path: Path) -> None:
    for text in ("2026-12-02T00:00:00", "soon"):
        ran = licet("prove", tmp_path, "--at", text)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(f"licet: `{text}` is no time: write such as")


def test_nothing_enforced_is_nothing_to_prove(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(CORRECT.replace("spec:\n  targetRef", "spec:\n  mode: Observe\n  targetRef"))
    ran = licet("prove", tmp_path, *_AT)
    assert ran.code == 0
    assert ran.out.endswith("nothing to prove: no workload with a contract is in mode `Enforce`\n")
