"""The real Envoy as a gateway that asks before it lets anything through, and whom it asks."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap  # type: ignore[import-untyped]
from envoy.extensions.filters.http.ext_authz.v3.ext_authz_pb2 import (  # type: ignore[import-untyped]
    ExtAuthz,
    ExtAuthzPerRoute,
)
from envoy.extensions.filters.http.router.v3.router_pb2 import Router  # type: ignore[import-untyped]
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # type: ignore[import-untyped]
    HttpConnectionManager,
)
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import (  # type: ignore[import-untyped]
    DownstreamTlsContext,
)
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import (  # type: ignore[import-untyped]
    HttpProtocolOptions,
)
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from licet.identity import keys, pem
from licet.identity.rpc import server
from licet.mesh.decision.ext_authz import ExternalAuthorization
from tests.mesh.decision.signers import Authority, Signer
from tests.mesh.proxy import Proxy, proxy


@contextmanager
def deciding(path: Path, service: ExternalAuthorization) -> Iterator[None]:
    """The service on a unix socket, in a thread of its own."""
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        serving = server([("grpc.so_reuseport", 0)])
        serving.add_registered_method_handlers(service.SERVICE, service.methods)
        serving.add_insecure_port(f"unix:{path}")
        await serving.start()
        ready.set()
        await asyncio.to_thread(over.wait)
        await serving.stop(None)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def gateway(
    home: Path, decisions: Path, authority: Authority, own: Signer, to: Mapping[str, str], *, normalised: bool = False
) -> Iterator[Proxy]:
    """An Envoy that answers `let through` to whatever it is told to let through to the destination `to`."""
    config = _config(decisions, authority, own, to, normalised=normalised)
    with proxy(home, ParseDict(config, Bootstrap())) as running:
        yield running


class Client:
    """Whoever calls the gateway with an SVID."""

    def __init__(self, home: Path, port: int, shown: Signer) -> None:
        self._port = port
        chain, key = home / "chain.pem", home / "key.pem"
        chain.write_text(pem.certificates(shown.chain))
        key.write_text(_key(shown))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        self._tls.load_cert_chain(chain, key)

    def ask(self, method: str, target: str) -> tuple[int, str]:
        """What is answered to a request for this target, byte by byte."""
        with (
            socket.create_connection(("127.0.0.1", self._port), 10) as plain,
            self._tls.wrap_socket(plain) as connection,
        ):
            connection.sendall(
                f"{method} {target} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode("latin-1")
            )
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.read().decode()


def _key(signer: Signer) -> str:
    return pem.private_key(keys.write_private(signer.key))


def _config(
    decisions: Path, authority: Authority, own: Signer, to: Mapping[str, str], *, normalised: bool
) -> dict[str, Any]:
    route = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": "let through"}},
        "typed_per_filter_config": {
            "ext_authz": {
                "@type": _type(ExtAuthzPerRoute),
                "check_settings": {"context_extensions": dict(to)},
            }
        },
    }
    asking = {
        "@type": _type(ExtAuthz),
        "transport_api_version": "V3",
        "failure_mode_allow": False,
        "grpc_service": {"envoy_grpc": {"cluster_name": "decisions"}, "timeout": "5s"},
    }
    manager = {
        "@type": _type(HttpConnectionManager),
        "stat_prefix": "gateway",
        "normalize_path": normalised,
        "merge_slashes": normalised,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "ext_authz", "typed_config": asking},
            {"name": "router", "typed_config": {"@type": _type(Router)}},
        ],
    }
    shown = {
        "certificate_chain": {"inline_string": pem.certificates(own.chain)},
        "private_key": {"inline_string": _key(own)},
    }
    tls = {
        "@type": _type(DownstreamTlsContext),
        "require_client_certificate": True,
        "common_tls_context": {
            "tls_certificates": [shown],
            "validation_context": {"trusted_ca": {"inline_string": pem.certificates(authority.bundle.x509)}},
        },
    }
    chain = {
        "transport_socket": {"name": "tls", "typed_config": tls},
        "filters": [{"name": "http", "typed_config": manager}],
    }
    listener = {"name": "gateway", "address": _tcp(), "filter_chains": [chain]}
    cluster = {
        "name": "decisions",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            HttpProtocolOptions.DESCRIPTOR.full_name: {
                "@type": _type(HttpProtocolOptions),
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": "decisions",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": str(decisions)}}}}]}],
        },
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _type(kind: type[Message]) -> str:
    return f"type.googleapis.com/{kind.DESCRIPTOR.full_name}"


def _tcp() -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
