"""A control plane that is away, and whoever gives identities: traffic goes on, and what is new holds at once after."""

from __future__ import annotations

from pathlib import Path

from tests.mesh.drills.outage import control_away, identities_away
from tests.mesh.drills.platform import platform
from tests.mesh.drills.traffic import harmed

OPEN = {"grpc-stream", "tcp-open"}


def test_an_outage_is_not_noticed_and_what_changed_meanwhile_holds_when_it_is_over(tmp_path: Path) -> None:
    with platform(tmp_path) as mesh:
        calls = identities_away(mesh, 2, 15)
        assert {name: harmed(each) for name, each in calls.items()} == {"web": {}, "job": {}}
        away = control_away(mesh, 3, 15)
        assert {name: harmed(calls) for name, calls in away.during.items()} == {"web": {}, "job": {}, "reports": {}}
        assert harmed(away.spared) == {}, "nobody else has anything of a revocation"
        assert not away.leaked, "a sidecar that was never told anything lets nothing pass"
        assert {*OPEN, "http1-new"} < away.revoked.keys(), "what was open has ended too, as it was waited for"
