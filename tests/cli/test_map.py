"""`licet map`, as a user meets it."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.command import DENY_ALL, SHOP, allow, deployment, licet


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Three workloads, closed, of which one may call another."""
    file = tmp_path / "shop.yaml"
    file.write_text("".join(deployment(name) for name in ("web", "cart", "mail")) + DENY_ALL + allow("web", "cart"))
    return file


def _table(out: str) -> list[str]:
    """The lines without those that say what the whole map rests on."""
    return [line for line in out.splitlines() if not line.startswith("assumed:")]


def test_the_table_says_who_reaches_whom(shop: Path) -> None:
    ran = licet("map", shop)
    assert (ran.code, ran.err) == (0, "")
    assert _table(ran.out) == [
        "FROM      TO         PORTS",
        "shop/web  shop/cart  TCP 8080",
        "",
        "3 workloads, 1 edge (profile kubernetes)",
    ]


@pytest.mark.parametrize("form", ["table", "json", "html"])
def test_the_same_input_gives_the_same_bytes(form: str) -> None:
    first, *others = (licet("map", SHOP, "-o", form, PYTHONHASHSEED=str(seed)) for seed in range(4))
    assert all(other == first for other in others)


def test_json_is_the_published_form(shop: Path) -> None:
    document = json.loads(licet("map", shop, "-o", "json").out)
    assert list(document) == ["schema", "profile", "endpoints", "edges", "undetermined", "assumptions", "findings"]
    assert document["schema"] == "licet.dev/map/v1"
    assert document["profile"] == "kubernetes"
    assert document["endpoints"][0] == {
        "id": "shop/web[Deployment]",
        "type": "workload",
        "cluster": "",
        "group": "apps",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "web",
    }
    assert document["edges"] == [
        {
            "src": ["shop/web[Deployment]"],
            "dst": ["shop/cart[Deployment]"],
            "ports": [{"protocol": "TCP", "from": 8080, "to": 8080}],
        }
    ]


def test_one_broken_file_among_fifty_hides_none_of_the_others(tmp_path: Path) -> None:
    for number in range(49):
        (tmp_path / f"w{number:02}.yaml").write_text(deployment(f"w{number:02}"))
    (tmp_path / "w17b.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\nspec: {a: [1, 2}\n")
    ran = licet("map", tmp_path, "-o", "json")
    document = json.loads(ran.out)
    assert ran.code == 1
    assert sum(endpoint["type"] == "workload" for endpoint in document["endpoints"]) == 49
    (finding,) = document["findings"]
    assert finding["severity"] == "error"
    assert finding["where"]["source"].endswith("w17b.yaml")
    assert (finding["where"]["line"], finding["where"]["column"]) == (3, 16)
    assert f"{tmp_path}/w17b.yaml:3:16" in ran.err.replace("../", "/") or "w17b.yaml:3:16" in ran.err
    assert ran.err.splitlines()[-1].startswith("Found 1 error in 49 workloads (")


def test_quiet_says_errors_only(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(deployment("a"))
    (tmp_path / "loop").symlink_to(tmp_path)
    assert "warning[L0005]" in licet("map", tmp_path).err
    assert licet("map", tmp_path, "--quiet").err == ""
    assert licet("map", tmp_path, "--quiet", "--fail-on", "warning").code == 1


def test_focus_shows_one_workload_and_directions(shop: Path) -> None:
    def rows(*arguments: str) -> list[str]:
        return _table(licet("map", shop, "--focus", *arguments).out)

    assert rows("cart")[1] == "shop/web  shop/cart  TCP 8080"
    assert rows("shop/cart[Deployment]", "--direction", "in")[1] == "shop/web  shop/cart  TCP 8080"
    assert rows("shop/cart", "--direction", "out") == ["1 workload, no edges (profile kubernetes)"]
    assert rows("mail") == ["1 workload, no edges (profile kubernetes)"]


def test_pairs_come_after_their_number_and_parse_as_a_whole() -> None:
    grouped = json.loads(licet("map", SHOP, "-o", "json").out)
    text = licet("map", SHOP, "-o", "json", "--pairs").out
    document = json.loads(text)
    assert text.index('"pairs"') < text.index('"edges"')
    assert document["pairs"] == len(document["edges"])
    assert document["undeterminedPairs"] == len(document["undetermined"])
    pairs = {(src, dst) for edge in grouped["edges"] for src in edge["src"] for dst in edge["dst"]}
    assert {(edge["src"][0], edge["dst"][0]) for edge in document["edges"]} == pairs
    assert licet("map", SHOP, "--pairs").out.startswith(f"{len(pairs)} pairs")
    rows = list(csv.reader(io.StringIO(licet("map", SHOP, "-o", "csv", "--pairs").out)))
    assert {(row[1], row[2]) for row in rows[1:] if row[0] == "allow"} == pairs


def test_names_in_any_script_are_shown_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "目录").mkdir()
    (tmp_path / "目录" / "ünï.yaml").write_text(deployment("a") + "---\n日本: [\n")
    ran = licet("map", tmp_path)
    assert ran.code == 1
    assert "目录/ünï.yaml:" in ran.err


def test_an_empty_folder_is_wrong_input(tmp_path: Path) -> None:
    ran = licet("map", tmp_path)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "holds no manifests" in ran.err


def test_manifests_come_from_standard_input_too(shop: Path) -> None:
    piped = licet("map", "-", stdin=shop.read_bytes())
    assert piped.out == licet("map", shop).out


def test_many_findings_of_one_kind_are_counted(tmp_path: Path) -> None:
    broken = "".join(
        f"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{n}}}\n"
        "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: nonsense}}]}]}\n"
        for n in range(30)
    )
    (tmp_path / "a.yaml").write_text(deployment("a") + broken)
    few, all_ = licet("map", tmp_path), licet("map", tmp_path, "--verbose")
    assert few.err.count("error[L0100]") == 20
    assert "10 more of L0100 not shown" in few.err
    assert "Found 30 errors in 1 workload" in few.err
    assert all_.err.count("error[L0100]") == 30
    assert len(json.loads(licet("map", tmp_path, "-o", "json").out)["findings"]) == 30


def test_files_of_other_programs_in_a_folder_are_no_findings(tmp_path: Path) -> None:
    (tmp_path / "k8s.yaml").write_text(deployment("a"))
    (tmp_path / "values.yaml").write_text("replicas: 3\n")
    (tmp_path / "tasks.yml").write_text("- hosts: all\n")
    assert licet("map", tmp_path).err == ""
    assert "error[L0058]" in licet("map", tmp_path / "tasks.yml").err
