"""`licet check` as a pull request meets it: what fails, where, why, and what a fix changes."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import SHOP, Ran, deployment, environment, licet, service

AT = "2026-11-21T00:00:00Z"
OWNERS = {"bank": "team-payments", "data": "team-platform", "shop": "team-web"}


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(
        ["git", *identity, *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        env=environment(GIT_CONFIG_GLOBAL=""),
    )


def committed(folder: Path) -> None:
    """Make a repository of a folder, with all that is in it committed."""
    if not (folder / ".git").exists():
        git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "as it was")


def checked(folder: Path, *arguments: str | Path) -> Ran:
    return licet("check", *arguments, "--at", AT, cwd=folder)


def texts(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def line_of(file: Path, part: str) -> int:
    return 1 + next(at for at, line in enumerate(file.read_text().splitlines()) if part in line)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The example in a repository of its own, its contracts under their owners."""
    folder = tmp_path / "shop"
    shutil.copytree(SHOP, folder)
    committed(folder)
    assert checked(folder, "--write-codeowners").code == 0
    committed(folder)
    return folder


def test_the_shop_has_nothing_to_complain_about(shop: Path) -> None:
    ran = checked(shop)
    assert (ran.code, ran.err) == (0, "")
    first, last = ran.out.splitlines()
    assert first == "1 finding suppressed"
    assert last.startswith("Found nothing wrong in 10 contracts for 10 workloads (")
    assert "--fix" not in last


# What a pull request adds.


def add_variable(shop: Path) -> Path:
    """The cart begins to call the ledger of the bank."""
    file = shop / "shop" / "cart.yaml"
    text = "        - name: LEDGER_ADDR\n          value: ledger.bank:9000\n"
    replace(file, "        env:\n", f"        env:\n{text}")
    return file


def test_a_new_variable_that_names_another_service_fails_with_edge_line_reason_and_fix(shop: Path) -> None:
    file = add_variable(shop)
    ran = checked(shop, "--base", "HEAD")
    assert ran.code == 1
    line = line_of(file, "ledger.bank:9000")
    assert (
        "error[L0460]: `shop/cart[Deployment]` calls `bank/ledger[Deployment] TCP 9000`, which its contract does not "
        f"declare\n  --> shop/cart.yaml:{line}:18\n" in ran.out
    )
    assert "= read here: LEDGER_ADDR=ledger.bank:9000\n" in ran.out
    assert "help: declare the call in the contract (`--fix` adds it), or take it out here\n" in ran.out
    assert ran.out.splitlines()[-1].startswith("Found 1 error in 10 contracts for 10 workloads (")
    assert ran.out.endswith(" 1 fix with `--fix`.\n")


def test_a_port_that_nobody_serves_and_a_name_that_nobody_has_are_found(shop: Path) -> None:
    file = shop / "shop" / "cart.yaml"
    text = "".join(
        f"        - name: {name}\n          value: {value}\n"
        for name, value in (("LEDGER_ADDR", "ledger.bank:91"), ("CATALOG_ADDR2", "catalogue:9000"))
    )
    replace(file, "        env:\n", f"        env:\n{text}")
    ran = checked(shop)
    assert ran.code == 1
    port, name = line_of(file, "ledger.bank:91"), line_of(file, "catalogue:9000")
    assert (
        "error[L0467]: `shop/cart[Deployment]` calls `bank/ledger` on port 91, which the Service does not have\n"
        f"  --> shop/cart.yaml:{port}:18\n" in ran.out
    )
    assert f"  --> shop/cart.yaml:{name}:18\n" in ran.out
    assert "help: did you mean `catalog`?\n" in ran.out


def test_a_fix_declares_the_call_with_its_evidence_and_touches_nothing_else(shop: Path) -> None:
    file = add_variable(shop)
    before = texts(shop)
    ran = checked(shop, "--fix")
    after = texts(shop)
    assert [name for name in after if after[name] != before.get(name)] == ["contracts/shop/cart.yaml"]
    old, new = (each["contracts/shop/cart.yaml"].decode() for each in (before, after))
    line = line_of(file, "ledger.bank:9000")
    assert new == (
        f"{old}  # shop/cart.yaml:{line}: LEDGER_ADDR=ledger.bank:9000\n  - name: ledger\n"
        "    to: {service: {name: ledger, namespace: bank}}\n    ports: [{port: 9000}]\n"
    )
    assert "fixed: contracts/shop/cart.yaml declares call `ledger` of `shop/cart[Deployment]`\n" in ran.err
    assert ran.code == 1, "the ledger's owner has not consented"
    assert "L0460" not in ran.out
    assert "error[L0378]: `bank/ledger[Deployment]` does not admit `shop/cart[Deployment]`" in ran.out
    assert "`--fix`" not in ran.out.splitlines()[-1]


