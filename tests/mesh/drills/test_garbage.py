"""Garbage of the node or of the control plane changes nothing but what is told of it."""

from __future__ import annotations

from pathlib import Path

from tests.mesh.drills import garbage
from tests.mesh.drills.garbage import Spoiled
from tests.mesh.drills.platform import platform
from tests.mesh.drills.traffic import harmed


def unharmed(done: Spoiled) -> None:
    assert {name: harmed(calls) for name, calls in done.calls.items()} == {"web": {}, "job": {}}
    assert (done.kept, done.followed) == (True, True)


def test_a_garbage_secret_or_policy_is_a_finding_and_the_old_one_stays(tmp_path: Path) -> None:
    with platform(tmp_path, "tests.mesh.drills.spoiling") as mesh:
        nodes = {sidecar.id for sidecar in mesh.sidecars.values()}
        for what in ("certificate", "key", "bundle"):
            done = garbage.secret(mesh, what, 1, 10)
            unharmed(done)
            assert done.told == dict.fromkeys(nodes, "L0547")
            assert done.rejected
        done = garbage.policy(mesh, 1, 10)
        unharmed(done)
        assert done.told == {mesh.sidecars["api"].id: "L0553"}
        assert done.rejected
