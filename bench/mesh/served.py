"""A workload whose ports differ in their policy alone, before the real Envoy and a program that answers at once."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig  # type: ignore[import-untyped]
from envoy.config.listener.v3.listener_components_pb2 import Filter  # type: ignore[import-untyped]
from envoy.config.listener.v3.listener_pb2 import Listener  # type: ignore[import-untyped]
from envoy.config.rbac.v3.rbac_pb2 import RBAC, Permission, Principal  # type: ignore[import-untyped]
from envoy.config.rbac.v3.rbac_pb2 import Policy as Listed
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRbac  # type: ignore[import-untyped]
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # type: ignore[import-untyped]
    HttpConnectionManager,
)
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRbac  # type: ignore[import-untyped]
from envoy.extensions.filters.network.set_filter_state.v3.set_filter_state_pb2 import (  # type: ignore[import-untyped]
    Config as SetFilterState,
)
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy  # type: ignore[import-untyped]
from envoy.type.matcher.v3.string_pb2 import StringMatcher  # type: ignore[import-untyped]
from google.protobuf.any_pb2 import Any as Packed

from licet.contracts.contract import HttpMatch, Mode
from licet.diag.place import Origin, Place
from licet.identity import pem
from licet.identity.svid import View
from licet.mesh.envoy import inbound, names, rbac
from licet.mesh.envoy.source import packed
from licet.mesh.fleet import Fleet, Stage
from licet.mesh.intent import Intent, Proof, Rule, Served, Speaks
from licet.mesh.resource import Kind, Resource, Snapshot
from licet.mesh.sidecar import Capture, Sidecar
from licet.model.key import Key
from tests.built import go_program
from tests.identity.workload.sources import Authority
from tests.mesh.plane import sidecar
from tests.mesh.proxy import Proxy, until

DOMAIN = "bench.example"
KEY = Key("", "apps", "Deployment", "shop", "cart")
CALLER = "/ns/shop/sa/m"
"""Of many callers the one in the middle."""
_PLACE = Place(Origin("contract.yaml"))
_PROBER = f"spiffe://{DOMAIN}/licet/mesh"
_AT = "127.0.0.1"
_ASKED = (HttpMatch(("GET", "HEAD"), "/v1/", False), HttpMatch(("POST",), "/v1/orders", True))

_Envelope: TypeAlias = Any


class Variant(msgspec.Struct, frozen=True):
    """One port: how many may call it, zero where nobody judges that; what else is different says its name."""

    name: str
    principals: int = 0
    paths: bool = False
    listed: bool = False
    logged: bool = False


class Load(msgspec.Struct, frozen=True):
    """What came of calls: how many, of which failed; seconds by the clock, and of the halfth and the 99th call."""

    done: int
    failed: int
    why: str
    wall: float
    p50: float
    p99: float


class Before:
    """The Envoy that is measured, and whoever calls it."""

    def __init__(self, envoy: Proxy, client: subprocess.Popen[str], ports: Mapping[str, int]) -> None:
        self.pid = envoy.process.pid
        self._envoy = envoy
        self._client = client
        self._ports = ports

    def memory(self) -> int:
        """Bytes that Envoy has allocated."""
        return int(json.loads(self._envoy.admin("/memory"))["allocated"])

    def lay(self, variant: Variant, protocol: str, together: int, count: int) -> Load:
        """So many calls, so many at once; raises RuntimeError where one fails."""
        port = self._ports[variant.name]
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.write(f"{protocol} {_AT}:{port} {together} {count}\n")
        self._client.stdin.flush()
        load = msgspec.json.decode(self._client.stdout.readline(), type=Load)
        if load.failed:
            raise RuntimeError(f"{variant.name}, {protocol}: {load.failed} of {count} calls failed: {load.why}")
        return load


@contextmanager
def before(home: Path, variants: Sequence[Variant], speaks: Speaks) -> Iterator[Before]:
    """A sidecar with a port of this kind for each variant."""
    home.mkdir(parents=True, exist_ok=True)
    load = go_program(Path(__file__).parent / "go", "load")
    authority = Authority(DOMAIN)
    keys = _written(home, authority)
    with _running([str(load), "serve"]) as program, _running([str(load), "call", *map(str, keys)]) as client:
        assert program.stdout is not None
        at = json.loads(program.stdout.readline())
        ports = {each.name: _free_port() for each in variants}
        serves = {each.name: Served(ports[each.name], speaks, True, _rules(each)) for each in variants}
        intent = Intent(KEY, f"spiffe://{DOMAIN}/ns/shop/sa/cart", Mode.ENFORCE, tuple(serves.values()), (), _PLACE)
        apps = dict.fromkeys(ports.values(), at[speaks.value])
        of = Sidecar("test", KEY, intent.identity, _AT, Capture.EXPLICIT, apps)
        view = View((authority.svid("/ns/shop/sa/cart"),), authority.bundle(), {})
        with sidecar(home, of, view) as (plane, envoy):
            plane.push(_snapshot(variants, serves, of, intent))
            for port in apps:
                until(lambda port=port: _listens(port), lambda: envoy.log)  # type: ignore[misc]
            yield Before(envoy, client, ports)


def _snapshot(variants: Sequence[Variant], serves: Mapping[str, Served], of: Sidecar, intent: Intent) -> Snapshot:
    """What the product's own builders say, less what a variant is without."""
    bound = {each: frozenset({_AT}) for variant in variants for each in _callers(variant.principals)}
    fleet = Fleet(DOMAIN, {KEY: intent}, bound=bound, prober=_PROBER)
    of_port = {serves[each.name].port: (each, serves[each.name]) for each in variants}
    listeners = []
    for resource in inbound.listeners(of, intent, Stage.ENFORCE, fleet.settings):
        listener = Listener.FromString(resource.body)
        variant, _ = of_port[listener.address.socket_address.port_value]
        listeners.append(Resource.of(resource.name, _stripped(listener, variant)))
    policies = [
        resource
        for variant, served in of_port.values()
        if variant.principals
        for resource in ([_listed(served)] if variant.listed else rbac.policy(served, Stage.ENFORCE, fleet).resources)
    ]
    return Snapshot.of(
        {
            Kind.LISTENER: listeners,
            Kind.ROUTES: inbound.routes(intent),
            Kind.CLUSTER: inbound.programs(of, intent),
            Kind.EXTENSION: policies,
        }
    )


