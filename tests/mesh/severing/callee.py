"""Whoever is called: a workload with a port for requests and one for bytes, and its sidecar as the product has it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap  # type: ignore[import-untyped]

from licet.contracts.contract import Mode
from licet.diag.place import Origin, Place
from licet.identity.svid import View, X509Svid
from licet.mesh.composition import Composer
from licet.mesh.envoy.bootstrap import Local, bootstrap
from licet.mesh.fleet import Fleet
from licet.mesh.intent import Intent, Proof, Rule, Served, Speaks
from licet.mesh.sidecar import Capture, Sidecar
from licet.mesh.telemetry.access_log import Caller, Entry
from licet.model.key import Key
from tests.identity.workload.sources import Authority
from tests.mesh.plane import Plane

NODE = "test"
HTTP, TCP = 8080, 5432
"""The ports, where traffic is redirected; else the kernel chooses."""
_DOMAIN = "shop.example"
_KEY = Key("", "apps", "Deployment", "shop", "callee")
_PLACE = Place(Origin("contract.yaml"))


def identity(name: str) -> str:
    """The SPIFFE ID of whoever has this name here."""
    return f"spiffe://{_DOMAIN}/{name}"


class Papers(msgspec.Struct, frozen=True):
    """Who is believed, and a folder with a file of certificate and key for each caller, and `trusted.pem`."""

    authority: Authority
    home: Path

    @classmethod
    def of(cls, home: Path, *who: str) -> Papers:
        """Those of callers with these names."""
        authority = Authority(_DOMAIN)
        home.mkdir()
        (home / "trusted.pem").write_text(ssl.DER_cert_to_PEM_cert(authority.bundle().x509[0]))
        for name in who:
            (home / f"{name}.pem").write_bytes(_pem(authority.svid(f"/{name}")))
        return cls(authority, home)

    def view(self) -> View:
        """What the callee's sidecar has of its node."""
        return View((self.authority.svid("/callee"),), self.authority.bundle(), {})


class Callee(msgspec.Struct, frozen=True):
    """The sidecar, what it depends on, and the ports for requests and for bytes."""

    sidecar: Sidecar
    plane: Plane
    http: int
    tcp: int

    @classmethod
    def of(cls, plane: Plane, apps: Mapping[int, str], address: str, capture: Capture) -> Callee:
        """One before these programs, at an address."""
        http, tcp = apps
        return cls(Sidecar(NODE, _KEY, identity("callee"), address, capture, apps), plane, http, tcp)

    def bootstrap(self) -> Bootstrap:
        """What Envoy starts with."""
        path = str(self.plane.socket)
        return bootstrap(self.sidecar, path, Local(path))

    def permit(self, callers: Iterable[str], denied: Iterable[str] = ()) -> None:
        """Have these let through, but for those that are denied; returns when Envoy has it."""
        rules = (Rule("let-through", Proof(frozenset(callers)), (), (), None),)
        served = Served(self.http, Speaks.HTTP, True, rules), Served(self.tcp, Speaks.TCP, True, rules)
        intent = Intent(_KEY, self.sidecar.identity, Mode.ENFORCE, served, (), _PLACE)
        self.plane.push(Composer()(Fleet(_DOMAIN, {_KEY: intent}, denied=frozenset(denied)), self.sidecar))


class Reporting(Plane):
    """A plane that tells what it hears."""

    def __init__(self, socket: Path, view: View, hear: Callable[[Sequence[Entry]], object]) -> None:
        super().__init__(socket, view)
        self._told = hear

    def _hear(self, _: Caller, _name: str, entries: Sequence[Entry]) -> None:
        self._told(entries)


def _pem(svid: X509Svid) -> bytes:
    key = load_der_private_key(svid.key, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + b"".join(
        ssl.DER_cert_to_PEM_cert(each).encode() for each in svid.chain
    )
