"""Calls that the kernel leads to the sidecar, from a pod's network namespace to another's."""

from __future__ import annotations

import ctypes
import os
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from licet.mesh.envoy import names
from licet.mesh.fleet import Front, Settings
from licet.mesh.intent import Named, Speaks
from licet.mesh.redirect import Redirect, ruleset
from licet.mesh.sidecar import Capture, Instance
from licet.model.addresses import AddressSet
from tests.identity.workload.sources import Authority
from tests.mesh.envoy import shop
from tests.mesh.envoy.names_server import resolving
from tests.mesh.envoy.strangers import stranger
from tests.mesh.namespaces import Namespace, namespaces
from tests.mesh.plane import sidecar
from tests.nft import nft

_CLONE_NEWNET = 0x40000000
APP = 1001
"""The user of the workload's program; the sidecar's is the test's own."""
PORT, OUTSIDE, NAMED = 8443, 7443, 6443
SERVICE, ANYWHERE = "10.96.0.10", "10.96.0.99"


@contextmanager
def entered(place: Namespace) -> Iterator[ThreadPoolExecutor]:
    """A thread in there; what is started on it is in there too."""

    def enter() -> None:
        with open(place.path, "rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    with ThreadPoolExecutor(1, initializer=enter) as thread:
        yield thread


class Program:
    """A connection of the workload's program to an address that it believes in."""

    def __init__(self, place: Namespace, address: str, port: int, name: str = "") -> None:
        self.socket = place.socket(uid=APP)
        self.socket.settimeout(20)
        self.socket.connect((address, port))
        if name:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket, server_hostname=name)

    def ask(self) -> bytes:
        """What is answered to a request, nothing where the connection is closed."""
        try:
            self.socket.sendall(b"GET / HTTP/1.1\r\nhost: any\r\n\r\n")
            return self.socket.recv(1000)
        except ConnectionError:
            return b""


def asked(place: Namespace, address: str, port: int, name: str = "") -> bytes:
    """The status line of an answer, nothing where there is none."""
    try:
        program = Program(place, address, port, name)
    except OSError:
        return b""
    with program.socket:
        return program.ask().partition(b"\r\n")[0]


def test_what_was_called_is_what_is_reached(tmp_path: Path) -> None:
    """Instances by their own address, Services, addresses and names outside; everything else is refused."""
    ok = b"HTTP/1.1 200 OK"
    authority = Authority(shop.DOMAIN)
    with namespaces("pod", "peer") as both, ExitStack() as held:
        pod, peer = both["pod"], both["peer"]
        pod.run([nft(), "-f", "-"], input=ruleset(Redirect(uid=os.getuid())))
        pod.run(["ip", "route", "add", "10.96.0.0/16", "dev", "eth0"])
        inside, across = held.enter_context(entered(pod)), held.enter_context(entered(peer))

        def there(name: str, port: int) -> None:
            svid = authority.svid(shop.path(name))
            across.submit(held.enter_context, stranger(tmp_path / name, peer.ipv4, svid, authority, port=port)).result()

        there("cart", PORT)
        there("outside", OUTSIDE)
        there("named", NAMED)
        resolver, _ = inside.submit(held.enter_context, resolving({"api.example.com": peer.ipv4})).result()
        web = shop.web(pod.ipv4, {}, Capture.REDIRECTED)
        of = shop.fleet(
            shop.intent(
                "web",
                shop.call("cart", PORT),
                shop.call(shop.outside(f"{peer.ipv4}/32"), OUTSIDE, Speaks.TCP),
                shop.call(Named("api.example.com"), NAMED, Speaks.TCP),
            ),
            instances={"cart": peer.ipv4},
            settings=Settings(resolvers=(resolver,), never_named=AddressSet()),
        )
        of = msgspec.structs.replace(of, services={shop.key("cart"): (Front(SERVICE, 80, PORT),)})
        plane, envoy = inside.submit(held.enter_context, sidecar(tmp_path, web, shop.view(authority, "web"))).result()
        plane.push(shop.calling(web, of))
        envoy.until(lambda: asked(pod, peer.ipv4, PORT) == ok or None)
        assert asked(pod, SERVICE, 80) == ok
        assert asked(pod, peer.ipv4, OUTSIDE, "any.example.org") == ok
        assert asked(pod, ANYWHERE, NAMED, "api.example.com") == ok
        refused = (
            asked(pod, ANYWHERE, NAMED, "other.example.com"),
            asked(pod, ANYWHERE, NAMED),
            asked(pod, ANYWHERE, PORT),
            asked(pod, ANYWHERE, OUTSIDE, "any.example.org"),
            asked(pod, SERVICE, PORT),
            asked(pod, peer.ipv4, 9999),
        )
        assert refused == (b"",) * 6
        assert plane.found(names.REFUSED, lambda _: True)
        assert plane.refusals == []

        # Other instances and another call leave what is open alone: the listener stays, and each chain but the new one.
        with Program(pod, SERVICE, 80).socket as kept:
            more = (*of.instances[shop.key("cart")], Instance("cart-1", "10.99.0.77"))
            calls = (*of.intents[shop.key("web")].calls, shop.call("other", PORT))
            later = msgspec.structs.replace(
                of, instances={shop.key("cart"): more}, intents={shop.key("web"): shop.intent("web", *calls)}
            )
            plane.push(shop.calling(web, later))
            inside.submit(envoy.until, lambda: envoy.stats("listener_in_place_updated").values() or None).result()
            stats = inside.submit(envoy.stats, "listener_manager").result()
            assert stats["listener_manager.listener_in_place_updated"] == 1
            assert stats["listener_manager.total_filter_chains_draining"] == 0
            kept.sendall(b"GET / HTTP/1.1\r\nhost: any\r\n\r\n")
            assert b"connection: close" not in kept.recv(1000).lower()
