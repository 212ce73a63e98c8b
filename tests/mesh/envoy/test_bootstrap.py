"""What an Envoy is started with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap  # type: ignore[import-untyped]
from google.protobuf.json_format import Parse

from licet.mesh.envoy import names
from licet.mesh.envoy.bootstrap import Limits, Local, Remote, bootstrap, text
from licet.mesh.errors import SidecarError
from tests.identity.workload.sources import Authority
from tests.mesh.envoy import shop
from tests.mesh.plane import sidecar

REMOTE = Remote("control.example.org", 15010, "spiffe://example.org/licet/control")


def test_what_is_written_is_what_envoy_reads() -> None:
    """The same, and nothing secret in it."""
    made = bootstrap(shop.web("10.0.0.1", {}), "/run/node.sock", REMOTE)
    assert Parse(text(made), Bootstrap()) == made
    assert "PRIVATE" not in text(made)


def test_the_control_plane_is_pinned() -> None:
    """By its SPIFFE ID, over TLS 1.3, believed as the node says."""
    made = json.loads(text(bootstrap(shop.web("10.0.0.1", {}), "/run/node.sock", REMOTE)))
    [control] = [each for each in made["static_resources"]["clusters"] if each["name"] == names.CONTROL]
    tls = control["transport_socket"]["typed_config"]["common_tls_context"]
    assert tls["tls_params"] == {
        "tls_minimum_protocol_version": "TLSv1_3",
        "tls_maximum_protocol_version": "TLSv1_3",
    }
    [pinned] = tls["combined_validation_context"]["default_validation_context"]["match_typed_subject_alt_names"]
    assert pinned == {"san_type": "URI", "matcher": {"exact": REMOTE.identity}}
    assert control["type"] == "STRICT_DNS"


@pytest.mark.parametrize("admin", ["0.0.0.0:9901", "10.0.0.1:9901", "localhost:9901", "admin.sock"])
def test_the_administration_is_nobody_elses(admin: str) -> None:
    """There is none unless asked for, and then on the loopback or a socket alone."""
    web = shop.web("10.0.0.1", {})
    assert not bootstrap(web, "/run/node.sock", REMOTE).HasField("admin")
    assert bootstrap(web, "/run/node.sock", REMOTE, admin="/run/admin.sock").HasField("admin")
    with pytest.raises(SidecarError, match="use the loopback"):
        bootstrap(web, "/run/node.sock", REMOTE, admin=admin)


def test_envoy_takes_it_and_keeps_few_counters(tmp_path: Path) -> None:
    """With its limits, which it knows of."""
    made = bootstrap(shop.web("10.0.0.1", {}), "/run/node.sock", Local("/run/c.sock"), limits=Limits(1 << 28, 7))
    assert 'max_active_downstream_connections": "7' in text(made)
    at = shop.address()
    web = shop.web(at, {f"{shop.key('none')}:80": f"{at}:9001"})
    with sidecar(tmp_path, web, shop.view(Authority(shop.DOMAIN), "web")) as (plane, envoy):
        plane.push(shop.calling(web, shop.fleet()))
        envoy.until(lambda: shop.reachable(f"{at}:9001"))
        assert shop.answer(f"{at}:9001")[0] == 403
        assert envoy.stats("overload")
        assert len(envoy.stats()) < 400
