"""The real Envoy with a control plane of a test's own: one listener, whose routes lead to a program by its name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap  # type: ignore[import-untyped]
from envoy.config.cluster.v3.cluster_pb2 import Cluster  # type: ignore[import-untyped]
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig  # type: ignore[import-untyped]
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment  # type: ignore[import-untyped]
from envoy.config.listener.v3.listener_pb2 import Listener  # type: ignore[import-untyped]
from envoy.config.route.v3.route_pb2 import RouteConfiguration  # type: ignore[import-untyped]
from envoy.extensions.filters.http.rbac.v3 import rbac_pb2  # type: ignore[import-untyped]
from envoy.extensions.filters.http.router.v3 import router_pb2  # type: ignore[import-untyped]
from envoy.extensions.filters.network.http_connection_manager.v3 import (  # type: ignore[import-untyped]
    http_connection_manager_pb2,
)
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2  # type: ignore[import-untyped]
from google.protobuf.json_format import ParseDict

from licet.mesh.resource import Kind, Resource, Snapshot
from tests.mesh.proxy import Proxy, proxy

# `ParseDict` finds messages in an `Any` among those that were imported.
_KNOWN = (rbac_pb2, router_pb2, http_connection_manager_pb2, http_protocol_options_pb2)
_TYPE = "type.googleapis.com/envoy.extensions."
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_ADS = {"ads": {}, "resource_api_version": "V3"}
_ROUTER = {"name": "router", "typed_config": {"@type": f"{_TYPE}filters.http.router.v3.Router"}}
PROGRAMS = ("one", "two")


def shown(home: Path, program: str, mark: str = "", *, admits: bool = True, broken: bool = False) -> Snapshot:
    """What leads to this program by a cluster of its name; `broken` is a listener that Envoy does not take."""
    cluster = {
        "name": program,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": _ADS},
        "connect_timeout": "5s",
        "alt_stat_name": mark or program,
    }
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(home / f"{program}.sock")}}}}
    endpoints = {"cluster_name": program, "endpoints": [{"lb_endpoints": [endpoint]}]}
    rule = {"permissions": [{"any": True}], "principals": [{"any": True}]}
    policy = {
        "@type": f"{_TYPE}filters.http.rbac.v3.RBAC",
        "rules": {"action": "ALLOW" if admits else "DENY", "policies": {"rule": rule}},
    }
    found = {
        Kind.CLUSTER: [Resource.of(program, ParseDict(cluster, Cluster()))],
        Kind.ENDPOINTS: [Resource.of(program, ParseDict(endpoints, ClusterLoadAssignment()))],
        Kind.LISTENER: [Resource.of("in", ParseDict(_listener(home, broken=broken), Listener()))],
        Kind.ROUTES: [Resource.of("in", ParseDict(_routes({"cluster": program}), RouteConfiguration()))],
        Kind.EXTENSION: [
            Resource.of("policy", ParseDict({"name": "policy", "typed_config": policy}, TypedExtensionConfig()))
        ],
    }
    return Snapshot.of(found)


@asynccontextmanager
async def sidecar(home: Path, api: str) -> AsyncGenerator[Proxy, None]:
    """An Envoy that follows the control plane at `home/control.sock`; the programs are listeners of its own."""
    grpc_service = {"envoy_grpc": {"cluster_name": "control", "retry_policy": {"retry_back_off": _BACKOFF}}}
    bootstrap = {
        "node": {"id": "node", "cluster": "test"},
        "dynamic_resources": {
            "ads_config": {"api_type": api, "transport_api_version": "V3", "grpc_services": [grpc_service]},
            "cds_config": _ADS,
            "lds_config": _ADS,
        },
        "static_resources": {
            "listeners": [_program(home, name) for name in PROGRAMS],
            "clusters": [_control(home)],
        },
    }
    with proxy(home / "envoy", ParseDict(bootstrap, Bootstrap()), wait=False) as running:
        yield running


async def ask(home: Path) -> str:
    """What is answered through the listener: a program's name, or the status; empty where there is no answer."""
    try:
        reader, writer = await asyncio.open_unix_connection(home / "in.sock")
    except OSError:
        return ""
    try:
        writer.write(b"GET / HTTP/1.1\r\nhost: in\r\nconnection: close\r\n\r\n")
        async with asyncio.timeout(10):
            head, _, said = (await reader.read()).decode().partition("\r\n\r\n")
    except OSError:
        return ""
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return said if head.startswith("HTTP/1.1 200") else head.partition(" ")[2][:3]


_BACKOFF = {"base_interval": "0.1s", "max_interval": "0.2s"}


def _control(home: Path) -> dict[str, Any]:
    options = {"@type": f"type.googleapis.com/{_HTTP}", "explicit_http_config": {"http2_protocol_options": {}}}
    address = {"pipe": {"path": str(home / "control.sock")}}
    return {
        "name": "control",
        "typed_extension_protocol_options": {_HTTP: options},
        "load_assignment": {
            "cluster_name": "control",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


def _listener(home: Path, *, broken: bool) -> dict[str, Any]:
    discovered = {
        "config_source": _ADS,
        "type_urls": [f"{_TYPE}filters.http.rbac.v3.RBAC"],
    }
    filters = [{"name": "policy", "config_discovery": discovered}, _ROUTER]
    manager = {"rds": {"config_source": _ADS, "route_config_name": "in"}}
    # A filter after the last one is none that Envoy takes.
    return _served(home / "in.sock", "in", manager, [*filters, _ROUTER] if broken else filters)


def _program(home: Path, name: str) -> dict[str, Any]:
    answer = {"direct_response": {"status": 200, "body": {"inline_string": name}}}
    return _served(home / f"{name}.sock", name, {"route_config": _routes(answer, direct=True)}, [_ROUTER])


def _served(path: Path, name: str, routes: dict[str, Any], filters: list[dict[str, Any]]) -> dict[str, Any]:
    manager = {
        "@type": f"{_TYPE}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "http_filters": filters,
        **routes,
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    return {"name": name, "address": {"pipe": {"path": str(path)}}, "filter_chains": [chain]}


def _routes(action: dict[str, Any], *, direct: bool = False) -> dict[str, Any]:
    route = {"match": {"prefix": "/"}, **(action if direct else {"route": action})}
    return {"name": "in", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]}
