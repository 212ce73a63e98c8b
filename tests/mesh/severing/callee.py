"""An Envoy as the sidecar of whoever is called: mutual TLS, policy by ECDS, access logs at the beginning and the end.

Policy and certificates are files that it watches, in the place of a control plane and a node.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog  # type: ignore[import-untyped]
from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap  # type: ignore[import-untyped]
from envoy.extensions.filters.http.router.v3.router_pb2 import Router  # type: ignore[import-untyped]
from envoy.extensions.filters.listener.original_dst.v3.original_dst_pb2 import (  # type: ignore[import-untyped]
    OriginalDst,
)
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # type: ignore[import-untyped]
    HttpConnectionManager,
)
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy  # type: ignore[import-untyped]
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import DownstreamTlsContext  # type: ignore[import-untyped]
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import (  # type: ignore[import-untyped]
    HttpProtocolOptions,
)
from google.protobuf.json_format import MessageToDict, ParseDict

from licet.identity.svid import X509Svid
from licet.mesh.envoy import access_log, names
from licet.mesh.intent import DEFAULT_DENY, REVOKED
from tests.identity.workload.sources import Authority

NODE = "callee-1"
HTTP, TCP = 8080, 5432
"""The served ports, as rules and logs know them."""
_DOMAIN = "shop.example"
_TYPE = "type.googleapis.com/envoy."
_FILTERS = f"{_TYPE}extensions.filters."
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_PARSED = (DownstreamTlsContext, HttpConnectionManager, HttpProtocolOptions, OriginalDst, Router, TcpProxy)
"""What can stand in an `Any` of the bootstrap: parsing it needs to have heard of them."""


def identity(name: str) -> str:
    """The SPIFFE ID of whoever has this name here."""
    return f"spiffe://{_DOMAIN}/{name}"


def papers(home: Path, *who: str) -> Path:
    """A folder with a file of certificate and key for each, all of one trust domain, and `trusted.pem`."""
    authority = Authority(_DOMAIN)
    home.mkdir()
    (home / "trusted.pem").write_text(ssl.DER_cert_to_PEM_cert(authority.bundle().x509[0]))
    for name in who:
        (home / f"{name}.pem").write_bytes(_pem(authority.svid(f"/{name}")))
    return home


class Callee(msgspec.Struct, frozen=True):
    """What is served: programs at `host:port` by what they speak, from files in `home`.

    There is a listener on loopback for each port; where `redirected`, one for all that asks for the original
    destination.
    """

    home: Path
    papers: Path
    logs: Path
    programs: Mapping[str, str]
    redirected: bool = False

    def bootstrap(self) -> Bootstrap:
        """Everything but the policy."""
        http = _chain(HTTP, self.papers, [self._manager()], ["h2", "http/1.1"])
        tcp = _chain(TCP, self.papers, [_discovered(self._policy(TCP), "network.rbac"), self._proxy()], [])
        if self.redirected:
            chains = [_to(HTTP, http), _to(TCP, tcp)]
            asking = {"@type": f"{_FILTERS}listener.original_dst.v3.OriginalDst"}
            original = [{"name": "original", "typed_config": asking}]
            any_address = {"socket_address": {"address": "::", "port_value": names.PORT_IN, "ipv4_compat": True}}
            captured: dict[str, object] = {
                "name": names.CAPTURED_IN,
                "address": any_address,
                "listener_filters": original,
            }
            listeners = [captured | {"filter_chains": chains, "traffic_direction": "INBOUND"}]
        else:
            listeners = [
                {"name": names.inbound(port), "address": _address("127.0.0.1:0"), "filter_chains": [chain]}
                for port, chain in ((HTTP, http), (TCP, tcp))
            ]
        clusters = [_cluster(name, _address(at), h2=name == "grpc") for name, at in self.programs.items()]
        control = _cluster(names.CONTROL, {"pipe": {"path": str(self.logs)}}, h2=True)
        resources = {"listeners": listeners, "clusters": [*clusters, control]}
        return ParseDict({"node": {"id": NODE, "cluster": "drill"}, "static_resources": resources}, Bootstrap())

    def permit(self, *allowed: str, denied: Collection[str] = ()) -> None:
        """Have the policy that lets these identities through; those that are denied are refused as revoked."""
        decided = dict.fromkeys(allowed, ("let-through", "ALLOW")) | dict.fromkeys(denied, (REVOKED, "DENY"))
        for port, kind in ((HTTP, "http"), (TCP, "network")):
            rbac = {"@type": f"{_FILTERS}{kind}.rbac.v3.RBAC", "matcher": _matcher(decided)}
            if kind == "network":
                rbac |= {"stat_prefix": "policy"}
            resource = {
                "@type": f"{_TYPE}config.core.v3.TypedExtensionConfig",
                "name": names.policy(port),
                "typed_config": rbac,
            }
            fresh = self._policy(port).with_suffix(".fresh")
            fresh.write_text(json.dumps({"resources": [resource]}))
            fresh.replace(self._policy(port))

    def _policy(self, port: int) -> Path:
        return self.home / f"policy-{port}.json"

    def _manager(self) -> object:
        grpc = {"match": {"prefix": "/", "grpc": {}}, "route": {"cluster": "grpc", "timeout": "0s"}}
        rest = {"match": {"prefix": "/"}, "route": {"cluster": "http"}}
        manager = {
            "@type": f"{_FILTERS}network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "served",
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [grpc, rest]}]},
            "http_filters": [
                _discovered(self._policy(HTTP), "http.rbac"),
                {"name": "router", "typed_config": {"@type": f"{_FILTERS}http.router.v3.Router"}},
            ],
            "access_log": [_log(access_log.of_requests(names.inbound(HTTP)))],
            "access_log_options": {"flush_access_log_on_new_request": True},
        }
        return {"name": "http", "typed_config": manager}

    def _proxy(self) -> object:
        proxy = {
            "@type": f"{_FILTERS}network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "served",
            "cluster": "tcp",
            "access_log": [_log(access_log.of_connections(names.inbound(TCP)))],
            "access_log_options": {"flush_access_log_on_connected": True},
            # Else the entry of the beginning is written before anybody has shown a certificate.
            "upstream_connect_mode": "ON_DOWNSTREAM_TLS_HANDSHAKE",
            "max_early_data_bytes": 65536,
        }
        return {"name": "tcp", "typed_config": proxy}


def _discovered(path: Path, kind: str) -> object:
    number = path.stem.rpartition("-")[2]
    config = {
        "config_source": {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"},
        "type_urls": [f"{_FILTERS}{kind}.v3.RBAC"],
    }
    return {"name": names.policy(int(number)), "config_discovery": config}


def _matcher(decided: Mapping[str, tuple[str, str]]) -> object:
    san = {"@type": f"{_TYPE}extensions.matching.common_inputs.ssl.v3.UriSanInput"}
    named = {each: {"action": _action(*to)} for each, to in decided.items()}
    tree = {"input": {"name": "who", "typed_config": san}, "exact_match_map": {"map": named}}
    return {"matcher_tree": tree, "on_no_match": {"action": _action(DEFAULT_DENY, "DENY")}}


def _action(name: str, action: str) -> object:
    return {"name": name, "typed_config": {"@type": f"{_TYPE}config.rbac.v3.Action", "name": name, "action": action}}


def _chain(port: int, held: Path, filters: Sequence[object], protocols: Sequence[str]) -> dict[str, object]:
    own = {"filename": str(held / "callee.pem")}
    tls = {
        "@type": f"{_TYPE}extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": True,
        "common_tls_context": {
            "alpn_protocols": protocols,
            "tls_certificates": [{"certificate_chain": own, "private_key": own}],
            "validation_context": {"trusted_ca": {"filename": str(held / "trusted.pem")}},
        },
    }
    return {"name": names.inbound(port), "filters": filters, "transport_socket": {"name": "tls", "typed_config": tls}}


def _to(port: int, chain: dict[str, object]) -> dict[str, object]:
    return chain | {"filter_chain_match": {"destination_port": port}}


def _cluster(name: str, address: object, *, h2: bool) -> object:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    cluster: dict[str, object] = {"name": name, "load_assignment": {"cluster_name": name, "endpoints": endpoints}}
    if h2:
        options = {"@type": f"type.googleapis.com/{_OPTIONS}", "explicit_http_config": {"http2_protocol_options": {}}}
        cluster["typed_extension_protocol_options"] = {_OPTIONS: options}
    return cluster


def _address(text: str) -> object:
    host, _, port = text.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}


def _log(log: AccessLog) -> object:
    return MessageToDict(log, preserving_proto_field_name=True)


def _pem(svid: X509Svid) -> bytes:
    key = load_der_private_key(svid.key, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + b"".join(
        ssl.DER_cert_to_PEM_cert(each).encode() for each in svid.chain
    )
