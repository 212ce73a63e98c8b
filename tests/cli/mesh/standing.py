"""A mesh as its operators run it: every part is a process that was started by a command."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.cli.command import deployment, environment, licet
from tests.identity.drills.proxy import executable
from tests.mesh.proxy import PATIENCE, until

DOMAIN = "shop.example"
HOST = "127.0.0.1"
MESH = f"spiffe://{DOMAIN}/licet/mesh"


def identity(name: str) -> str:
    """Whom a workload runs as."""
    return f"spiffe://{DOMAIN}/ns/shop/sa/{name}"


def contracts(port: int, paths: tuple[str, ...] = ("/v1/items",), mode: str = "Enforce") -> str:
    """Manifests and contracts of `cart`, which calls `stock` at this port for these paths."""
    asked = ", ".join(f"{{methods: [GET], path: {{type: Prefix, value: {path}}}}}" for path in paths)
    manifests = "".join(
        deployment(name).replace("spec: {containers", f"spec: {{serviceAccountName: {name}, containers")
        for name in ("cart", "stock")
    )
    return f"""{manifests}---
apiVersion: licet.dev/v1alpha1
kind: Contract
metadata: {{name: stock, namespace: shop}}
spec:
  targetRef: {{kind: Deployment, name: stock}}
  mode: {mode}
  serves:
  - name: items
    ports: [{{port: {port}}}]
    application: HTTP
    mtls: Strict
    callers:
      from: Selected
      peers: [{{name: cart, workload: {{kind: Deployment, name: cart}}, http: [{asked}]}}]
---
apiVersion: licet.dev/v1alpha1
kind: Contract
metadata: {{name: cart, namespace: shop}}
spec:
  targetRef: {{kind: Deployment, name: cart}}
  mode: {mode}
  serves: []
  calls: [{{name: items, to: {{workload: {{kind: Deployment, name: stock}}}}}}]
