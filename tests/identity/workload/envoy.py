"""The real Envoy with a listener that takes its identity and whom to believe from our socket."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from licet.identity.svid import X509Svid
from tests.identity.workload.sources import Authority


def config(home: Path, socket: Path, certificate: str, believed: str, api: str) -> dict[str, object]:
    """A bootstrap: one listener on a unix socket, mutual TLS with secrets by these names, one answer to all."""
    source = {
        "resource_api_version": "V3",
        "api_config_source": {
            "api_type": api,
            "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": "node"}}],
        },
    }
    tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    options = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    answer = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "served"}}}
    return {
        "node": {"id": "sidecar-1", "cluster": "test"},
        "static_resources": {
            "clusters": [
                {
                    "name": "node",
                    "typed_extension_protocol_options": {
                        options.partition("/")[2]: {
                            "@type": options,
                            "explicit_http_config": {"http2_protocol_options": {}},
                        }
                    },
                    "load_assignment": {
                        "cluster_name": "node",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": str(socket)}}}}]}],
                    },
                }
            ],
            "listeners": [
                {
                    "name": "served",
                    "address": {"pipe": {"path": str(home / "served.sock")}},
                    "filter_chains": [
                        {
                            "transport_socket": {
                                "name": "tls",
                                "typed_config": {
                                    "@type": tls,
                                    "require_client_certificate": True,
                                    "common_tls_context": {
                                        "tls_certificate_sds_secret_configs": [
                                            {"name": certificate, "sds_config": source}
                                        ],
                                        "validation_context_sds_secret_config": {
                                            "name": believed,
                                            "sds_config": source,
                                        },
                                    },
                                },
                            },
                            "filters": [
                                {
                                    "name": "http",
                                    "typed_config": {
                                        "@type": manager,
                                        "stat_prefix": "served",
                                        "route_config": {
                                            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [answer]}]
                                        },
                                        "http_filters": [{"name": "router", "typed_config": {"@type": router}}],
                                    },
                                }
                            ],
                        }
                    ],
                }
            ],
        },
    }


@asynccontextmanager
async def envoy(
    home: Path, socket: Path, *, certificate: str = "default", believed: str = "ALL", api: str = "GRPC"
) -> AsyncGenerator[Path, None]:
    """The path that an Envoy serves on."""
    written = home / "envoy.json"
    written.write_text(json.dumps(config(home, socket, certificate, believed, api)))
    with (home / "envoy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("envoy")),
            *("-c", str(written), "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"),
            stdout=log,
            stderr=log,
        )
        try:
            yield home / "served.sock"
        finally:
            process.terminate()
            await process.wait()


def client(home: Path, svid: X509Svid, authority: Authority) -> ssl.SSLContext:
    """What a caller with this identity connects with; it believes the authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    root = ssl.DER_cert_to_PEM_cert(authority.bundle().x509[0])
    context.load_verify_locations(cadata=root)
    files = home / "client.pem"
    files.write_bytes(_pem(svid))
    context.load_cert_chain(files)
    return context


class Connection:
    """A connection to Envoy over which requests can be made one after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def serial(self) -> str:
        """The serial number of the server's certificate."""
        data = self._writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return format(x509.load_der_x509_certificate(data).serial_number, "x")

    async def request(self) -> str:
        """The body of an answer."""
        self._writer.write(b"GET / HTTP/1.1\r\nhost: served\r\n\r\n")
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        return (await self._reader.readexactly(len(b"served"))).decode()

    async def close(self) -> None:
        """Leave."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


async def admitted(path: Path, context: ssl.SSLContext) -> Connection | None:
    """A connection over which a request was answered, or none."""
    try:
        connection = Connection(*await asyncio.open_unix_connection(path, ssl=context, server_hostname="served"))
    except OSError:
        return None
    try:
        await connection.request()
    except (OSError, asyncio.IncompleteReadError):
        await connection.close()
        return None
    return connection


def _pem(svid: X509Svid) -> bytes:
    key = load_der_private_key(svid.key, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + b"".join(
        ssl.DER_cert_to_PEM_cert(each).encode() for each in svid.chain
    )