def test_a_second_fix_changes_nothing(shop: Path) -> None:
    add_variable(shop)
    checked(shop, "--fix")
    before = texts(shop)
    again = checked(shop, "--fix")
    assert (again.err, texts(shop)) == ("", before)


def test_once_both_sides_agree_the_gate_is_open(shop: Path) -> None:
    add_variable(shop)
    checked(shop, "--fix")
    replace(
        shop / "contracts" / "bank" / "ledger.yaml",
        "      peers:\n",
        "      peers:\n      - {name: cart, workload: {kind: Deployment, name: cart, namespace: shop}}\n",
    )
    ran = checked(shop, "--base", "HEAD")
    assert "L0378" not in ran.out
    assert "L0466" not in ran.out, "the file is under the ledger's owner, who is asked"
    assert "+ shop/cart[Deployment] -> bank/ledger[Deployment], TCP 9000\n" in ran.out
    assert {line.split(":")[0] for line in ran.out.splitlines() if line.startswith(("error", "warning"))} == {
        "error[L0421]"
    }, "what is left is to be compiled: no policy lets it through yet"


def test_a_policy_edge_outside_every_agreement_fails_at_its_rule(shop: Path) -> None:
    """The database's policy begins to let all of the bank in."""
    file = shop / "data" / "database.yaml"
    replace(
        file,
        "  ingress:\n",
        "  ingress:\n  - from:\n    - namespaceSelector:\n        matchLabels:\n"
        "          kubernetes.io/metadata.name: bank\n    ports:\n    - protocol: TCP\n      port: 5432\n",
    )
    replace(
        shop / "bank" / "payment.yaml",
        "  egress:\n",
        "  egress:\n  - to:\n    - namespaceSelector:\n        matchLabels:\n"
        "          kubernetes.io/metadata.name: data\n    ports:\n    - protocol: TCP\n      port: 5432\n",
    )
    ran = checked(shop, "-o", "json")
    assert ran.code == 1
    excess = [one for one in json.loads(ran.out)["findings"] if one["code"] == "L0420"]
    assert excess, ran.out
    assert any("bank/payment" in one["message"] and "data/database" in one["message"] for one in excess)
    assert {one["where"]["source"] for one in excess} <= {"data/database.yaml", "bank/payment.yaml"}
    assert all(one["help"] for one in excess)


def test_a_port_that_nobody_serves_fails_at_the_call(shop: Path) -> None:
    file = shop / "contracts" / "shop" / "checkout.yaml"
    replace(
        file,
        "  calls:\n",
        "  calls:\n  - name: admin\n    to: {workload: {kind: Deployment, name: cart}}\n    ports: [{port: 7070}]\n",
    )
    ran = checked(shop, "-o", "json")
    assert ran.code == 1
    [found] = [one for one in json.loads(ran.out)["findings"] if one["code"] == "L0377"]
    assert found["message"] == "call `admin`: `shop/cart[Deployment]` does not serve TCP 7070"
    assert (found["where"]["source"], found["where"]["line"]) == (
        "contracts/shop/checkout.yaml",
        line_of(file, "port: 7070"),
    )
    assert "9000" in found["help"]
    assert found["related"][0]["where"]["source"] == "contracts/shop/cart.yaml"


# Fixes that are none.


def test_a_workload_without_a_contract_gets_the_hint_and_no_fix(shop: Path) -> None:
    (shop / "contracts" / "shop" / "cart.yaml").unlink()
    before = texts(shop)
    ran = checked(shop, "--fix")
    assert ran.code == 1
    assert texts(shop) == before
    assert "which no contract declares" in ran.out
    assert "`licet init` drafts it" in ran.out


def test_a_call_declared_in_an_annotation_is_left_to_people(tmp_path: Path) -> None:
    annotated = deployment("web").replace(
        "namespace: shop}", 'namespace: shop, annotations: {licet.dev/calls: "b:8080"}}', 1
    )
    env = "[{name: main, image: i, env: [{name: A_URL, value: 'http://a:8080'}, {name: B_URL, value: 'http://b:8080'}],"
    (tmp_path / "all.yaml").write_text(
        annotated.replace("[{name: main, image: i,", env)
        + "".join(deployment(name) + service(name, "shop", 8080, 8080) for name in "ab")
    )
    before = texts(tmp_path)
    ran = checked(tmp_path, "--fix")
    assert ran.code == 1
    assert "`shop/web[Deployment]` calls `shop/a[Deployment] TCP 8080`" in ran.out
    assert "help: add the call to the annotation, or take it out here" in ran.out
    assert "shop/b" not in ran.out
    assert texts(tmp_path) == before


