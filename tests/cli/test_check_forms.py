"""Each form of the gate's answer: what other programs read of it, and where in a text a finding stands."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest

from tests.cli.command import ROOT, deployment, licet, service
from tests.published import junit_schema, sarif_schema

AT = "2026-11-21T00:00:00Z"
URL = "http://b:8080/x?t=<&>%0A"
CONTRACT = """\
apiVersion: licet.dev/v1alpha1
kind: Contract
metadata: {name: ẅeb, namespace: shop}
spec:
  targetRef: {kind: Deployment, name: web}
  serves:
  - name: http
    ports: [{port: 8080}]
    callers: {from: Selected, peers: [{name: gone, workload: {kind: Deployment, name: gone}}]}
  calls:
  - {name: nobody, to: {workload: {kind: Deployment, name: nobody}}, ports: [{port: 1}]}
  - {name: old, to: {dns: {name: a.example}}, ports: [{port: 443}], notAfter: "2026-01-01T00:00:00Z"}
  - {name: soon, to: {dns: {name: c.example}}, ports: [{port: 443}], notAfter: "2026-12-01T00:00:00Z"}
""".replace("ẅeb", "web")
BROKEN = """\
apiVersion: licet.dev/v1alpha1
kind: Contract
metadata: {name: a, namespace: shop}
spec:
  targetRef: {kind: Deployment, name: a}
  calls:
  - {name: 'ü: x', two: {self: {}}, ports: [{port: 65536}]}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A platform with findings of many kinds, in lines with characters of many bytes."""
    web = deployment("web").replace("image: i,", f"image: ü€, env: [{{name: B_URL, value: '{URL}'}}],")
    (tmp_path / "pods.yaml").write_text(web + deployment("a") + deployment("b") + service("b", "shop", 8080, 8080))
    (tmp_path / "web.yaml").write_text(CONTRACT)
    (tmp_path / "a b%.yaml").write_text(BROKEN)
    return tmp_path


def out(place: Path, form: str, *more: str) -> str:
    ran = licet("check", ".", "-o", form, "--at", AT, *more, cwd=place)
    assert ran.code == 1, ran.err
    return ran.out


def test_each_region_is_exactly_the_field_that_is_wrong(place: Path) -> None:
    document = json.loads(out(place, "json"))
    marked = {}
    for one in document["findings"]:
        where = one["where"]
        lines = (place / where["source"]).read_text().splitlines()
        assert where["line"] == where["endLine"]
        marked[one["code"], one["message"].split(":")[0]] = lines[where["line"] - 1][
            where["column"] - 1 : where["endColumn"] - 1
        ]
    texts = {code: text for (code, _), text in marked.items()}
    assert texts["L0460"] == f"'{URL}'"
    assert texts["L0376"] == "nobody"
    assert texts["L0383"] == "gone"
    assert {text for (code, _), text in marked.items() if code == "L0381"} == {
        '"2026-01-01T00:00:00Z"',
        '"2026-12-01T00:00:00Z"',
    }
    assert texts["L0352"] == "two"


def test_json_keeps_to_its_schema(place: Path) -> None:
    schema = json.loads((ROOT / "docs" / "schema" / "check.v1.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(out(place, "json")))
    (place / "a b%.yaml").unlink()
    (place / "web.yaml").write_text(
        CONTRACT.replace(
            "  - {name: nobody, to: {workload: {kind: Deployment, name: nobody}}, ports: [{port: 1}]}\n", ""
        )
    )
    fixed = json.loads(out(place, "json", "--fix", "--base", "."))
    jsonschema.Draft202012Validator(schema).validate(fixed)
    assert fixed["fixed"] == [{"call": "b", "caller": "shop/web[Deployment]", "file": "web.yaml"}]


def test_sarif_keeps_to_the_published_schema(place: Path) -> None:
    schema = json.loads(sarif_schema().read_text())
    log = json.loads(out(place, "sarif"))
    jsonschema.Draft4Validator(schema).validate(log)
    results = log["runs"][0]["results"]
    assert len(results) == len(json.loads(out(place, "json"))["findings"])
    uris = {location["physicalLocation"]["artifactLocation"]["uri"] for one in results for location in one["locations"]}
    assert uris == {"pods.yaml", "web.yaml", "a%20b%25.yaml"}


def test_junit_keeps_to_the_published_schema(place: Path) -> None:
    xmlschema = pytest.importorskip("xmlschema", reason="xmlschema reads XML schemas, and is not installed")
    schema = xmlschema.XMLSchema(str(junit_schema()))
    text = out(place, "junit")
    schema.validate(text)
    document = json.loads(out(place, "json"))["findings"]
    errors = sum(one["severity"] == "error" for one in document)
    assert ET.fromstring(text.encode()).attrib == {
        "name": "licet",
        "tests": str(len(document)),
        "failures": str(errors),
        "errors": "0",
    }


def test_annotations_are_one_line_a_finding_with_its_place(place: Path) -> None:
    lines = out(place, "github").splitlines()
    found = json.loads(out(place, "json"))["findings"]
    assert len(lines) == len(found)
    words = {"error": "::error ", "warning": "::warning ", "info": "::notice "}
    for line, one in zip(lines, found, strict=True):
        where = one["where"]
        assert line.startswith(words[one["severity"]])
        assert f"line={where['line']},endLine={where['endLine']},col={where['column']}," in line


def test_markdown_ends_with_the_edges_that_came_and_went(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (place / "a b%.yaml").unlink()
    old = tmp_path_factory.mktemp("old")
    for file in place.iterdir():
        (old / file.name).write_bytes(file.read_bytes())
    (place / "web.yaml").write_text(CONTRACT.replace("c.example", "d.example").replace("name: soon", "name: later"))
    text = out(place, "markdown", "--base", str(old))
    assert text.startswith("### Licet: ")
    assert text.endswith(
        "\n#### Agreed edges\n\n```diff\n"
        "+ shop/web[Deployment] -> d.example, TCP 443\n- shop/web[Deployment] -> c.example, TCP 443\n```\n"
    )
    assert out(place, "markdown", "--base", ".").endswith("#### Agreed edges\n\nNo edge came or went.\n")


def test_a_manifest_cannot_end_the_block_of_edges_or_write_markup(place: Path) -> None:
    hostile = "```\n<script>alert(1)</script> @team [x](javascript:y)"
    (place / "pods.yaml").write_text(
        deployment("web").replace(
            "image: i,", f"image: i, env: [{{name: B_URL, value: {json.dumps('http://b:8080/' + hostile)}}}],"
        )
        + deployment("b")
        + service("b", "shop", 8080, 8080)
    )
    text = out(place, "markdown", "--base", ".")
    assert text.count("```") in (0, 2)
    outside = "".join(text.split("`")[::2])
    assert "<script" not in outside.replace("\\<", "")
    assert "@team" not in outside.replace("\\@", "")
