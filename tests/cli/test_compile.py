"""`licet compile`: from contracts to a folder of policies, and what it says on the way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.cli.command import ROOT, SHOP, Ran, deployment, licet

AT = "2026-11-21T00:00:00Z"
TARGETS = ["networkpolicy", "clusternetworkpolicy"]
SCHEMA = ROOT / "docs" / "schema" / "compile.v1.json"


def contract(name: str, calls: str = "", serves: str = "", mode: str = "Enforce") -> str:
    """A Contract in namespace `shop`."""
    return (
        "---\napiVersion: licet.dev/v1alpha1\nkind: Contract\n"
        f"metadata: {{name: {name}, namespace: shop}}\n"
        f"spec:\n  targetRef: {{kind: Deployment, name: {name}}}\n  mode: {mode}\n{calls}{serves}"
    )


CALLS = "  calls:\n  - name: db\n    to: {workload: {kind: Deployment, name: db}}\n"
SERVES = (
    "  serves:\n  - name: sql\n    ports: [{port: 8080}]\n    callers:\n      from: Selected\n      peers:\n"
    "      - {name: web, workload: {kind: Deployment, name: web}}\n"
)
PLATFORM = (
    "---\napiVersion: licet.dev/v1alpha1\nkind: Platform\nmetadata: {name: default}\n"
    "spec: {podCIDRs: [10.244.0.0/16], nodeCIDRs: [192.168.0.0/24]}\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Two workloads and their contracts, in a folder of their own."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "all.yaml").write_text(
        deployment("web") + deployment("db") + contract("web", CALLS) + contract("db", serves=SERVES) + PLATFORM
    )
    return folder


def compiled(*arguments: str | Path, cwd: Path = ROOT) -> Ran:
    return licet("compile", *arguments, "--at", AT, cwd=cwd)


def files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("target", TARGETS)
def test_the_shop_is_compiled_and_proved(target: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = compiled("examples/shop", "--target", target, "--out", out)
    assert ran.code == 0, ran.err
    assert "no difference (10 workloads, profile" in ran.out
    written = files(out)
    assert len(written) == 13, "of 10 workloads and 3 closed namespaces"
    assert all(name.endswith(f".{target}.yaml") for name in written)
    again = compiled("examples/shop", "--target", target, "--out", out)
    assert "13 objects: 13 unchanged" in again.out
    assert files(out) == written, "same input and same time, same bytes"


def test_a_file_says_which_lines_it_came_from(shop: Path) -> None:
    compiled(".", "--out", "policies", cwd=shop)
    text = (shop / "policies" / "shop" / "licet-web.networkpolicy.yaml").read_text()
    lines = (shop / "all.yaml").read_text().splitlines()
    call = lines.index("  - name: db") + 1
    caller = lines.index("      - {name: web, workload: {kind: Deployment, name: web}}") + 1
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert head[0] == "# Compiled by licet from the contracts: change those, not this file."
    assert f"# to shop/db[Deployment], TCP 8080  (all.yaml:{call}, all.yaml:{caller})" in head


def test_without_a_folder_policies_are_printed_and_the_report_stands_beside(shop: Path) -> None:
    ran = compiled(shop)
    assert [one["metadata"]["name"] for one in yaml.safe_load_all(ran.out)] == ["licet-db", "licet-web"]
    assert "no difference (2 workloads, profile" in ran.err
    assert compiled(shop, "--quiet").err == ""


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("  calls:\n  - name: api\n    to: {dns: {name: api.example}}\n    ports: [{port: 443}]\n", "L0404"),
        ("  calls:\n  - name: gone\n    to: {workload: {kind: Deployment, name: gone}}\n    ports: [{port: 1}]\n", ""),
        ("  cals: []\n", "L0352"),
    ],
)
def test_an_error_leaves_the_folder_as_it_is(shop: Path, change: str, code: str) -> None:
    out = shop / "policies"
    assert compiled(shop, "--out", out).code == 0
    before = files(out)
    (shop / "all.yaml").write_text(
        deployment("web") + deployment("db") + contract("web", change) + contract("db", serves=SERVES) + PLATFORM
    )
    ran = compiled(shop, "--out", out)
    assert ran.code == 1
    assert "nothing is written" in ran.out
    assert code in ran.err
    assert files(out) == before


def test_a_name_outside_is_let_through_where_that_is_asked_for(shop: Path) -> None:
    calls = "  calls:\n  - name: api\n    to: {dns: {name: api.example}}\n    ports: [{port: 443}]\n"
    (shop / "all.yaml").write_text(deployment("web") + contract("web", calls) + PLATFORM)
    ran = compiled(shop, "--widen", "--out", shop / "policies")
    assert "widened" in ran.out
    [text] = files(shop / "policies").values()
    [rule] = [r for r in yaml.safe_load(text)["spec"]["egress"] if r["ports"] == [{"protocol": "TCP", "port": 443}]]
    assert rule["to"][0] == {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16", "192.168.0.0/24"]}}


def test_a_difference_is_shown_and_nothing_written(shop: Path) -> None:
    out = shop / "policies"
    new = compiled(shop, "--out", out, "--diff")
    assert new.code == 1
    assert "+++ b/shop/licet-web.networkpolicy.yaml" in new.out
    assert not out.exists()
    compiled(shop, "--out", out)
    same = compiled(shop, "--out", out, "--diff")
    assert (same.code, same.out) == (0, "")
    assert compiled(shop, "--diff").code == 0, "what is among the paths is compared too"
    file = out / "shop" / "licet-web.networkpolicy.yaml"
    file.write_text(file.read_text().replace("port: 8080", "port: 8081"))
    changed = compiled(shop, "--out", out, "--diff")
    assert changed.code == 1
    assert "-      port: 8081\n+      port: 8080\n" in changed.out


def test_what_is_no_longer_compiled_goes_and_nothing_else(shop: Path) -> None:
    out = shop / "policies"
    compiled(shop, "--out", out)
    compiled(shop, "--out", out, "--target", "clusternetworkpolicy")
    (out / "shop" / "own.networkpolicy.yaml").write_text("# ours\n")
    (shop / "all.yaml").write_text(deployment("web") + deployment("db") + contract("db", serves=SERVES) + PLATFORM)
    compiled(shop, "--out", out)
    assert sorted(files(out)) == [
        "licet-shop.db.clusternetworkpolicy.yaml",
        "licet-shop.web.clusternetworkpolicy.yaml",
        "shop/licet-db.networkpolicy.yaml",
        "shop/own.networkpolicy.yaml",
    ]


def test_a_file_of_somebody_else_is_never_replaced(shop: Path) -> None:
    file = shop / "policies" / "shop" / "licet-web.networkpolicy.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("# mine\n")
    ran = compiled(shop, "--out", shop / "policies")
    assert ran.code == 2
    assert "was not compiled by licet" in ran.err
    assert list(files(shop / "policies").values()) == ["# mine\n"]


def test_nothing_is_written_through_a_link_that_leads_out(shop: Path) -> None:
    (shop.parent / "elsewhere").mkdir()
    (shop / "out").mkdir()
    (shop / "out" / "shop").symlink_to("../../elsewhere")
    ran = compiled(".", "--out", "out", cwd=shop)
    assert ran.code == 2
    assert ran.err == (
        "licet: `out/shop/licet-db.networkpolicy.yaml` leads out of `out` by a link: take the link away\n"
    )
    assert files(shop.parent / "elsewhere") == {}


def test_an_empty_name_is_not_the_current_folder(shop: Path) -> None:
    before = files(shop)
    ran = compiled(".", "--out", "", cwd=shop)
    assert (ran.code, ran.err) == (2, "licet: `` is no folder: name a folder for `--out`\n")
    assert files(shop) == before


def test_what_others_wrote_is_proved_with_it(shop: Path) -> None:
    """A policy beside the generated ones lets in more: written all the same, and not proved."""
    (shop / "open.yaml").write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open, namespace: shop}\n"
        "spec: {podSelector: {matchLabels: {app: db}}, ingress: [{}]}\n"
    )
    ran = compiled(shop, "--out", shop / "policies")
    assert ran.code == 1
    assert "not proved" in ran.out
    assert "L0420" in ran.err
    assert "open.yaml:4" in ran.err


def test_what_others_add_to_a_compiled_file_is_theirs(shop: Path) -> None:
    """It is neither replaced nor left out of the proof."""
    out = shop / "policies"
    assert compiled(shop, "--out", out).code == 0
    file = out / "shop" / "licet-db.networkpolicy.yaml"
    more = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open, namespace: shop}\n"
        "spec: {podSelector: {}, ingress: [{}]}\n"
    )
    file.write_text(f"{file.read_text()}---\n{more}")
    ran = compiled(shop)
    assert (ran.code, "L0420" in ran.err) == (1, True)
    ran = compiled(shop, "--out", out)
    assert (ran.code, "was not compiled by licet" in ran.err) == (2, True)


def test_a_mode_that_is_not_enforced_is_told(shop: Path) -> None:
    (shop / "all.yaml").write_text(deployment("web") + contract("web", mode="Observe") + PLATFORM)
    ran = compiled(shop, "--out", shop / "policies")
    assert ran.code == 0
    assert "`shop/web[Deployment]` is not isolated: the mode is Observe" in ran.err
    assert files(shop / "policies") == {}


@pytest.mark.parametrize("target", TARGETS)
def test_json_keeps_to_its_schema(target: str, shop: Path) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for path in (shop, SHOP):
        document = json.loads(compiled(path, "--target", target, "-o", "json").out)
        jsonschema.Draft202012Validator(schema).validate(document)
        assert document["proof"]["holds"]
        assert len(document["objects"]) == len(document["changes"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--at", "yesterday"], "`yesterday` is no time"),
        (["--at", "2026-11-21T00:00:00"], "is no time"),
        (["--target", "istio"], "`istio` is not one of"),
        (["--out", "all.yaml"], "is no folder"),
        (
            ["--target", "networkpolicy", "--target", "clusternetworkpolicy"],
            "`--target` is given 2 times: give it once",
        ),
        (["--platform", "all.yaml", "--platform", "x.yaml"], "`--platform` is given 2 times: give it once"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], said: str, shop: Path) -> None:
    ran = licet("compile", ".", *arguments, cwd=shop)
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_a_copy_of_the_shop_without_contracts_has_nothing_to_compile(tmp_path: Path) -> None:
    copy = tmp_path / "shop"
    shutil.copytree(SHOP, copy, ignore=shutil.ignore_patterns("contracts"))
    ran = compiled(copy, "--out", tmp_path / "out")
    assert (ran.code, ran.out, ran.err) == (2, "", "licet: no contract to compile: `licet init` drafts them\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("width", ["20", "40"])
def test_a_narrow_terminal_says_what_each_number_counts(width: str, shop: Path) -> None:
    ran = licet("compile", shop, "--at", AT, "--out", shop / "policies", COLUMNS=width)
    assert ran.out.splitlines()[:2] == ["workload", "  1 exact"]
