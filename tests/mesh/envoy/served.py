"""A workload with its sidecar before it: programs that write down what they are told, and callers of every kind."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from licet.contracts.contract import Mode
from licet.diag.place import Origin, Place
from licet.identity.svid import View
from licet.mesh.envoy import inbound, names, rbac
from licet.mesh.fleet import Fleet, Stage
from licet.mesh.intent import Intent, Served, Speaks
from licet.mesh.resource import Kind, Snapshot
from licet.mesh.sidecar import Capture, Sidecar
from licet.model.key import Key
from tests.identity.workload.envoy import client
from tests.identity.workload.sources import Authority
from tests.mesh.envoy import http2
from tests.mesh.plane import Plane, sidecar
from tests.mesh.proxy import Proxy, until

DOMAIN = "example.org"
KEY = Key("", "apps", "Deployment", "shop", "cart")
PLACE = Place(Origin("contract.yaml"))
PROBER = f"spiffe://{DOMAIN}/licet/prober"


def identity(name: str) -> str:
    """The SPIFFE ID of a workload of the domain."""
    return f"spiffe://{DOMAIN}/{name}"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Program:
    """A program on a port: for HTTP it answers 200 and keeps each head, and for bytes it says back what it is told.

    Of bytes it says `greeting` first, which is nothing unless a test wants to hear something.
    """

    def __init__(self, speaks: Speaks) -> None:
        self.heads: list[bytes] = []
        self.streams: list[list[tuple[bytes, bytes]]] = []
        self.connections = 0
        self.greeting = b""
        program = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                program.connections += 1
                with suppress(OSError):
                    if speaks is Speaks.TCP:
                        program.echo(self.request)
                    elif self.request.recv(3, socket.MSG_PEEK) == b"PRI":
                        http2.answer(self.request, program.streams.append)
                    else:
                        program.answer(self.rfile, self.wfile)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def at(self) -> str:
        """Where it is."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[Program]:
        """Run, until it is left."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def answer(self, reading: Any, writing: Any) -> None:
        """One request after the other."""
        while head := _head(reading):
            self.heads.append(head)
            fields = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n")[1:] if line)
            if "chunked" in fields.get("transfer-encoding", ""):
                while int(reading.readline(), 16):
                    reading.readline()
                reading.readline()
            reading.read(int(fields.get("content-length", "0")))
            writing.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nserved")

    def echo(self, connection: socket.socket) -> None:
        """What comes goes back, after the greeting."""
        connection.sendall(self.greeting)
        while data := connection.recv(65536):
            connection.sendall(data)


class Caller:
    """A connection of a caller to a port of the sidecar, over which it can ask again and again."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(10)
        self.leaving = False
        """Whether the last answer said that no other comes."""

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bytes:
        """Everything that comes back until the sidecar ends the connection."""
        self.socket.sendall(data)
        said = b""
        with suppress(ConnectionError, ssl.SSLError):
            while more := self.socket.recv(65536):
                said += more
        return said

    def status(self, method: str, path: str, *fields: str) -> int:
        """The status that a request is answered with; the connection stays."""
        lines = "".join(f"{line}\r\n" for line in (f"{method} {path} HTTP/1.1", "host: cart", *fields))
        self.socket.sendall(lines.encode() + b"\r\n")
        with self.socket.makefile("rb") as reading:
            head = _head(reading).decode()
            length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length:"))
            self.leaving = "connection: close" in head.lower()
            reading.read(0 if method == "HEAD" else int(length.split(":")[1]))
        return int(head.split(" ")[1])

    def admitted(self, said: bytes = b"hello\n") -> bool:
        """Whether what it says comes back."""
        try:
            self.socket.sendall(said)
            return self.socket.recv(len(said)) == said
        except (ConnectionError, ssl.SSLError):
            return False


