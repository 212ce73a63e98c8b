"""A sidecar that is about to end tells its callers, and goes on answering them."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict

from licet.app.mesh.starting import drain
from licet.mesh.envoy import clusters, probes
from licet.mesh.envoy.names import PORT_PROBES
from licet.mesh.envoy.probes import READY
from licet.mesh.errors import MeshError
from tests.identity.drills.proxy import executable
from tests.mesh.namespaces import namespaces
from tests.mesh.proxy import static, until


def test_callers_are_told_to_come_back_elsewhere_and_are_answered(tmp_path: Path) -> None:
    admin = tmp_path / "admin.sock"
    config = static(clusters=[clusters.refused()])
    probes.add(config, [])
    config.admin.address.pipe.path = str(admin)
    with namespaces("pod") as made, (tmp_path / "envoy.log").open("wb") as told:
        pod = made["pod"]
        words = ["--config-yaml", json.dumps(MessageToDict(config)), "--disable-hot-restart", "--concurrency", "1"]
        process = pod.start([executable(), *words, "--drain-time-s", "1"], stdout=told, stderr=told)
        try:

            def ask() -> http.client.HTTPResponse | None:
                assert process.poll() is None
                with pod.socket() as connected:
                    if connected.connect_ex(("127.0.0.1", PORT_PROBES)):
                        return None
                    connected.sendall(f"GET {READY} HTTP/1.1\r\nhost: a\r\n\r\n".encode())
                    answer = http.client.HTTPResponse(connected)
                    answer.begin()
                    return answer

            before = until(ask)
            assert (before.status, before.headers["connection"]) == (200, None)
            drain(str(admin), 0)
            told_so = until(lambda: (found := ask()) and found.headers["connection"] and found)
            assert (told_so.status, told_so.headers["connection"]) == (200, "close")
        finally:
            process.terminate()
            process.wait()


def test_where_no_envoy_is_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match="there is no Envoy at"):
        drain(str(tmp_path / "none"), 0)
