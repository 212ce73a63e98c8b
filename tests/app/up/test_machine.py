"""What keeps a platform from standing on this machine is said before anything is started."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from licet.app.up import machine
from licet.app.up.machine import envoy, envoy_version, listening, places, require_free
from licet.app.up.stations import stations
from licet.diag.failure import Failure
from tests.app.up.test_plan import CART, INTENTS, LEDGER, WEB


def test_every_port_of_a_sidecar_is_wanted_by_its_workload() -> None:
    found = places(stations(INTENTS, ("127.77.0.1", "127.77.0.2", "127.77.0.3"), Path("/run/up")))
    assert found["127.77.0.1", 8080] == str(CART)
    assert {who for (_, port), who in found.items() if port >= 20000} == {str(CART), str(LEDGER), str(WEB)}


def test_a_port_that_somebody_listens_on_is_a_failure() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"0.0.0.0:{port}" in listening()
        with pytest.raises(
            Failure, match=rf"`cart` has port {port}, which cannot be listened on: address already in use"
        ):
            require_free({("127.77.201.1", port): "cart"})
    require_free({("127.77.201.1", port): "cart"})


def test_an_envoy_that_cannot_be_run_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Path(envoy()).name == "envoy"
    assert envoy_version().partition(".")[0] == "1"
    monkeypatch.setattr(machine, "files", lambda _: tmp_path)
    with pytest.raises(Failure, match=r"envoy` is no program that this user may run: pip install"):
        envoy()
