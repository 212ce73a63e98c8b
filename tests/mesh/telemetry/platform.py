"""Two callers and a callee behind real Envoys, whose access logs are kept: what each case of `make` made of them."""

from __future__ import annotations

import http.client
import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import msgspec

from licet.flows.envoy import Envoy, Vantage
from licet.flows.record import Flow, Phase
from licet.mesh.sidecar import Capture, Sidecar
from licet.mesh.telemetry.access_log import Caller, Entry
from licet.mesh.telemetry.edges import Edges
from licet.mesh.telemetry.intake import Intake
from licet.mesh.telemetry.vantage import vantage
from licet.model.key import Key
from tests.identity.workload.sources import Authority
from tests.mesh.telemetry import proxy
from tests.mesh.telemetry.control import Heard, control
from tests.mesh.telemetry.proxy import CALLEE, CALLER, STRANGER, Running, until

WEB, OTHER, API = (Key("", "apps", "Deployment", "shop", name) for name in ("web", "stranger", "api"))
KEYS = {CALLER: WEB, STRANGER: OTHER, CALLEE: API}
SIDECARS = {
    f"{key.name}-1": Sidecar(f"{key.name}-1", key, identity, "127.0.0.1", Capture.EXPLICIT)
    for identity, key in KEYS.items()
}
TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


class Platform:
    """What runs, and all that it said."""

    def __init__(self, heard: Heard, running: Mapping[str, Running]) -> None:
        self.heard = heard
        self.running = running
        self._seen = 0

    def port(self, listener: str, node: str = "web-1") -> int:
        """Where a listener of a sidecar is."""
        return self.running[node].ports[listener]

    def get(self, listener: str, node: str = "web-1") -> int:
        """The status of an answer; 0 where the connection just ends."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port(listener, node), timeout=20)
        try:
            connection.request("GET", "/v1/items?token=secret", headers=HEADERS)
            return connection.getresponse().status
        except http.client.RemoteDisconnected:
            return 0
        finally:
            connection.close()

    def flows(self, ended: int) -> list[Flow]:
        """All that was said since this was last asked, once so many reports of an end are in it."""

        def enough() -> list[tuple[Caller, str, Entry]] | None:
            heard = self.heard.entries[self._seen :]
            return heard if heard and sum(flow.phase is Phase.ENDED for flow in _read(heard)) >= ended else None

        heard = until(enough)
        self._seen += len(heard)
        return _read(heard)

    def skip(self) -> None:
        """Ask no more for what was said until now."""
        self._seen = len(self.heard.entries)

    def intake(self) -> Intake:
        """An intake that has read all that was said."""
        intake = Intake(place, Envoy(KEYS), Edges(), lambda: 0.0)
        for caller, name, entry in self.heard.entries:
            intake(caller, name, [entry])
        intake.settle()
        return intake


def place(caller: Caller, name: str) -> Vantage:
    """Where a log is kept."""
    return vantage(SIDECARS[caller.node], name, {str(key): key for key in KEYS.values()})


def _read(heard: list[tuple[Caller, str, Entry]]) -> list[Flow]:
    reader = Envoy(KEYS)
    found = (reader.read(entry, place(caller, name)) for caller, name, entry in heard)
    return [flow for flow in found if flow is not None]


def plain(port: int) -> None:
    """Ask without TLS, and come to nothing."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: api\r\n\r\n")
        connection.recv(1)


def strange(port: int, settings: Callable[[ssl.SSLContext], object]) -> None:
    """Connect as nobody's sidecar, and come to nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    settings(context)
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as tls:
        tls.sendall(b"GET / HTTP/1.1\r\n\r\n")
        tls.recv(1)


@contextmanager
def platform(home: Path) -> Iterator[Platform]:
    """The whole of it: ports 8080 (HTTP) and 9000 (TCP) enforce, 8081 and 9001 only try."""
    heard, nodes = Heard(), frozenset(SIDECARS)
    ours, foreign = Authority("example.org"), Authority("example.org")
    with ExitStack() as stack:
        app = stack.enter_context(_program())
        stack.enter_context(control(home / "logs", lambda _: Caller("spiffe://example.org/node", nodes), heard))
        tls = proxy.served_by(ours.svid("/ns/shop/sa/api"), ours)
        enforced, tried = (proxy.policy(name, {CALLER: "checkout"}) for name in ("matcher", "shadow_matcher"))
        listeners = [
            proxy.http_in(8080, tls, enforced),
            proxy.tcp_in(9000, tls, enforced),
            proxy.http_in(8081, tls, tried),
            proxy.tcp_in(9001, tls, tried),
        ]
        clusters = [proxy.cluster("app", app)]
        logs = home / "logs"
        callee = stack.enter_context(proxy.envoy(home / "api", "api-1", logs, listeners, clusters))
        running = {"api-1": callee}
        for name, identity in (("web", "web"), ("stranger", "stranger")):
            ways = _Ways(callee)
            svid = ours.svid(f"/ns/shop/sa/{identity}")
            for port in (8080, 8081, 9000, 9001):
                ways.add(str(port), port, proxy.called_by(svid, ours, CALLEE))
            if name == "web":
                ways.add("impostor", 8080, proxy.called_by(svid, ours, STRANGER))
                ways.add("unknown-callee", 8080, proxy.called_by(svid, foreign, CALLEE))
                unknown, old = foreign.svid("/ns/shop/sa/web"), ours.svid("/ns/shop/sa/web", "", timedelta(seconds=-5))
                ways.add("unknown-caller", 8080, proxy.called_by(unknown, ours, CALLEE))
                ways.add("expired", 8080, proxy.called_by(old, ours, CALLEE))
                ways.add("old-version", 8080, proxy.called_by(svid, ours, CALLEE, "TLSv1_2"))
                ways.add("nowhere", 1, None)
                ways.listeners.append(proxy.nowhere())
                ways.clusters.append(proxy.cluster("refused", None))
            node = f"{name}-1"
            running[node] = stack.enter_context(proxy.envoy(home / name, node, logs, ways.listeners, ways.clusters))
        yield Platform(heard, running)


class _Ways(msgspec.Struct):
    callee: Running
    listeners: list[object] = []
    clusters: list[object] = []

    def add(self, name: str, port: int, tls: object) -> None:
        made = proxy.tcp_out if port >= 9000 else proxy.http_out
        self.listeners.append(made(name, f"{API}:{port}"))
        self.clusters.append(proxy.cluster(name, self.callee.ports.get(f"inbound/{port}", port), tls))


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _program() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