def test_standard_input_is_not_fixed(shop: Path) -> None:
    add_variable(shop)
    everything = b"\n---\n".join(data for name, data in texts(shop).items() if name.endswith(".yaml"))
    ran = licet("check", "-", "--fix", "--at", AT, cwd=shop, stdin=everything)
    assert ran.code == 1
    assert "L0460" in ran.out
    assert "`--fix`." not in ran.out.splitlines()[-1]


def test_what_is_suppressed_or_known_is_not_fixed(shop: Path, tmp_path: Path) -> None:
    add_variable(shop)
    known = tmp_path / "known.json"
    assert checked(shop, "--write-baseline", known).code == 0
    before = texts(shop)
    ran = checked(shop, "--baseline", known, "--fix")
    assert (ran.code, texts(shop)) == (0, before)
    assert "known from the baseline" in ran.out


CONTRACT = (
    "apiVersion: licet.dev/v1alpha1\nkind: Contract\nmetadata: {name: %s, namespace: shop}\n"
    "spec:\n  targetRef: {kind: Deployment, name: %s}\n"
)
URLS = "image: i, env: [{name: A_URL, value: 'http://a:8080'}, {name: B_URL, value: 'http://b:8080'}],"


def two_callers(folder: Path) -> None:
    """Two workloads that each call two Services, and nobody's contract that says so."""
    (folder / "pods.yaml").write_text(
        "".join(deployment(name).replace("image: i,", URLS) for name in ("web", "job"))
        + "".join(deployment(name) + service(name, "shop", 8080, 8080) for name in "ab")
    )


def test_contracts_of_one_file_are_fixed_together(tmp_path: Path) -> None:
    two_callers(tmp_path)
    file = tmp_path / "contracts.yaml"
    file.write_text("---\n".join(CONTRACT % (name, name) for name in ("web", "job")))
    ran = checked(tmp_path, "--fix")
    assert [line for line in ran.err.splitlines() if line.startswith("fixed")] == [
        f"fixed: contracts.yaml declares call `{call}` of `shop/{caller}[Deployment]`"
        for caller in ("web", "job")
        for call in "ab"
    ]
    assert "L0460" not in ran.out
    assert file.read_text().count("\n  calls:\n") == 2


def test_what_has_no_place_is_told_of_and_the_rest_is_fixed(tmp_path: Path) -> None:
    """One contract's calls are shared by an anchor, so that adding to them would add elsewhere too."""
    two_callers(tmp_path)
    shared = "  calls: &calls\n  - {name: a, to: {service: {name: a}}, ports: [{port: 8080}]}\n"
    (tmp_path / "web.yaml").write_text(CONTRACT % ("web", "web") + shared + "status: {calls: *calls}\n")
    (tmp_path / "job.yaml").write_text(CONTRACT % ("job", "job"))
    before = (tmp_path / "web.yaml").read_text()
    ran = checked(tmp_path, "--fix", "-o", "json")
    document = json.loads(ran.out)
    assert [one["file"] for one in document["fixed"]] == ["job.yaml", "job.yaml"]
    assert "warning[L0442]: call `b` is not added: the list is shared with other places by an anchor" in ran.err
    assert [one["where"]["line"] for one in document["findings"] if one["code"] == "L0460"] == [
        line_of(tmp_path / "pods.yaml", "B_URL")
    ]
    assert (tmp_path / "web.yaml").read_text() == before


# Input that is wrong: told with line and column, and nothing is written.

CALL = "    to: {workload: {kind: Deployment, name: cart}}\n"


def _second(text: str) -> str:
    return text + "---\n" + text


BAD: dict[str, tuple[str, Callable[[str], str]]] = {
    "an unknown field": ("L0352", lambda t: t.replace("  calls:\n", "  cals: []\n  calls:\n")),
    "two contracts with one name": ("L0357", _second),
    "a date in another form": ("L0350", lambda t: t.replace(CALL, CALL + '    notAfter: "31.03.2027"\n')),
    "a Service that is not there": (
        "L0376",
        lambda t: t.replace(
            f"{CALL}    serves: grpc\n",
            "    to: {service: {name: carts, namespace: nowhere}}\n    ports: [{port: 1}]\n",
        ),
    ),
    "a port out of range": ("L0350", lambda t: t.replace("    serves: grpc\n", "    ports: [{port: 65536}]\n", 1)),
}


