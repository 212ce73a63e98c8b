"""Every JSON output keeps to its published schema."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.cli.command import DENY_ALL, SHOP, allow, deployment, licet
from tests.cli.schemas import SCHEMAS, checked

_WRONG = (
    "---\nkind: [\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\n"
    "spec: {podSelecter: {}}\n"
)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A platform with one findings of each sort beside what works."""
    file = tmp_path / "all.yaml"
    file.write_text(deployment("web") + deployment("cart") + DENY_ALL + allow("web", "cart") + _WRONG)
    return file


@pytest.mark.parametrize(
    "arguments",
    [
        ["map", SHOP],
        ["map", SHOP, "--pairs"],
        ["map", SHOP, "--focus", "bank/ledger"],
        ["why", "shop/storefront", "shop/checkout", SHOP, "--port", "9000"],
        ["why", "shop/storefront", "shop/checkout[Service]", SHOP, "--port", "9000"],
        ["why", "1.1.1.1", "shop/storefront[Ingress]", SHOP, "--port", "443"],
        ["blast", "shop/storefront", SHOP],
        ["policies", SHOP],
    ],
)
def test_outputs_keep_to_their_schema(arguments: list[str | Path]) -> None:
    checked(licet(*arguments, "-o", "json").out)


def test_outputs_with_findings_do_too(broken: Path) -> None:
    runs: list[list[str | Path]] = [
        ["map", broken],
        ["map", broken, "--pairs"],
        ["blast", "web", broken],
        ["diff", broken, SHOP],
        ["policies", broken],
    ]
    for arguments in runs:
        ran = licet(*arguments, "-o", "json")
        assert ran.code == 1
        assert json.loads(ran.out)["findings"] or arguments[0] == "diff"
        checked(ran.out)


def test_answers_to_assertions_do_too(tmp_path: Path) -> None:
    file = tmp_path / "asks.yaml"
    file.write_text(
        "apiVersion: licet.dev/v1alpha1\nkind: Assertions\nspec:\n  assertions:\n"
        "  - {name: a, deny: {from: [{any: {}}], to: [{any: {}}]}}\n"
        "  - {name: b, allow: {from: [{platform: Ingress}], to: [{namespace: {name: nowhere}}]}}\n"
    )
    ran = licet("ask", file, SHOP, "-o", "json")
    assert ran.code == 1
    assert [one["holds"] for one in json.loads(ran.out)["assertions"]] == [False, False]
    checked(ran.out)


@pytest.mark.parametrize("file", sorted(SCHEMAS.glob("*.json")), ids=lambda file: file.name)
def test_a_schema_refuses_what_it_does_not_know(file: Path) -> None:
    schema = json.loads(file.read_text())
    name = file.name.removesuffix(".v1.json")
    assert (schema["$id"], schema["title"]) == (
        f"https://licet.dev/schema/{file.name}",
        f"licet.dev/{name}/v1",
    )
    assert name == "audit-record" or schema["properties"]["schema"] == {"const": f"licet.dev/{name}/v1"}
    assert not jsonschema.Draft202012Validator(schema).is_valid(
        {"schema": f"licet.dev/{name}/v1", "findings": [], "x": 1}
    )
