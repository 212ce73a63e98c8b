"""What a workload reaches outside, by names and addresses, through its real Envoy."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial

import msgspec
import pytest

from licet.contracts.contract import HttpMatch
from licet.mesh.envoy import names
from licet.mesh.fleet import Settings
from licet.mesh.intent import Named, Speaks
from licet.model.addresses import AddressSet
from tests.identity.workload.sources import Authority
from tests.mesh.envoy import shop
from tests.mesh.envoy.names_server import resolving
from tests.mesh.envoy.served import Program
from tests.mesh.envoy.strangers import Stranger, stranger
from tests.mesh.plane import Plane, sidecar

TLS = 8443
REBOUND = shop.address()
"""What no name may lead to here, where everything else is on the loopback."""


class Outside(msgspec.Struct, frozen=True):
    """The exits of `web` by their destinations, the sidecar's control plane, and who serves outside."""

    exits: Mapping[str, str]
    plane: Plane
    server: Stranger
    inside: Stranger
    program: Program
    asked: list[str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """Names of which one is rebound, an address, and exits to each."""
    home = tmp_path_factory.mktemp("egress")
    authority = Authority("outside.example")
    at, met = shop.address(), shop.address()
    known = ("api.example.com", "a.example.com", "a.b.example.com", "other.example.org", "example.com")
    with ExitStack() as held:
        resolver, asked = held.enter_context(
            resolving({**dict.fromkeys(known, met), "rebound.example.com": REBOUND, "web.example.com": met})
        )
        server = held.enter_context(stranger(home / "server", met, authority.svid("/outside"), authority, port=TLS))
        inside = held.enter_context(
            stranger(home / "inside", REBOUND, authority.svid("/inside"), authority, port=server.port)
        )
        program = held.enter_context(Program(Speaks.HTTP).running())
        port = int(program.at.rpartition(":")[2])
        calls = (
            shop.call(Named("api.example.com"), TLS),
            shop.call(Named("rebound.example.com"), TLS),
            shop.call(Named("*.example.com"), TLS, Speaks.TCP),
            shop.call(Named("narrow.example.org"), TLS, http=(HttpMatch(("GET",), "/v1"),)),
            shop.call(shop.outside("127.0.0.1/32"), port, http=(HttpMatch(("GET",), "/v1"),)),
            shop.call(shop.outside(f"{met}/32"), TLS, Speaks.TCP),
        )
        wanted = (
            *(f"{name}:{TLS}" for name in ("api.example.com", "rebound.example.com", "*.example.com")),
            *(f"{name}:{TLS}" for name in ("narrow.example.org", "other.example.org", met, "127.0.0.1")),
            f"127.0.0.1:{port}",
        )
        exits = {destination: f"{at}:{9001 + number}" for number, destination in enumerate(wanted)}
        settings = Settings(resolvers=(resolver,), never_named=AddressSet.of([REBOUND]))
        of = shop.fleet(shop.intent("web", *calls), settings=settings)
        web = shop.web(at, exits)
        plane, envoy = held.enter_context(sidecar(home, web, shop.view(Authority(shop.DOMAIN), "web")))
        plane.push(shop.calling(web, of))
        for exit in exits.values():
            envoy.until(partial(shop.reachable, exit))
        exits |= {"narrowed": exits[f"127.0.0.1:{port}"], "address": exits[f"{met}:{TLS}"]}
        yield Outside(exits, plane, server, inside, program, asked)


def shake(at: str, name: str | None) -> bool:
    """Whether a handshake of TLS that asks for this name comes to an end, and what is said then is answered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host, _, port = at.rpartition(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        try:
            with context.wrap_socket(connection, server_hostname=name) as secured:
                secured.sendall(b"GET / HTTP/1.1\r\nhost: any\r\n\r\n")
                return secured.recv(100).startswith(b"HTTP/1.1 200")
        except (OSError, ssl.SSLError):
            return False


@pytest.mark.parametrize(
    ("exit", "name", "passes"),
    [
        ("api.example.com", "api.example.com", True),
        ("api.example.com", "API.example.com", True),
        ("api.example.com", "a.example.com", False),
        ("api.example.com", "api.example.com.example.org", False),
        ("api.example.com", None, False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.example.com", "aexample.com", False),
        ("*.example.com", "other.example.org", False),
        ("*.example.com", None, False),
        ("other.example.org", "other.example.org", False),
        ("narrow.example.org", "narrow.example.org", False),
        ("rebound.example.com", "rebound.example.com", False),
        ("*.example.com", "rebound.example.com", False),
    ],
)
def test_names_are_believed_where_tls_asks_for_them(world: Outside, exit: str, name: str | None, passes: bool) -> None:
    """Exactly the one, or exactly one label more; none at all is refused, and so is one that leads back inside."""
    heard = len(world.server.heard)
    assert shake(world.exits[f"{exit}:{TLS}"], name) is passes
    assert len(world.server.heard) - heard == passes
    assert world.inside.names == []


def test_a_name_that_was_refused_was_not_even_resolved(world: Outside) -> None:
    """So that nothing is told by asking for it."""
    shake(world.exits[f"*.example.com:{TLS}"], "secret.stolen.example.com")
    assert "secret.stolen.example.com" not in world.asked


def test_what_is_refused_is_told_of(world: Outside) -> None:
    """Under its destination."""
    assert shop.said_back(world.exits[f"api.example.com:{TLS}"], b"no TLS at all" * 20) == b""
    assert world.plane.found(names.refused(f"api.example.com:{TLS}"), lambda _: True)


def test_addresses_are_reached_as_bytes(world: Outside) -> None:
    """With or without a name in TLS, since it is the address that was agreed to, and no other."""
    assert shake(world.exits["address"], None)
    assert shake(world.exits["address"], "any.example.org")
    assert not shake(world.exits[f"127.0.0.1:{TLS}"], None)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1", 200), ("GET", "/v2", 403), ("PUT", "/v1", 403)])
def test_requests_to_addresses_are_as_agreed(world: Outside, method: str, path: str, status: int) -> None:
    """Where only some were."""
    assert shop.answer(world.exits["narrowed"], path, method)[0] == status


def test_nothing_that_is_said_is_refused_by_envoy(world: Outside) -> None:
    """Every listener, cluster and table was taken."""
    assert world.plane.refusals == []
