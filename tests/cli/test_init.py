"""`licet init`: drafts that stand up, and additions that leave alone what people wrote."""

from __future__ import annotations

import os
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from licet.app.drafts import Planned, write
from licet.app.load import Loaded, Setting, load
from licet.contracts.agree import agree
from licet.contracts.agreement import EdgeKind, end_text
from licet.sources.settings import Settings
from tests.cli.command import SHOP, deployment, licet, service
from tests.cli.schemas import checked

WEB = deployment("web") + service("web", "shop", 80, 8080)
CART = deployment("cart") + service("cart", "shop", 80, 8080)
CALLING = WEB.replace("image: i,", "image: i, env: [{name: CART_URL, value: 'http://user:hidden@cart'}],")

DRAFTED = """\
# Drafted by `licet init`. The remarks above an entry say what points to it; correct the entries that are
# doubtful, and delete what is wrong: what is left here is what may be.
apiVersion: licet.dev/v1alpha1
kind: Contract
metadata: {name: web, namespace: shop}
spec:
  targetRef: {kind: Deployment, name: web}
  # owner: who answers for it and may change `callers`, such as team-payments
  serves:
  - name: tcp-8080
    ports: [{port: 8080}]
    # callers: nothing points to any
  calls:
  # k8s.yaml:9: CART_URL=http://cart
  - name: cart
    to: {service: {name: cart}}
    ports: [{port: 80}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "k8s.yaml").write_text(CALLING + CART)
    return tmp_path


def loaded(*paths: Path) -> Loaded:
    return load([str(path) for path in paths], Setting(Settings()), lambda _: None)


def contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_a_draft(folder: Path) -> None:
    ran = licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    assert (ran.code, ran.out.splitlines()) == (
        0,
        [
            "created contracts/shop/web.yaml",
            "created contracts/shop/cart.yaml",
            "2 contracts drafted, 0 added to, 0 unchanged",
        ],
    )
    found = contents(folder / "contracts")
    assert found["shop/web.yaml"] == DRAFTED
    assert "# k8s.yaml:9: CART_URL=http://cart\n      - {name: web, workload:" in found["shop/cart.yaml"]
    assert "calls: the manifests do not say" in found["shop/cart.yaml"]
    assert "nothing says whom `shop/cart[Deployment]` calls" in ran.err
    assert "hidden" not in ran.out + ran.err + "".join(found.values())


def test_a_second_run_writes_nothing(folder: Path) -> None:
    licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    before = {file: file.stat().st_mtime_ns for file in (folder / "contracts").rglob("*.yaml")}
    ran = licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    assert ran.out == "0 contracts drafted, 0 added to, 2 unchanged\n"
    assert {file: file.stat().st_mtime_ns for file in (folder / "contracts").rglob("*")} | before == {
        file: file.stat().st_mtime_ns for file in (folder / "contracts").rglob("*")
    }
    assert licet("init", ".", "--out", "contracts", cwd=folder).out == ran.out


def test_what_is_new_is_added_and_nothing_else_changes(folder: Path) -> None:
    licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    web = folder / "contracts" / "shop" / "web.yaml"
    kept = web.read_text().replace(
        "    ports: [{port: 80}]\n", "    ports: [{port: 80}]  # as agreed\n    reason: the basket\n"
    )
    web.write_text(kept + "# below\n")
    stock = deployment("stock") + service("stock", "shop", 80, 8080)
    more = CALLING.replace("env: [", "env: [{name: STOCK_ADDR, value: 'stock:80'}, ")
    (folder / "k8s.yaml").write_text(more + CART + stock)
    ran = licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    assert ran.out.splitlines() == [
        "created contracts/shop/stock.yaml",
        "updated contracts/shop/web.yaml",
        "1 contract drafted, 1 added to, 1 unchanged",
    ]
    added = "  # k8s.yaml:9: STOCK_ADDR=stock:80\n  - name: stock\n    to: {service: {name: stock}}\n"
    added += "    ports: [{port: 80}]\n"
    assert web.read_text() == kept + added + "# below\n"
    assert not [d for d in loaded(folder).diagnostics if d.code.startswith("L03")]


def test_callers_are_added_where_nothing_was_said_of_any(folder: Path) -> None:
    (folder / "k8s.yaml").write_text(WEB + CART)
    licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    (folder / "k8s.yaml").write_text(CALLING + CART)
    licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    text = (folder / "contracts" / "shop" / "cart.yaml").read_text()
    assert "      from: Selected\n      peers:\n      # k8s.yaml:9: CART_URL=http://cart\n      - {name: web, " in text
    assert "licet init" in text.splitlines()[0]


def test_what_nothing_points_to_any_more_is_told_and_stays(folder: Path) -> None:
    licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    before = contents(folder / "contracts")
    (folder / "k8s.yaml").write_text(WEB + CART)
    ran = licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    assert contents(folder / "contracts") == before
    assert "nothing in the manifests points to the call `cart` of the contract `shop/web`" in ran.err
    assert "nothing in the manifests points to the caller `web` of `tcp-8080` of the contract `shop/cart`" in ran.err


def test_whom_people_shut_out_stays_out(folder: Path) -> None:
    licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    cart = folder / "contracts" / "shop" / "cart.yaml"
    head = cart.read_text().partition("    callers:")[0]
    cart.write_text(head + "    callers: {from: None}\n")
    ran = licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    assert cart.read_text() == head + "    callers: {from: None}\n"
    assert "warning[L0443]: `shop/web[Deployment]` calls `tcp-8080`, which does not admit it" in ran.err


def test_contracts_elsewhere_are_not_written(folder: Path) -> None:
    licet("init", "k8s.yaml", "--out", "kept", cwd=folder)
    web = folder / "kept" / "shop" / "web.yaml"
    web.write_text(web.read_text().partition("  calls:")[0])
    before = contents(folder)
    ran = licet("init", ".", "--out", "contracts", cwd=folder)
    assert contents(folder) == before
    assert "warning[L0445]: the contract `shop/web` does not declare call `cart`" in ran.err


@pytest.mark.parametrize("text", ["", "kind: [\n", "a: b\n", DRAFTED.replace("calls:", "cals:")])
def test_a_file_that_is_in_the_way_is_left_alone(folder: Path, text: str) -> None:
    web = folder / "contracts" / "shop" / "web.yaml"
    web.parent.mkdir(parents=True)
    web.write_text(text)
    ran = licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    assert web.read_text() == text
    assert "warning[L0444]: no contract is drafted for `shop/web[Deployment]`" in ran.err
    assert sorted(contents(folder / "contracts")) == ["shop/cart.yaml", "shop/web.yaml"]


def test_a_faulty_contract_under_another_name_is_not_given_a_second(folder: Path) -> None:
    other = folder / "contracts" / "mine.yaml"
    other.parent.mkdir()
    other.write_text(DRAFTED.replace("calls:", "cals:"))
    licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    assert sorted(contents(folder / "contracts")) == ["mine.yaml", "shop/cart.yaml"]


def test_nothing_is_written_through_a_link_that_leads_out(folder: Path) -> None:
    (folder / "contracts").mkdir()
    (folder / "outside").mkdir()
    (folder / "contracts" / "shop").symlink_to(folder / "outside")
    ran = licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    assert contents(folder / "outside") == {}
    assert ran.out == "0 contracts drafted, 0 added to, 0 unchanged\n"


def test_names_that_would_lead_out_are_refused(folder: Path) -> None:
    (folder / "k8s.yaml").write_text(deployment("web", namespace='".."') + deployment('".."') + CART)
    ran = licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    assert sorted(contents(folder)) == ["contracts/shop/cart.yaml", "k8s.yaml"]
    assert ran.err.count("whose name none can bear") >= 1


def test_two_kinds_of_one_name_have_a_contract_each(folder: Path) -> None:
    (folder / "k8s.yaml").write_text(WEB + WEB.replace("Deployment", "StatefulSet"))
    licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    assert sorted(contents(folder / "contracts")) == ["shop/web-deployment.yaml", "shop/web-statefulset.yaml"]
    assert [c.target.kind for c in loaded(folder).contracts.contracts] == ["Deployment", "StatefulSet"]


def test_a_failure_leaves_nothing_half_written(folder: Path) -> None:
    licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    more = CALLING.replace("env: [", "env: [{name: STOCK_ADDR, value: 'stock:80'}, ")
    (folder / "k8s.yaml").write_text(more + CART + deployment("stock") + deployment("tide", "sea"))
    (folder / "contracts" / "sea").write_text("a file where a folder should be")
    before = contents(folder)
    ran = licet("init", "k8s.yaml", "--out", "contracts", cwd=folder)
    assert (ran.code, ran.out) == (2, "")
    assert contents(folder) == before


def test_dry_run(folder: Path) -> None:
    ran = licet("init", "k8s.yaml", "--out", "contracts", "--dry-run", cwd=folder)
    assert ran.out.splitlines()[0] == "would be created contracts/shop/web.yaml"
    assert sorted(contents(folder)) == ["k8s.yaml"]


def test_json(folder: Path) -> None:
    checked(licet("init", "k8s.yaml", "--out", "contracts", "-o", "json", cwd=folder).out)


def test_usage(folder: Path) -> None:
    assert licet("init", "k8s.yaml", cwd=folder).code == 2
    ran = licet("init", "k8s.yaml", "--out", "k8s.yaml", cwd=folder)
    assert (ran.code, ran.err) == (2, "licet: `k8s.yaml` is no folder: name another with `--out`\n")
    ran = licet("init", "k8s.yaml", "--out", "", cwd=folder)
    assert (ran.code, ran.err) == (2, "licet: `` is no folder: name another with `--out`\n")


def test_a_pipe_is_written_to_and_stays_a_pipe(folder: Path) -> None:
    """As root, putting a file in the place of a device would take the device from the whole machine."""
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write([Planned(str(folder / "pipe"), b"known", new=False)])
        assert os.read(reader, 100) == b"known"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO((folder / "pipe").stat().st_mode)


def test_the_example_drafted_from_nothing_agrees_with_itself(tmp_path: Path) -> None:
    for name in ("shop", "bank", "data"):
        shutil.copytree(SHOP / name, tmp_path / "k8s" / name)
    ran = licet("init", "k8s", "--out", "contracts", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    read = loaded(tmp_path / "k8s", tmp_path / "contracts")
    assert (read.diagnostics, len(read.contracts.contracts)) == ((), 10)
    assert {contract.owner for contract in read.contracts.contracts} == {"team-web", "team-payments", "team-platform"}
    agreed = agree(read.contracts, read.cluster, datetime(2026, 11, 21, tzinfo=UTC))
    assert [(d.code, d.message) for d in agreed.diagnostics] == [
        ("L0384", "nothing says where `Ingress` is"),
        ("L0382", "nobody calls `http` of `shop/storefront[Deployment]`"),
    ]
    edges = {
        (end_text(a.src), end_text(a.dst), str(a.ports))
        for a in agreed.agreements
        if a.kind in (EdgeKind.SERVICE, EdgeKind.SELF)
    }
    assert len(edges) == 17
    assert ("shop/checkout[Deployment]", "bank/payment[Deployment]", "TCP 9000") in edges
    assert ("data/queue[StatefulSet]", "data/queue[StatefulSet]", "TCP 6222") in edges