"""


class Program(ThreadingHTTPServer):
    """What `stock` runs: it answers everything, and what ends with `slow` only at its own end."""

    daemon_threads = True

    def __init__(self) -> None:
        self.over = threading.Event()
        super().__init__((HOST, 0), _Answers)


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Program

    def do_GET(self) -> None:
        """Answer, at once or at the end."""
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"2\r\nok\r\n")
        self.wfile.flush()
        if self.path.endswith("slow"):
            self.server.over.wait()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Standing:
    """The parts by their names. `cart` is found over mutual TLS, and `stock` by the control plane's socket."""

    def __init__(self, home: Path, held: ExitStack) -> None:
        self.home = home
        self.data = home / "data"
        self.manifests = home / "manifests"
        self.manifests.mkdir()
        self._held = held
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self.served, self.exit, self.control, self.metrics = _free(4)
        self.program = held.enter_context(Program())
        held.callback(self.program.shutdown)
        held.callback(self.program.over.set)
        threading.Thread(target=self.program.serve_forever, daemon=True).start()

    def declare(self, *paths: str, mode: str = "Enforce") -> None:
        """Write what is agreed."""
        (self.manifests / "shop.yaml").write_text(contracts(self.served, paths, mode))

    def command(self, *words: str | Path) -> str:
        """Run a command over the domain; what it told."""
        done = licet(*words, "--data", self.data)
        assert done.code == 0, done.err
        return done.out

    def found(self) -> None:
        """A trust domain in which both have an identity, each known by a program of its own."""
        self.command("identity", "init", "--trust-domain", DOMAIN)
        for name in ("cart", "stock"):
            selectors = ("--selector", f"unix:path:{self._envoy(name)}", "--selector", f"unix:uid:{os.getuid()}")
            self.command("identity", "entries", "add", "--spiffe-id", identity(name), *selectors)
        # What it may call is held back, so that the other side alone decides.
        self.command("mesh", "hold", "shop/cart[Deployment]", "--mode", "Shadow")

    def start_identities(self) -> None:
        """The node's socket."""
        self._run("identity", "identity", "serve", "--socket", self.home / "node.sock", "--data", self.data)

    def start_control(self, name: str = "mesh", *options: str) -> None:
        """The control plane, once it serves."""
        places = ("--socket", self.home / f"{name}.sock", "--data", self.data)
        self._run(name, "mesh", "serve", self.manifests, *places, *options)

    def start_sidecar(self, name: str, control: str, *words: str, program: str = "") -> None:
        """An Envoy that begins with what `licet mesh bootstrap` writes."""
        config, remote = self.home / f"{name}.json", ("--control-identity", MESH) if ":" in control else ()
        made = licet(
            *("mesh", "bootstrap", "--group", "apps", "--kind", "Deployment", "--namespace", "shop", "--name", name),
            *("--pod", f"{name}-0", "--address", HOST, "--socket", self.home / "node.sock", "--capture", "explicit"),
            *("--control", control, *remote, *words, "--out", config),
        )
        assert made.code == 0, made.err
        options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning", "--drain-time-s", "1")
        self._start(name, str(self._envoy(program or name)), "--config-path", str(config), *options)

    def start_sidecars(self) -> None:
        """That of `cart`, over mutual TLS, and that of `stock`."""
        exits = ("--exit", f"shop/stock[Deployment]:{self.served}={HOST}:{self.exit}")
        self.start_sidecar("cart", f"{HOST}:{self.control}", *exits)
        app = f"{self.served}={HOST}:{self.program.server_address[1]}"
        self.start_sidecar("stock", str(self.home / "mesh.sock"), "--app", app)

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        """End a part, by default without a word."""
        part = self._parts.pop(name)
        part.send_signal(how)
        part.wait(PATIENCE)

    def log(self, name: str) -> str:
        """What a part has told."""
        return (self.home / f"{name}.log").read_text()

    def status(self, path: str) -> int:
        """What `cart` is answered; 0 where nothing comes."""
        try:
            with self.asking(path) as answer:
                return answer.status
        except (OSError, http.client.HTTPException):
            return 0

    @contextmanager
    def asking(self, path: str) -> Iterator[http.client.HTTPResponse]:
        """An answer that may be under way still."""
        connection = http.client.HTTPConnection(HOST, self.exit, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            yield connection.getresponse()
        finally:
            connection.close()

    def comes_to(self, path: str, status: int) -> float:
        """Wait until `cart` is answered so; the seconds that it took."""
        began = time.monotonic()
        until(
            lambda: self.status(path) == status or None,
            lambda: f"{path}: {self.status(path)}\n{self.log('mesh')}\n{self.log('stock')}\n{self.log('cart')}",
        )
        return time.monotonic() - began

    def metric(self, name: str, port: int = 0) -> float:
        """A metric of the control plane by its name and labels."""
        with urlopen(f"http://{HOST}:{port or self.metrics}/metrics", timeout=PATIENCE) as answer:
            found = re.search(rf"^{re.escape(name)} (\S+)$", answer.read().decode(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def audited(self, kind: str) -> list[Any]:
        """Records of this kind."""
        shown = map(json.loads, self.command("audit", "show", "-o", "json").splitlines())
        return [each for each in shown if each["kind"] == kind]

    def flows(self, verdict: str) -> float:
        """How many requests of `cart` to `stock` came to this."""
        labels = {"destination": "shop/stock[Deployment]", "kind": "http", "port": self.served}
        labels |= {"source": "shop/cart[Deployment]", "verdict": verdict}
        return self.metric("licet_mesh_flows_total{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}")

    def _run(self, name: str, *words: object) -> None:
        self._start(name, sys.executable, "-m", "licet", *map(str, words))
        until(lambda: "serving" in self.log(name) or self._dead(name), lambda: self.log(name))
        assert not self._dead(name), self.log(name)

    def _dead(self, name: str) -> bool | None:
        return self._parts[name].poll() is not None or None

    def _start(self, name: str, *command: str) -> None:
        with (self.home / f"{name}.log").open("wb") as told:
            part = subprocess.Popen(command, stdout=told, stderr=told, env=environment(), stdin=subprocess.DEVNULL)
        self._parts[name] = part
        self._held.callback(_end, part)

    def _envoy(self, name: str) -> Path:
        """At a path of its own, by which the node tells the sidecars of one user apart."""
        place = self.home / f"envoy-{name}"
        if not place.exists():
            try:
                os.link(executable(), place)
            except OSError:
                shutil.copy2(executable(), place)
        return place


@contextmanager
def standing(home: Path, *, rollback: bool = False, mode: str = "Enforce") -> Iterator[Standing]:
    """One whose calls are answered."""
    with ExitStack() as held:
        mesh = Standing(home, held)
        mesh.declare("/v1/items", mode=mode)
        mesh.found()
        mesh.start_identities()
        mesh.start_control("mesh", *mesh_options(mesh, rollback=rollback))
        mesh.start_sidecars()
        mesh.comes_to("/v1/items", 200)
        yield mesh


def mesh_options(mesh: Standing, *, rollback: bool = False) -> tuple[str, ...]:
    """How the control plane of a test is run."""
    ways = ("--listen", f"{HOST}:{mesh.control}", "--metrics", f"{HOST}:{mesh.metrics}")
    return (*ways, "--rollback" if rollback else "--no-rollback")


def until_true(asked: Callable[[], bool], told: Callable[[], str] = lambda: "") -> None:
    """Wait for it."""
    until(lambda: asked() or None, told)


def _end(part: subprocess.Popen[bytes]) -> None:
    if part.poll() is None:
        part.terminate()
        try:
            part.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            part.kill()
            part.wait()


def _free(number: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server((HOST, 0))) for _ in range(number)]
        return [int(each.getsockname()[1]) for each in sockets]