@pytest.mark.parametrize("case", [*BAD, "a contract for a hostNetwork workload"])
def test_bad_input_is_a_finding_with_a_place_and_nothing_is_written(case: str, shop: Path, tmp_path: Path) -> None:
    add_variable(shop)
    file = shop / "contracts" / "shop" / "checkout.yaml"
    if case in BAD:
        code, change = BAD[case]
        text = file.read_text()
        file.write_text(change(text))
        assert file.read_text() != text
    else:
        code = "L0372"
        replace(
            shop / "shop" / "checkout.yaml",
            "      serviceAccountName:",
            "      hostNetwork: true\n      serviceAccountName:",
        )
    before = texts(shop)
    ran = checked(shop, "--fix", "-o", "json")
    assert ran.code == 1
    found = [one for one in json.loads(ran.out)["findings"] if one["code"] == code]
    assert found, ran.out
    assert all(one["where"]["source"] == "contracts/shop/checkout.yaml" for one in found)
    assert all(one["where"]["line"] > 1 and one["where"]["column"] > 1 for one in found)
    assert json.loads(ran.out)["fixed"] == []
    assert "nothing is added while something could not be read or resolved" in ran.err
    assert texts(shop) == before
    out = tmp_path / "policies"
    assert licet("compile", ".", "--out", out, "--at", AT, cwd=shop).code == 1
    assert not out.exists()


# What is set aside.


def test_a_baseline_lets_what_was_there_pass_and_nothing_new(shop: Path) -> None:
    add_variable(shop)
    assert checked(shop, "--write-baseline", "known.json").code == 0
    ran = checked(shop, "--baseline", "known.json")
    assert (ran.code, ran.out.splitlines()[:2]) == (0, ["1 finding suppressed", "1 finding known from the baseline"])
    replace(
        shop / "shop" / "stock.yaml",
        "        env:\n",
        "        env:\n        - {name: CART_ADDR, value: 'cart:9000'}\n",
    )
    ran = checked(shop, "--baseline", "known.json")
    assert ran.code == 1
    assert ran.out.count("error[L0460]") == 1
    assert "`shop/stock[Deployment]` calls `shop/cart[Deployment] TCP 9000`" in ran.out
    git(shop, "checkout", "-q", "shop")
    assert "1 finding of the baseline is gone: write it anew\n" in checked(shop, "--baseline", "known.json").out


def test_what_is_fixed_is_fixed_before_the_rest_becomes_the_baseline(shop: Path) -> None:
    add_variable(shop)
    ran = checked(shop, "--fix", "--write-baseline", "known.json")
    assert (ran.code, ran.out) == (0, "")
    assert "fixed: contracts/shop/cart.yaml declares call `ledger`" in ran.err
    told = json.loads((shop / "known.json").read_text())["findings"]
    assert [one["code"] for one in told] == ["L0378"]
    assert checked(shop, "--baseline", "known.json").code == 0


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema": "licet.dev/map/v1"}'])
def test_what_is_no_baseline_is_one_line(text: str, shop: Path) -> None:
    (shop / "known.json").write_text(text)
    ran = checked(shop, "--baseline", "known.json")
    assert ran.code == 2
    assert "`known.json` is no baseline" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("comment", "code", "said"),
    [
        ("# licet: ignore L0460: the cart moves to the bank", 0, "2 findings suppressed"),
        ("# licet: ignore L0460 until 2026-11-21: until tonight", 0, "2 findings suppressed"),
        ("# licet: ignore L0460 until 2026-11-20: until last night", 1, "warning[L0463]"),
        ("# licet: ignore L0460", 1, "error[L0462]: a suppression of L0460 gives no reason"),
        ("# licet: ignore L0461: wrong code", 1, "warning[L0464]"),
    ],
)
def test_a_comment_sets_one_finding_aside_for_a_reason_and_a_time(
    comment: str, code: int, said: str, shop: Path
) -> None:
    file = add_variable(shop)
    replace(file, "          value: ledger.bank:9000\n", f"          value: ledger.bank:9000 {comment}\n")
    ran = checked(shop)
    assert ran.code == code
    assert said in ran.out
    assert ("error[L0460]" in ran.out) == bool(code)


