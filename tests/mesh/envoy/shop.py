"""A small shop in which `web` calls others, as values for tests of its sidecar."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from http.client import HTTPConnection
from itertools import count
from types import MappingProxyType

from licet.contracts.contract import GrpcMatch, HttpMatch, Mode
from licet.diag.place import Origin, Place
from licet.identity.svid import View
from licet.mesh.envoy import outbound
from licet.mesh.fleet import Fleet, Settings
from licet.mesh.intent import Call, Callee, Destination, Intent, Named, Outside, Served, Speaks
from licet.mesh.resource import Snapshot
from licet.mesh.sidecar import Capture, Instance, Sidecar
from licet.model.addresses import AddressSet
from licet.model.key import Key
from licet.model.ports import PortRange, PortSet, Protocol
from tests.identity.workload.sources import Authority

DOMAIN = "example.org"
NOTHING: Mapping[Key, tuple[Instance, ...]] = MappingProxyType({})
_numbers = count(1)


def address() -> str:
    """A loopback address that nobody else has taken."""
    return f"127.{1 + os.getpid() // 250 % 250}.{1 + os.getpid() % 250}.{next(_numbers)}"


def key(name: str) -> Key:
    """A Deployment of the shop."""
    return Key("", "apps", "Deployment", "shop", name)


def identity(name: str) -> str:
    """Whoever runs it."""
    return f"spiffe://{DOMAIN}{path(name)}"


def path(name: str) -> str:
    """The same without the trust domain."""
    return f"/ns/shop/sa/{name}"


def callee(name: str) -> Callee:
    """A Deployment as somebody who is called."""
    return Callee(key(name), frozenset({identity(name)}))


def call(
    to: str | Destination,
    port: int,
    speaks: Speaks = Speaks.HTTP,
    http: tuple[HttpMatch, ...] = (),
    grpc: tuple[GrpcMatch, ...] = (),
) -> Call:
    """A call of `web`, to another Deployment unless it is something else."""
    destination = callee(to) if isinstance(to, str) else to
    ports = PortSet.of(PortRange(Protocol.TCP, port, port))
    return Call(f"web->{_text(destination)}", destination, ports, speaks, http, grpc, None)


def outside(*blocks: str) -> Outside:
    """Addresses without an identity."""
    return Outside(AddressSet.of(blocks), ",".join(blocks))


def intent(name: str, *calls: Call, serves: tuple[Served, ...] = ()) -> Intent:
    """What this Deployment is for."""
    return Intent(key(name), identity(name), Mode.ENFORCE, serves, calls, Place(Origin("contract.yaml")))


def fleet(*intents: Intent, instances: Mapping[str, str] | None = None, settings: Settings | None = None) -> Fleet:
    """All there is; `instances` are addresses by the names of Deployments, one each."""
    return Fleet(
        DOMAIN,
        {each.key: each for each in intents},
        {key(name): (Instance(f"{name}-0", at),) for name, at in (instances or {}).items()},
        settings=settings or Settings(),
    )


def web(at: str, exits: Mapping[str, str], capture: Capture = Capture.EXPLICIT) -> Sidecar:
    """The sidecar of `web`."""
    return Sidecar("test", key("web"), identity("web"), at, capture, {}, exits)


def view(authority: Authority, name: str) -> View:
    """What the node has for whoever runs this Deployment."""
    return View((authority.svid(path(name)),), authority.bundle(), {})


def calling(sidecar: Sidecar, of: Fleet) -> Snapshot:
    """What a sidecar is told that serves nothing."""
    return Snapshot.of(outbound.resources(sidecar, of))


def _text(destination: Destination) -> str:
    match destination:
        case Callee(key=key):
            return str(key)
        case Named(name=name):
            return name
        case Outside(text=text):
            return text


def answer(at: str, path: str = "/", method: str = "GET", host: str = "any") -> tuple[int, str]:
    """The status and the body of a request of HTTP/1.1 to `host:port`."""
    connection = HTTPConnection(at, timeout=20)
    try:
        connection.request(method, path, headers={"host": host})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def reachable(at: str) -> bool | None:
    """Whether something listens there, or None, to be asked again."""
    host, _, port = at.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 5).close()
    except ConnectionRefusedError:
        return None
    return True


def said_back(at: str, data: bytes) -> bytes:
    """What comes back of what is said on a connection, nothing where it is closed."""
    host, _, port = at.rpartition(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        try:
            connection.sendall(data)
            return connection.recv(len(data))
        except ConnectionResetError:
            return b""
