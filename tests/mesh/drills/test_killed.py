"""What a killed sidecar stood before is refused, and nowhere else to be had."""

from __future__ import annotations

from pathlib import Path

from tests.mesh.drills.killed import Killed, callees_killed, caller_killed, one_of_two_killed
from tests.mesh.drills.platform import platform
from tests.mesh.drills.traffic import harmed


def refused(done: Killed) -> None:
    assert set(done.answered.values()) == {0}
    assert min(done.failed.values()) > 0
    assert (done.came, done.taken) == ((0, 0, 0, 0), False)


def test_calls_are_refused_while_a_sidecar_is_gone_and_answered_when_it_is_back(tmp_path: Path) -> None:
    with platform(tmp_path) as mesh:
        refused(callees_killed(mesh, 2, 15))
        done = caller_killed(mesh, 2, 15)
        refused(done)
        assert harmed(done.others) == {}
        assert harmed(one_of_two_killed(mesh, 2, 30)) == {}, "each goes to the instance that is left"