def test_an_annotation_sets_findings_of_its_object_aside(shop: Path) -> None:
    file = add_variable(shop)
    replace(
        file,
        "kind: Deployment\nmetadata:\n",
        'kind: Deployment\nmetadata:\n  annotations: {licet.dev/ignore: "L0460: the cart moves to the bank"}\n',
    )
    assert checked(shop).code == 0
    git(shop, "checkout", "-q", "shop")
    replace(
        file,
        "kind: Deployment\nmetadata:\n",
        'kind: Deployment\nmetadata:\n  annotations: {licet.dev/ignore: "L0460: x"}\n',
    )
    ran = checked(shop)
    assert ran.code == 0
    line = line_of(file, "licet.dev/ignore")
    assert (
        f"warning[L0464]: nothing is found here that the suppression of L0460 is for\n  --> shop/cart.yaml:{line}"
        in ran.out
    )


@pytest.mark.parametrize("code", ["L0050", "L0352", "L0466"])
def test_what_keeps_contracts_from_being_read_and_what_guards_consent_stays(code: str, shop: Path) -> None:
    file = shop / "contracts" / "bank" / "payment.yaml"
    replace(file, "  owner: team-payments\n", f"  owner: team-payments  # licet: ignore {code}: please\n")
    ran = checked(shop)
    assert ran.code == 1
    assert f"error[L0462]: {code} cannot be suppressed" in ran.out


# Who may consent.


def admit_cart(shop: Path) -> None:
    replace(
        shop / "contracts" / "bank" / "payment.yaml",
        "      - {name: checkout, workload: {kind: Deployment, name: checkout, namespace: shop}}\n",
        "      - {name: checkout, workload: {kind: Deployment, name: checkout, namespace: shop}}\n"
        "      - {name: cart, workload: {kind: Deployment, name: cart, namespace: shop}}\n",
    )


def test_codeowners_are_written_once_and_put_every_contract_under_its_owner(shop: Path) -> None:
    file = shop / ".github" / "CODEOWNERS"
    rows = [line for line in file.read_text().splitlines() if line.startswith("/")]
    assert rows == sorted(
        f"/{path.relative_to(shop)} @{OWNERS[path.parent.name]}"
        for path in (shop / "contracts").rglob("*.yaml")
        if "owner:" in path.read_text()
    )
    before = file.read_bytes()
    assert checked(shop, "--write-codeowners").code == 0
    assert file.read_bytes() == before
    file.write_text("*.md @writers\n\n" + file.read_text())
    checked(shop, "--write-codeowners")
    assert file.read_bytes() == b"*.md @writers\n\n" + before


def test_a_changed_consent_passes_where_its_owner_is_asked(shop: Path) -> None:
    admit_cart(shop)
    assert "L0466" not in checked(shop, "--base", "HEAD").out


def test_a_changed_consent_fails_where_nobody_asks_the_owner(shop: Path) -> None:
    git(shop, "rm", "-q", ".github/CODEOWNERS")
    committed(shop)
    admit_cart(shop)
    ran = checked(shop, "--base", "HEAD")
    assert ran.code == 1
    line = line_of(shop / "contracts" / "bank" / "payment.yaml", "from: Selected")
    assert (
        "error[L0466]: `grpc` of `bank/payment` admits others than before, "
        f"and nothing asks its owner `@team-payments`\n  --> contracts/bank/payment.yaml:{line}:7\n" in ran.out
    )
    assert "L0466" not in checked(shop).out, "without a base nothing has changed"


@pytest.mark.parametrize("way", ["codeowners", "owner", "both"])
def test_nobody_consents_for_others_by_changing_who_is_asked(way: str, shop: Path) -> None:
    """What stood before the change decides, not what the change says."""
    git(shop, "rm", "-q", ".github/CODEOWNERS")
    committed(shop)
    admit_cart(shop)
    if way != "codeowners":
        replace(shop / "contracts" / "bank" / "payment.yaml", "owner: team-payments", "owner: team-web")
    if way != "owner":
        checked(shop, "--write-codeowners")
    assert "error[L0466]" in checked(shop, "--base", "HEAD").out


def test_a_contract_under_another_name_is_a_changed_one(shop: Path) -> None:
    git(shop, "rm", "-q", ".github/CODEOWNERS")
    committed(shop)
    admit_cart(shop)
    file = shop / "contracts" / "bank" / "payment.yaml"
    replace(file, "  name: payment\n", "  name: payments\n")
    file.rename(file.with_name("payments.yaml"))
    assert "error[L0466]: `grpc` of `bank/payments` admits others" in checked(shop, "--base", "HEAD").out