def _stripped(listener: Listener, variant: Variant) -> Listener:
    if not variant.logged:
        del listener.access_log[:]
    for chain in listener.filter_chains:
        kept = [_without(each, variant) for each in chain.filters if _needed(each, variant)]
        del chain.filters[:]
        chain.filters.extend(kept)
    return listener


def _needed(filter: Filter, variant: Variant) -> bool:
    """Without a policy nothing is judged, and in a list it is by one filter alone."""
    judging = filter.HasField("config_discovery") or filter.typed_config.Is(SetFilterState.DESCRIPTOR)
    listed = variant.listed and filter.name.startswith("policy/")
    return not judging or listed or (bool(variant.principals) and not variant.listed)


def _without(filter: Filter, variant: Variant) -> Filter:
    for kind in (HttpConnectionManager, TcpProxy):
        if filter.typed_config.Is(kind.DESCRIPTOR):
            config = kind()
            filter.typed_config.Unpack(config)
            if not variant.logged:
                config.ClearField("access_log")
                config.ClearField("access_log_options")
            if kind is TcpProxy and (variant.listed or not variant.principals):
                # Where nobody is led to the program, the chain itself leads there.
                config.cluster = names.app(int(config.stat_prefix.rpartition("/")[2]))
            if kind is HttpConnectionManager and not variant.principals:
                del config.http_filters[0]
            return Filter(name=filter.name, typed_config=packed(config))
    return filter


def _listed(served: Served) -> Resource:
    """The same callers as Envoy has them without a matcher: one policy after the other, until one fits."""
    policies = {
        rule.name: Listed(
            permissions=[Permission(any=True)],
            principals=[
                Principal(authenticated=Principal.Authenticated(principal_name=StringMatcher(exact=each)))
                for each in sorted(rule.who.identities if isinstance(rule.who, Proof) else ())
            ],
        )
        for rule in served.rules
    }
    rules = RBAC(action=RBAC.Action.ALLOW, policies=policies)
    if served.speaks is Speaks.HTTP:
        filter = HttpRbac(rules=rules)
    else:
        filter = NetworkRbac(rules=rules, stat_prefix=names.inbound(served.port))
    name = names.policy(served.port)
    body: Packed = packed(filter)
    return Resource.of(name, TypedExtensionConfig(name=name, typed_config=body))


def _rules(variant: Variant) -> tuple[Rule, ...]:
    http = _ASKED if variant.paths else ()
    return tuple(
        Rule(f"serve/{each.rpartition('/')[2]}", Proof(frozenset({each})), http, (), None)
        for each in _callers(variant.principals)
    )


def _callers(count: int) -> list[str]:
    """The one that calls is in the middle by name."""
    if not count:
        return []
    others = [f"spiffe://{DOMAIN}/ns/shop/sa/{'a' if i < count // 2 else 'z'}-{i:05d}" for i in range(count - 1)]
    return sorted([*others, f"spiffe://{DOMAIN}{CALLER}"])


def _written(home: Path, authority: Authority) -> tuple[Path, Path]:
    svid = authority.svid(CALLER)
    certificate, key = home / "caller.pem", home / "caller.key"
    certificate.write_text(pem.certificates(svid.chain))
    key.write_text(pem.private_key(svid.key))
    return certificate, key


@contextmanager
def _running(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A program that ends with its standard input."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def _listens(port: int) -> bool | None:
    """Envoy says that it has taken a listener before that listens."""
    try:
        socket.create_connection((_AT, port)).close()
    except ConnectionRefusedError:
        return None
    return True


def _free_port() -> int:
    with socket.create_server((_AT, 0)) as server:
        return int(server.getsockname()[1])
