"""A step forward that breaks what is in use is taken back by itself, and no flood takes one back."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.mesh.standing import Standing, standing, until_true

FEW, MANY = 8, 40


def test_a_canary_that_refuses_what_was_in_use_is_rolled_back_and_one_that_is_attacked_is_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with standing(tmp_path, rollback=True, mode="Shadow") as mesh:
        assert [mesh.status("/legacy/order-7") for _ in range(FEW)] == [200] * FEW
        until_true(lambda: mesh.flows("would-refuse") >= FEW)
        mesh.declare("/v1/items", mode="Canary")
        # Whoever asks before the step has it in use.
        until_true(lambda: mesh.metric('licet_mesh_instances{stage="enforce"}') == 1)
        mesh.comes_to("/admin", 403)
        assert [mesh.status("/admin") for _ in range(MANY)] == [403] * MANY
        until_true(lambda: mesh.flows("refused") > MANY)
        mesh.comes_to("/admin", 403)
        assert held(mesh) is None
        for _ in range(MANY):
            mesh.status("/legacy/order-8")
        mesh.comes_to("/admin", 200)
        until_true(lambda: mesh.metric("licet_mesh_rollbacks_total") == 1)
        assert str(held(mesh)).startswith("automatic: ")
        [record] = [each for each in mesh.audited("rollout.held") if each["actor"] == {"type": "server"}]
        assert record["detail"]["workload"] == "shop/stock[Deployment]"
        assert "which was in use" in record["detail"]["reason"]
        mesh.command("mesh", "release", "shop/stock")
        mesh.comes_to("/legacy/order-9", 403)
        assert [mesh.status("/legacy/order-9") for _ in range(MANY)] == [403] * MANY


def held(mesh: Standing) -> str | None:
    """Why `stock` is held back."""
    shown = json.loads(mesh.command("mesh", "status", "-o", "json"))
    found = next(each["held"] for each in shown["workloads"] if each["workload"] == "shop/stock[Deployment]")
    return found["reason"] if found is not None else None