def test_owners_may_go_by_other_names_there(shop: Path) -> None:
    (shop / "licet.toml").write_text('owners = {team-web = "@example/web"}\n')
    ran = checked(shop)
    assert "the file of `shop/cart` is not under its owner `@example/web`" in ran.out
    checked(shop, "--write-codeowners")
    assert "L0465" not in checked(shop).out
    assert "/contracts/shop/cart.yaml @example/web\n" in (shop / ".github" / "CODEOWNERS").read_text()


def test_without_a_repository_nobody_is_asked_for_owners(tmp_path: Path) -> None:
    shutil.copytree(SHOP, tmp_path / "shop")
    ran = checked(tmp_path, "shop", "--write-codeowners")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "there is no git repository here" in ran.err
    assert "L0465" not in checked(tmp_path, "shop").out


# What it is a change of.


def test_a_base_is_read_where_the_paths_are(shop: Path) -> None:
    """Contracts elsewhere in the revision are nobody's change."""
    ran = checked(shop, "bank", "contracts/bank", "--base", "main", "-o", "json")
    assert json.loads(ran.out)["change"] == {"more": [], "less": []}
    (shop / "new").mkdir()
    (shop / "new" / "pods.yaml").write_text(deployment("new", "new"))
    assert json.loads(checked(shop, "new", "--base", "main", "-o", "json").out)["change"] == {"more": [], "less": []}


def test_a_base_may_be_a_folder(shop: Path, tmp_path: Path) -> None:
    shutil.copytree(SHOP, tmp_path / "old")
    (shop / "contracts" / "bank" / "reconcile.yaml").unlink()
    change = json.loads(checked(shop, "--base", tmp_path / "old", "-o", "json").out)["change"]
    assert change["more"] == []
    assert "bank/reconcile[CronJob] -> bank/ledger[Deployment], TCP 9000" in change["less"]


def test_a_base_that_is_none_is_one_line(shop: Path) -> None:
    ran = checked(shop, "--base", "mian")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "did you mean `main`?" in ran.err


# What a user may do.


def test_an_empty_folder_is_one_line(tmp_path: Path) -> None:
    ran = checked(tmp_path)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_without_contracts_policies_are_checked_and_that_is_said(shop: Path) -> None:
    shutil.rmtree(shop / "contracts")
    ran = checked(shop)
    assert ran.code == 0
    assert "no contract was read, so that policies alone were checked: `licet init` drafts contracts\n" in ran.out
    replace(shop / "bank" / "ledger.yaml", "    - podSelector:\n", "    - podSelecter:\n")
    assert checked(shop).code == 1


def test_quiet_says_the_findings_alone(shop: Path) -> None:
    ran = checked(shop, "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    add_variable(shop)
    ran = checked(shop, "--quiet", "--fix")
    assert ran.out.startswith("error[L0378]")
    assert "Found" not in ran.out
    assert ran.err == ""


def test_a_narrow_terminal_keeps_the_line_and_the_caret(shop: Path) -> None:
    add_variable(shop)
    ran = licet("check", "--at", AT, cwd=shop, COLUMNS="40")
    [shown] = [line for line in ran.out.splitlines() if "an undeclared call" in line]
    assert "^" * len("ledger.bank:9000") in shown


def test_findings_of_one_code_are_counted_after_the_first_twenty(tmp_path: Path) -> None:
    urls = ", ".join(f"{{name: U{n}_URL, value: 'http://s{n}:80'}}" for n in range(25))
    (tmp_path / "all.yaml").write_text(
        deployment("web").replace("image: i,", f"image: i, env: [{urls}],")
        + "".join(deployment(f"s{n}") + service(f"s{n}", "shop", 80, 8080) for n in range(25))
        + "---\n"
        + CONTRACT % ("web", "web")
    )
    ran = checked(tmp_path)
    assert ran.out.count("error[L0460]") == 20
    assert "5 more of L0460 not shown (all of them with `--verbose`)" in ran.out
    assert "25 fixes with `--fix`." in ran.out
    assert checked(tmp_path, "--verbose").out.count("error[L0460]") == 25
    ran = checked(tmp_path, "--fix")
    assert "L0460" not in ran.out
    assert ran.err.count("fixed: all.yaml declares call") == 20
    assert "fixed: 5 more (all of them with `--verbose`)\n" in ran.err
