"""Certificates and authorities change under load, and no call knows of it."""

from __future__ import annotations

from pathlib import Path

from tests.mesh.drills.platform import platform
from tests.mesh.drills.rotation import Rotated, fail_over, rotate
from tests.mesh.drills.traffic import harmed

OPEN = {"grpc-stream", "tcp-open"}


def unharmed(done: Rotated) -> None:
    assert {name: harmed(calls) for name, calls in done.calls.items()} == {"web": {}, "job": {}}
    assert all(times > len(done.took) > 2 for times in done.shown.values()), "each was seen in a handshake"
    assert done.served["api"].unnamed == 0


def test_rotation_every_second_and_a_stolen_root_fail_nothing_and_end_nothing(tmp_path: Path) -> None:
    with platform(tmp_path) as mesh:
        for done in (rotate(mesh, 5, 15), fail_over(mesh, 6, 15, settle=0.5)):
            unharmed(done)
            for calls in done.calls.values():
                assert calls.keys() > OPEN
                assert {calls[kind].opened for kind in OPEN} == {3}


def test_requests_over_connections_that_are_new_all_the_time_are_not_failed_either(tmp_path: Path) -> None:
    with platform(tmp_path, age=3) as mesh:
        done = rotate(mesh, 9, 10)
    unharmed(done)
    assert done.served["api"].certificates > 4, "two callers' first ones, and others since"