class Workload(msgspec.Struct, frozen=True):
    """Before what stands: the sidecar, what it depends on, and the programs by their ports."""

    home: Path
    authority: Authority
    intent: Intent
    sidecar: Sidecar
    plane: Plane
    envoy: Proxy
    programs: Mapping[int, Program]

    def obey(self, intent: Intent, stage: Stage = Stage.ENFORCE, **fleet: Any) -> Fleet:
        """Have the sidecar decide by this intent, whose ports are the workload's; returns when it does."""
        known = Fleet(DOMAIN, {KEY: intent}, prober=PROBER, **fleet)
        policies = {served: rbac.policy(served, stage, known) for served in intent.serves}
        resources = {
            Kind.LISTENER: inbound.listeners(self.sidecar, intent, stage, known.settings),
            Kind.ROUTES: inbound.routes(intent),
            Kind.CLUSTER: inbound.programs(self.sidecar, intent),
            Kind.EXTENSION: [resource for each in policies.values() for resource in each.resources],
        }
        self.plane.push(Snapshot.of(resources))
        for served, policy in policies.items():
            self.prove(served, policy.mark)
        return known

    def prove(self, served: Served, mark: str) -> None:
        """Return when the policy with this mark is what decides."""
        until(lambda: self.alive(served, mark) or None, lambda: self.envoy.log)

    def alive(self, served: Served, mark: str) -> bool:
        """Whether the prober sees a policy with this mark."""
        name = f"{mark}.{names.ALIVE_NAME}"
        try:
            caller = self.call(served.port, PROBER.removeprefix(f"spiffe://{DOMAIN}"), name=name)
        except OSError:
            return False
        with caller:
            if served.speaks is Speaks.TCP:
                return caller.admitted()
            return caller.status("GET", names.ALIVE_PATH + mark) == 200

    def call(self, port: int, path: str = "", source: str = "127.0.0.1", name: str = "cart") -> Caller:
        """A connection of whoever has this path in its SPIFFE ID, or of somebody without one, from this address."""
        return self.present(port, self.context(path) if path else None, source, name)

    def present(
        self, port: int, context: ssl.SSLContext | None, source: str = "127.0.0.1", name: str = "cart"
    ) -> Caller:
        """The same, with what this context has to show; raises OSError where that is not taken."""
        connection = socket.create_connection((self.sidecar.address, port), 10, (source, 0))
        if context is None:
            return Caller(connection)
        try:
            return Caller(context.wrap_socket(connection, server_hostname=name))
        except OSError:
            connection.close()
            raise

    @contextmanager
    def streams(self, port: int, path: str) -> Iterator[http2.Client]:
        """A connection of this caller that speaks HTTP/2."""
        context = self.context(path)
        context.set_alpn_protocols(["h2"])
        with self.present(port, context) as caller:
            yield http2.Client(caller.socket)

    def context(self, path: str) -> ssl.SSLContext:
        """What this caller connects with."""
        svid = self.authority.svid(path, lifetime=timedelta(hours=1))
        return client(self.home, svid, self.authority)


@contextmanager
def workload(home: Path, ports: Iterable[tuple[Speaks, bool]], *options: str) -> Iterator[Workload]:
    """A workload with ports that speak this and are strict or not; who may call is still to be said."""
    authority = Authority(DOMAIN)
    serves = tuple(Served(free_port(), speaks, strict, ()) for speaks, strict in ports)
    intent = Intent(KEY, identity("cart"), Mode.ENFORCE, serves, (), PLACE)
    programs = {served.port: Program(served.speaks) for served in serves}
    view = View((authority.svid("/cart"),), authority.bundle(), {})
    with _running(list(programs.values())):
        apps = {port: program.at for port, program in programs.items()}
        of = Sidecar("test", KEY, intent.identity, "127.0.0.1", Capture.EXPLICIT, apps)
        with sidecar(home, of, view, *options) as (plane, envoy):
            yield Workload(home, authority, intent, of, plane, envoy, programs)


@contextmanager
def _running(programs: list[Program]) -> Iterator[None]:
    if not programs:
        yield
        return
    with programs[0].running(), _running(programs[1:]):
        yield


def _head(reading: Any) -> bytes:
    lines = []
    while (line := reading.readline()) not in (b"\r\n", b""):
        lines.append(line)
    return b"".join(lines)
