"""What a node asks, answered by a real Envoy from what real programs say."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import Message

from licet.mesh.envoy import clusters, probes
from licet.mesh.envoy.probes import READY, Probe, parse
from licet.mesh.errors import MeshError
from tests.mesh.proxy import Proxy, proxy, static


class _Program(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/moved":
            self._say(302, location="/else")
        elif self.path == "/sick":
            self._say(500)
        else:
            self._say(200, asked=self.path, token=self.headers.get("x-token", ""))

    def _say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is told."""


@contextmanager
def program(context: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address of one that answers HTTP."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Program) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@contextmanager
def asked(home: Path, found: Sequence[Probe], *told: Message) -> Iterator[tuple[Proxy, int]]:
    """An Envoy that answers these, and the port it does so on."""
    config = static(clusters=told)
    probes.add(config, [parse(probe.text) for probe in found])
    [listener] = config.static_resources.listeners
    del listener.additional_addresses[:]
    listener.address.socket_address.port_value = 0
    with proxy(home, config) as running:
        yield running, running.ports()["probes"]


def get(port: int, path: str, *, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    """The answer to a node."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_programs_are_asked_what_they_were_asked_and_nothing_else(tmp_path: Path) -> None:
    with program() as address:
        found = [
            Probe("/main/livenessProbe", "http", address, "/healthz?full=1"),
            Probe("/main/readinessProbe", "http", address, "/sick"),
            Probe("/main/startupProbe", "http", address, "/moved"),
            Probe("/gone/livenessProbe", "http", "127.0.0.1:1", "/"),
        ]
        with asked(tmp_path, found) as (_, port):
            answer = get(port, "/main/livenessProbe", **{"x-token": "t"})
            assert (answer.status, answer.headers["asked"], answer.headers["token"]) == (200, "/healthz?full=1", "t")
            assert get(port, "/main/readinessProbe").status == 500
            assert get(port, "/gone/livenessProbe").status == 503
            moved = get(port, "/main/startupProbe")
            assert (moved.status, moved.headers["location"]) == (302, "http://moved.licet.invalid/")
            for path in (
                "/",
                "/healthz",
                "/main",
                "/main/livenessProbe/",
                "/main/livenessProbe/../../x",
                "/MAIN/livenessProbe",
                "/main/livenessProbe?more=1",
                "/main/livenessProbe?",
            ):
                assert get(port, path).status == 404
            assert get(port, "/main/livenessProbe", method="POST").status == 404


def test_a_sidecar_is_ready_once_it_was_told_what_to_do(tmp_path: Path) -> None:
    for told, status in ((), 503), ((clusters.refused(),), 200):
        with asked(tmp_path / str(status), [], *told) as (_, port):
            assert get(port, READY).status == status


def test_a_program_that_speaks_tls_is_asked_whatever_certificate_it_has(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path))
    with (
        program(context) as address,
        asked(tmp_path / "envoy", [Probe("/main/livenessProbe", "https", address, "/x")]) as (_, port),
    ):
        assert get(port, "/main/livenessProbe").headers["asked"] == "/x"


def test_a_port_that_is_open_is_told_from_one_that_is_not(tmp_path: Path) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        with asked(tmp_path, [Probe("/main/livenessProbe", "tcp", address)]) as (running, port):
            assert get(port, "/main/livenessProbe").status == 503
            listening.listen()
            running.until(lambda: get(port, "/main/livenessProbe").status == 200 or None)
            listening.close()
            running.until(lambda: get(port, "/main/livenessProbe").status == 503 or None)


def test_a_service_is_asked_of_its_health_over_grpc(tmp_path: Path) -> None:
    said = {"": b"\x08\x01", "sick.Service": b"\x08\x02"}

    def check(request: bytes, _context: object) -> bytes:
        return said[request[2:].decode()]

    handler = grpc.method_handlers_generic_handler(
        "grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(check)}
    )
    server = grpc.server(ThreadPoolExecutor(2), handlers=[handler])
    number = server.add_insecure_port("127.0.0.1:0")
    server.start()
    found = [
        Probe("/main/livenessProbe", "grpc", f"127.0.0.1:{number}", ""),
        Probe("/main/readinessProbe", "grpc", f"127.0.0.1:{number}", "/sick.Service"),
    ]
    try:
        with asked(tmp_path, found) as (running, port):
            running.until(lambda: get(port, "/main/livenessProbe").status == 200 or None)
            assert get(port, "/main/readinessProbe").status == 503
    finally:
        server.stop(0).wait()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/a",
        "a=http://127.0.0.1:1",
        "/ready=http://127.0.0.1:1",
        "/a=ftp://127.0.0.1:1",
        "/a=http://x",
        "/a=tcp://b:1#z",
    ],
)
def test_what_is_no_probe_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(MeshError, match="is no probe"):
        parse(text)


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "anybody")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=2), now - timedelta(days=1))
    signed = made.sign(key, hashes.SHA256())
    held = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "anybody.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *held) + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path
