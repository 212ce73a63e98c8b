"""What other programs read of findings."""

import json
import xml.etree.ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet import __version__
from licet.diag.diagnostic import Severity
from licet.diag.place import Span
from licet.diag.render import github, junit, markdown, sarif
from licet.diag.render import json as findings_json
from licet.diag.render.visible import visible
from licet.diag.report import Report
from tests.diag.reports import HOSTILE, LEDGER, POLICY, REPORT, hostile


def test_json_holds_everything_and_leaves_out_what_is_empty() -> None:
    document = json.loads(findings_json.render(REPORT))
    assert document["schema"] == "licet.dev/findings/v1"
    assert document["findings"][0] == {
        "code": "L0214",
        "severity": "error",
        "message": LEDGER.message,
        "where": {"source": POLICY, "line": 3, "column": 9, "endLine": 3, "endColumn": 30},
        "label": "admits every namespace",
        "help": LEDGER.help,
        "notes": list(LEDGER.notes),
    }
    assert document["findings"][1] == {
        "code": "L0022",
        "severity": "info",
        "message": "2 kustomizations met on the way",
        "help": "point at one",
    }
    assert document["findings"][2]["related"] == [
        {"where": {"source": POLICY, "line": 2, "column": 7, "endLine": 2, "endColumn": 11}, "label": "whom it admits"}
    ]
    assert document["findings"][3]["fix"] == {"title": "rename it", "replacement": "podSelector"}


def test_sarif_names_the_rule_the_exact_region_and_the_fix() -> None:
    log = json.loads(sarif.render(REPORT))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["tool"]["driver"] == {
        "name": "Licet",
        "semanticVersion": __version__,
        "rules": [{"id": "L0022"}, {"id": "L0102"}, {"id": "L0214"}, {"id": "L0378"}],
    }
    ledger, nowhere, half, fixed = run["results"]
    assert (ledger["ruleId"], ledger["ruleIndex"], ledger["level"]) == ("L0214", 2, "error")
    assert ledger["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": POLICY},
                "region": {"startLine": 3, "startColumn": 9, "endLine": 3, "endColumn": 30},
            },
            "message": {"text": "admits every namespace"},
        }
    ]
    assert nowhere["level"] == "note"
    assert half["relatedLocations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": POLICY},
                "region": {"startLine": 2, "startColumn": 7, "endLine": 2, "endColumn": 11},
            },
            "message": {"text": "whom it admits"},
        }
    ]
    assert "locations" not in nowhere
    assert fixed["fixes"][0]["artifactChanges"][0]["artifactLocation"] == {"uri": "a%20b.yaml"}


def test_sarif_fingerprints_tell_equal_findings_apart_and_outlive_moved_lines() -> None:
    twice = json.loads(sarif.render(Report((LEDGER, LEDGER))))["runs"][0]["results"]
    once = json.loads(sarif.render(Report((LEDGER,))))["runs"][0]["results"]
    first, second = (result["partialFingerprints"]["licet/v1"] for result in twice)
    assert first != second
    assert once[0]["partialFingerprints"]["licet/v1"] == first


@pytest.mark.parametrize(
    ("source", "uri"),
    [("<stdin>", "%3Cstdin%3E"), ("./a.yaml", "a.yaml"), ("/x/ü.yaml", "file:///x/%C3%BC.yaml")],
)
def test_sarif_locations_are_uri_references(source: str, uri: str) -> None:
    moved = msgspec.structs.replace(LEDGER, where=Span(source, 1, 1, 1, 2))
    result = json.loads(sarif.render(Report((moved,))))["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_junit_fails_what_is_bad_enough_and_passes_the_rest() -> None:
    suites = ET.fromstring(junit.render(junit.cases(REPORT, Severity.ERROR)))
    assert suites.attrib == {"name": "licet", "tests": "4", "failures": "2", "errors": "0"}
    cases = suites.findall("testsuite/testcase")
    assert [case.find("failure") is not None for case in cases] == [True, False, True, False]
    assert "witness" in (cases[0].findtext("failure") or "")
    assert f"= {POLICY}:2:7: whom it admits" in (cases[2].findtext("failure") or "")
    assert ET.fromstring(junit.render(junit.cases(REPORT, Severity.INFO))).get("failures") == "4"


def test_junit_without_findings_is_one_test_that_passed() -> None:
    suites = ET.fromstring(junit.render(junit.cases(Report(), Severity.ERROR)))
    assert (suites.get("tests"), suites.get("failures")) == ("1", "0")


@given(st.text(max_size=60))
def test_junit_is_well_formed_whatever_a_manifest_says(text: str) -> None:
    suites = ET.fromstring(junit.render(junit.cases(hostile(text), Severity.ERROR)))
    assert len(suites.findall("testsuite/testcase/failure")) == 1


def test_github_annotations_carry_file_lines_and_columns() -> None:
    first, second, third, fourth = github.render(REPORT).splitlines()
    assert first.startswith("::error title=L0214%3A `shop/checkout` reaches `bank/ledger%3A5432`%2C which")
    assert f"file={POLICY},line=3,endLine=3,col=9,endColumn=29::" in first
    assert second == (
        "::notice title=L0022%3A 2 kustomizations met on the way::2 kustomizations met on the way%0Ahelp: point at one"
    )
    assert third.endswith(f"%0A{POLICY}:2:7: whom it admits")
    assert fourth.startswith("::warning ")


@given(st.text(max_size=60))
def test_a_manifest_cannot_write_a_workflow_command(text: str) -> None:
    written = github.render(hostile(text))
    assert written.count("\n") == 1
    assert "\r" not in written
    message = written.split("::", 2)[2]
    assert message.rstrip("\n") == visible(message.rstrip("\n")), "a log that shows it would take it for colours"
    properties = written.removeprefix("::error ").split("::", 1)[0]
    assert [pair.partition("=")[0] for pair in properties.split(",")] == [
        "title", "file", "line", "endLine", "col", "endColumn",
    ]  # fmt: skip


def test_markdown_lists_findings_under_their_count() -> None:
    lines = markdown.render(REPORT).splitlines()
    assert lines[0] == "### Licet: 2 errors, 1 warning and 1 note"
    assert lines[2] == (
        f"- **error L0214** at `{POLICY}:3:9`: `shop/checkout` reaches `bank/ledger:5432`, which nobody agreed to"
    )
    assert markdown.render(Report()) == "### Licet: nothing wrong\n"


def test_markdown_takes_nothing_in_a_manifest_for_markup() -> None:
    text = markdown.render(hostile(HOSTILE))
    outside_code = "".join(text.split("`")[::2])
    for markup in ("<script", "](javascript", "@team", " *b*"):
        assert markup not in outside_code.replace("\\<", "").replace("\\@", "").replace("\\]\\(", "")


def test_markdown_counts_what_is_too_much_to_list() -> None:
    text = markdown.render(Report((LEDGER,) * 25))
    assert text.count("**error L0214**") == 20
    assert "- 5 more of L0214" in text


def test_a_bar_does_not_end_a_cell() -> None:
    assert markdown.cell(f"{markdown.code('a|b')} {markdown.plain('c|d')}") == "`a\\|b` c\\|d"
