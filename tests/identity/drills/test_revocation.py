"""Revoking an identity ends its issuance and its streams at once, and touches nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.programs import Program, go_client, rust_client
from tests.clients.traffic import RefusedError, Update, fetch, traffic, watch
from tests.identity.drills.plane import Plane
from tests.identity.drills.rotations import again


def test_a_revoked_identity_is_told_at_once_and_others_go_on(tmp_path: Path) -> None:
    go, rust = go_client(), rust_client()
    plane = Plane(tmp_path)
    ids = plane.enlist({"go": go, "rust": rust})
    victims = {f"{name}-victim": program.copied(tmp_path / name) for name, program in {"go": go, "rust": rust}.items()}
    revoked = list(plane.enlist(victims).values())
    with (
        plane.serving(),
        traffic((go, ids["go"]), (rust, ids["rust"]), plane.socket) as pair,
        watch(victims["go-victim"], plane.socket) as watching,
    ):
        known = watching.line(Update)
        assert [fetch(victim, plane.socket).svids[0].id for victim in victims.values()] == revoked
        for each in revoked:
            plane.licet("revoke", each, "--reason", "a drill")
        for victim in victims.values():
            assert _refused(victim, plane) == "PermissionDenied"
        with pytest.raises(RefusedError, match="PermissionDenied"):
            watching.line(Update)
        for each in reversed(revoked):  # that of the watching client last
            plane.licet("permit", each)
        back = again(watching, "PermissionDenied")
        assert (back.id, back.serial != known.serial) == (revoked[0], True), "it comes back by itself, with a new SVID"
        assert [fetch(victim, plane.socket).svids[0].id for victim in victims.values()] == revoked
        exchange = pair.end()
    assert exchange.failed == {}
    assert exchange.client.requests > 50


def _refused(program: Program, plane: Plane) -> str:
    with pytest.raises(RefusedError) as refused:
        fetch(program, plane.socket)
    return refused.value.code
