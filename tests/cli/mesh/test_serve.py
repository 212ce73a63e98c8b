"""The control plane as operators run it, with real sidecars on both of its ways."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import licet
from tests.cli.mesh.standing import Standing, identity, mesh_options, standing, until_true
from tests.cli.schemas import checked


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    home = tmp_path_factory.mktemp("m")
    home.chmod(0o755)
    with standing(home) as made:
        yield made


def test_what_was_not_agreed_is_refused_until_the_workload_is_held_back(mesh: Standing) -> None:
    mesh.comes_to("/admin", 403)
    mesh.command("mesh", "hold", "shop/stock", "--mode", "Shadow", "--reason", "to see")
    mesh.comes_to("/admin", 200)
    shown = json.loads(mesh.command("mesh", "status", mesh.manifests, "-o", "json"))
    stock = next(each for each in shown["workloads"] if each["workload"] == "shop/stock[Deployment]")
    assert checked(json.dumps(shown)) == "mesh-status.v1"
    assert stock["held"]["reason"] == "to see"
    assert stock["stages"] == {"observe": 0, "shadow": 1, "enforce": 0}
    mesh.command("mesh", "release", "shop/stock")
    mesh.comes_to("/admin", 403)
    mesh.command("mesh", "rollback", "shop/stock")
    mesh.comes_to("/admin", 200)
    mesh.command("mesh", "release", "shop/stock")
    mesh.comes_to("/admin", 403)


def test_a_contract_that_is_edited_is_followed_and_one_with_errors_is_not(mesh: Standing) -> None:
    mesh.declare("/v1/items", "/admin")
    mesh.comes_to("/admin", 200)
    (mesh.manifests / "shop.yaml").write_text("apiVersion: licet.dev/v1alpha1\nkind: Contract\nspec: {serve: []}\n")
    until_true(lambda: "the contracts are not applied" in mesh.log("mesh") or "cannot be followed" in mesh.log("mesh"))
    assert mesh.status("/admin") == 200
    mesh.declare("/v1/items")
    mesh.comes_to("/admin", 403)


def test_it_tells_how_it_is(mesh: Standing) -> None:
    assert mesh.metric("licet_mesh_sidecars_connected") == 2
    assert mesh.metric('licet_mesh_instances{stage="enforce"}') == 1
    assert mesh.metric("licet_mesh_nacks_total") == 0
    until_true(lambda: mesh.metric("licet_mesh_settling_seconds_count") > 0)
    until_true(lambda: mesh.metric("licet_mesh_proofs_total") > 0)


def test_one_that_was_killed_is_not_missed_and_knows_what_is_new_when_it_is_back(mesh: Standing) -> None:
    mesh.kill("mesh")
    mesh.declare("/v1/items", "/new")
    assert [mesh.status("/v1/items") for _ in range(20)] == [200] * 20
    assert mesh.status("/new") == 403
    mesh.start_control("mesh", *mesh_options(mesh))
    mesh.comes_to("/new", 200)


def test_another_control_plane_over_the_same_database_does_as_well(mesh: Standing) -> None:
    mesh.start_control("other")
    mesh.kill("stock")
    app = f"{mesh.served}=127.0.0.1:{mesh.program.server_address[1]}"
    mesh.start_sidecar("stock", str(mesh.home / "other.sock"), "--app", app)
    mesh.comes_to("/v1/items", 200)
    mesh.comes_to("/admin", 403)
    shown = json.loads(mesh.command("mesh", "status", "-o", "json"))
    by_name = {each["workload"]: each for each in shown["workloads"]}
    servers = {name: by_name[f"shop/{name}[Deployment]"]["servers"] for name in ("cart", "stock")}
    assert servers["cart"] != servers["stock"]
    mesh.command("mesh", "hold", "shop/stock", "--mode", "Observe")
    mesh.comes_to("/admin", 200)
    mesh.command("mesh", "release", "shop/stock")
    mesh.comes_to("/admin", 403)


def test_a_revoked_identity_loses_what_it_has_open_and_gets_nothing_new(mesh: Standing) -> None:
    with mesh.asking("/v1/items/slow") as answer:
        assert answer.read(2) == b"ok"
        mesh.command("identity", "revoke", identity("cart"))
        with pytest.raises((OSError, http.client.HTTPException)):
            answer.read()
    mesh.comes_to("/v1/items", 403)
    assert mesh.audited("connections.severed")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "nothing to serve"),
        (("--socket", "c.sock", "-"), 2, "standard input cannot be followed"),
        (("--listen", "15010"), 2, "`15010` is no address"),
        (("--socket", "c.sock", "--gateway", "gateway"), 2, "gateway"),
        (("--socket", "c.sock"), 1, "nothing is served"),
    ],
)
def test_what_it_does_not_begin_with(tmp_path: Path, words: tuple[str, ...], code: int, told: str) -> None:
    assert licet("identity", "init", "--trust-domain", "shop.example", "--data", tmp_path / "data").code == 0
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {metadata: {labels: {a: b}}}}\n"
        "---\napiVersion: licet.dev/v1alpha1\nkind: Contract\nmetadata: {name: a}\n"
        "spec: {targetRef: {kind: Deployment, name: a}}\n"
        "---\napiVersion: licet.dev/v1alpha1\nkind: Contract\nmetadata: {name: b}\n"
        "spec: {targetRef: {kind: Deployment, name: a}, serve: []}\n"
    )
    ran = licet("mesh", "serve", wrong, *words, "--data", tmp_path / "data", cwd=tmp_path)
    assert ran.code == code, ran.err
    assert told in ran.err
    assert "Traceback" not in ran.err
