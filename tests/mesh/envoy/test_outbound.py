"""What a workload calls, through its own real Envoy and that of whom it calls."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import httpx
import msgspec
import pytest

from licet.contracts.contract import GrpcMatch, HttpMatch
from licet.identity.svid import View
from licet.mesh.envoy import inbound, names, rbac
from licet.mesh.fleet import Stage
from licet.mesh.intent import Proof, Rule, Served, Speaks
from licet.mesh.resource import Kind, Snapshot
from licet.mesh.sidecar import Capture, Instance, Sidecar
from tests.identity.workload.sources import Authority
from tests.mesh.envoy import shop
from tests.mesh.envoy.served import Program
from tests.mesh.envoy.strangers import stranger
from tests.mesh.plane import Plane, sidecar
from tests.mesh.proxy import Proxy

HTTP, GRPC, TCP = 8080, 8081, 5432


class Pair(msgspec.Struct, frozen=True):
    """`web` and `cart`, each with its sidecar, and the exits of `web` by their destinations."""

    exits: Mapping[str, str]
    plane: Plane
    envoy: Proxy
    answering: Plane
    program: Program
    speaker: Program

    def exit(self, name: str, port: int) -> str:
        """Where `web` finds this."""
        return self.exits[f"{shop.key(name)}:{port}"]


class Calls(grpc.GenericRpcHandler):
    """Methods `Get`, which answers once, and `Watch`, which answers each message."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Those of any service."""
        if details.method.endswith("/Get"):
            return grpc.unary_unary_rpc_method_handler(lambda data, _: data)
        return grpc.stream_stream_rpc_method_handler(lambda requests, _: requests)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both, with everything agreed that the tests call."""
    home = tmp_path_factory.mktemp("pair")
    authority = Authority(shop.DOMAIN)
    at, met = shop.address(), shop.address()
    exits = {f"{shop.key('cart')}:{port}": f"{at}:{9000 + port}" for port in (HTTP, GRPC, TCP)}
    exits |= {f"{shop.key('narrow')}:{HTTP}": f"{at}:9001", f"{shop.key('nobody')}:{HTTP}": f"{at}:9002"}
    exits |= {f"{shop.key('gone')}:{HTTP}": f"{at}:9003", f"{shop.key('narrow')}:{GRPC}": f"{at}:9004"}
    exits |= {f"{shop.key('spoofed')}:{HTTP}": f"{at}:9005", f"{shop.key('spoofed')}:{TCP}": f"{at}:9006"}
    narrow = (HttpMatch(("GET",), "/v1"), HttpMatch(("POST",), "/orders", True))
    calls = (
        *(shop.call("cart", port, speaks) for port, speaks in _SPOKEN.items()),
        shop.call("narrow", HTTP, http=narrow),
        shop.call("narrow", GRPC, grpc=(GrpcMatch("shop.Cart", ("Get",)),)),
        shop.call("gone", HTTP),
        shop.call("spoofed", HTTP),
        shop.call("spoofed", TCP, Speaks.TCP),
    )
    # Discovery that lies has the addresses of `cart` for another, and `narrow` is run by whom `cart` is run by.
    agreed = tuple(
        msgspec.structs.replace(each, to=msgspec.structs.replace(each.to, identities=shop.callee("cart").identities))
        if getattr(each.to, "key", None) == shop.key("narrow")
        else each
        for each in calls
    )
    where = dict.fromkeys(("cart", "narrow", "spoofed"), met)
    of = shop.fleet(shop.intent("web", *agreed), instances=where)
    with ExitStack() as held:
        program, bytes_ = (held.enter_context(Program(each).running()) for each in (Speaks.HTTP, Speaks.TCP))
        server = grpc.server(ThreadPoolExecutor(4), handlers=[Calls()])
        apps = {HTTP: program.at, TCP: bytes_.at, GRPC: f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"}
        server.start()
        held.callback(lambda: server.stop(None).wait())
        (home / "cart").mkdir()
        (home / "web").mkdir()
        cart = Sidecar("test", shop.key("cart"), shop.identity("cart"), met, Capture.EXPLICIT, apps)
        answering, _ = held.enter_context(sidecar(home / "cart", cart, shop.view(authority, "cart")))
        answering.push(_served(cart, at))
        web = shop.web(at, exits)
        plane, envoy = held.enter_context(sidecar(home / "web", web, shop.view(authority, "web")))
        plane.push(shop.calling(web, of))
        made = Pair(exits, plane, envoy, answering, program, bytes_)
        envoy.until(lambda: shop.answer(made.exit("cart", HTTP))[0] == 200 or None)
        for exit in exits.values():
            envoy.until(partial(shop.reachable, exit))
        yield made


_SPOKEN = {HTTP: Speaks.HTTP, GRPC: Speaks.HTTP, TCP: Speaks.TCP}


def _served(cart: Sidecar, caller: str) -> Snapshot:
    """Whoever is `web` may call, from its own address alone."""
    rule = Rule("web->cart", Proof(frozenset({shop.identity("web")})), (), (), None)
    serves = tuple(Served(port, speaks, True, (rule,)) for port, speaks in _SPOKEN.items())
    intent = shop.intent("cart", serves=serves)
    of = msgspec.structs.replace(shop.fleet(intent), bound={shop.identity("web"): frozenset({caller})})
    return Snapshot.of(
        {
            Kind.LISTENER: inbound.listeners(cart, intent, Stage.ENFORCE, of.settings),
            Kind.ROUTES: inbound.routes(intent),
            Kind.CLUSTER: inbound.programs(cart, intent),
            Kind.EXTENSION: [
                resource for each in serves for resource in rbac.policy(each, Stage.ENFORCE, of).resources
            ],
        }
    )


def test_http_reaches_the_callee_from_the_callers_own_address(pair: Pair) -> None:
    """The callee believes this identity from one address, which its caller connects from although it has many."""
    assert shop.answer(pair.exit("cart", HTTP), "/v2/items?a=1") == (200, "served")
    log = names.outbound(f"{shop.key('cart')}:{HTTP}")
    entry = pair.plane.found(log, lambda each: each.request.path == "/v2/items?a=1" and _ended(each))
    assert _rule(entry) == "web->shop/cart[Deployment]"
    assert entry.response.response_code.value == 200


def test_http2_is_spoken_on_as_grpc_is(pair: Pair) -> None:
    """One call with one answer, and one that goes on."""
    with grpc.insecure_channel(pair.exit("cart", GRPC)) as channel:
        assert _unary(channel, "/shop.Cart/Get")(b"one", timeout=20) == b"one"
        stream: Any = channel.stream_stream("/shop.Cart/Watch")
        assert list(stream(iter([b"a", b"b", b"c"]), timeout=20)) == [b"a", b"b", b"c"]


def test_bytes_are_passed_on(pair: Pair) -> None:
    """What is neither HTTP nor anything else that a proxy knows."""
    assert shop.said_back(pair.exit("cart", TCP), b"\x00\x01hello") == b"\x00\x01hello"


def test_a_program_that_speaks_first_is_heard_through_both_sidecars(pair: Pair) -> None:
    """As those of MySQL, SMTP and NATS do; who called has not said a word."""
    host, _, port = pair.exit("cart", TCP).rpartition(":")
    pair.speaker.greeting = b"220 ready\r\n"
    try:
        with socket.create_connection((host, int(port)), 20) as connection:
            assert connection.recv(100) == pair.speaker.greeting
            connection.sendall(b"EHLO web\r\n")
            assert connection.recv(100) == b"EHLO web\r\n"
    finally:
        pair.speaker.greeting = b""


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1", 200),
        ("GET", "/v1/items?x=/", 200),
        ("POST", "/orders", 200),
        ("POST", "/v1", 403),
        ("GET", "/v10", 403),
        ("GET", "/V1", 403),
        ("GET", "/", 403),
        ("GET", "/v1/../admin", 403),
        ("GET", "//v1/items", 200),
        ("GET", "/v1%2fitems", 400),
        ("POST", "/orders/", 403),
    ],
)
def test_requests_that_were_not_agreed_to_stay_with_the_caller(pair: Pair, method: str, path: str, status: int) -> None:
    """Refused at the caller's own sidecar, as `default-deny`, and the callee is not asked."""
    asked = len(pair.program.heads)
    assert shop.answer(pair.exit("narrow", HTTP), path, method)[0] == status
    assert len(pair.program.heads) - asked == (status == 200)


def test_the_refusal_of_a_request_is_told_of(pair: Pair) -> None:
    """By the name of what refused."""
    assert shop.answer(pair.exit("narrow", HTTP), "/secret")[0] == 403
    log = names.outbound(f"{shop.key('narrow')}:{HTTP}")
    entry = pair.plane.found(log, lambda each: each.request.path == "/secret" and _ended(each))
    assert _rule(entry) == "default-deny"


def test_methods_of_grpc_that_were_not_agreed_to_are_refused_as_grpc_says_it(pair: Pair) -> None:
    """`Get` was agreed to, `Watch` was not."""
    with grpc.insecure_channel(pair.exit("narrow", GRPC)) as channel:
        assert _unary(channel, "/shop.Cart/Get")(b"one", timeout=20) == b"one"
        for method in ("/shop.Cart/Watch", "/shop.Cart/get", "/shop.Other/Get"):
            with pytest.raises(grpc.RpcError) as refused:
                _unary(channel, method)(b"one", timeout=20)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_http2_without_grpc_is_refused_as_http(pair: Pair) -> None:
    """With prior knowledge, and nothing before it."""
    with httpx.Client(http1=False, http2=True) as client:
        response = client.get(f"http://{pair.exit('narrow', HTTP)}/secret")
    assert (response.http_version, response.status_code) == ("HTTP/2", 403)


def test_an_exit_that_nobody_agreed_to_refuses_and_is_told_of(pair: Pair) -> None:
    """Requests are answered with 403, and bytes are closed."""
    at, log = pair.exit("nobody", HTTP), names.refused(f"{shop.key('nobody')}:{HTTP}")
    assert shop.answer(at, "/asked")[0] == 403
    with httpx.Client(http1=False, http2=True) as client:
        assert client.get(f"http://{at}/").status_code == 403
    assert shop.said_back(at, b"\x00" * 64) == b""
    request = pair.plane.found(
        log, lambda each: hasattr(each, "request") and each.request.path == "/asked" and _ended(each)
    )
    assert _rule(request) == "default-deny"
    pair.plane.found(log, lambda each: not hasattr(each, "request"))


def test_a_callee_without_instances_is_nowhere(pair: Pair) -> None:
    """And is not looked for anywhere else."""
    assert shop.answer(pair.exit("gone", HTTP))[0] == 503


def test_who_answers_with_another_identity_of_the_domain_is_refused(pair: Pair) -> None:
    """Discovery that lies leads nobody astray: the callee that was agreed to is pinned."""
    asked, connected = len(pair.program.heads), pair.program.connections
    assert shop.answer(pair.exit("spoofed", HTTP))[0] == 503
    assert shop.said_back(pair.exit("spoofed", TCP), b"secret") == b""
    assert (len(pair.program.heads), pair.program.connections) == (asked, connected)


def test_nothing_that_is_said_is_refused_by_envoy(pair: Pair) -> None:
    """Every listener, cluster, table and assignment was taken."""
    assert (pair.plane.refusals, pair.answering.refusals) == ([], [])


CERTIFICATES = ("good", "other identity", "another authority", "expired", "TLS 1.2", "federated")


@pytest.fixture(scope="module")
def impostors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Mapping[str, str], Mapping[str, Any]]]:
    """Exits to callees behind which servers stand with certificates of each kind."""
    home = tmp_path_factory.mktemp("impostors")
    authority, foreign, partner = Authority(shop.DOMAIN), Authority(shop.DOMAIN), Authority("partner.example")
    svids = {
        "good": authority.svid(shop.path("good")),
        "other identity": authority.svid(shop.path("web")),
        "another authority": foreign.svid(shop.path("another")),
        "expired": authority.svid(shop.path("expired"), lifetime=timedelta(seconds=-1)),
        "TLS 1.2": authority.svid(shop.path("TLS")),
        "federated": partner.svid("/any", beside=(shop.identity("federated"),)),
    }
    at = shop.address()
    with ExitStack() as held:
        instances, exits, servers, calls = {}, {}, {}, []
        for number, (kind, svid) in enumerate(svids.items()):
            name = kind.split()[0]
            instances[name] = shop.address()
            servers[kind] = held.enter_context(
                stranger(home / name, instances[name], svid, authority, latest=kind != "TLS 1.2")
            )
            exits[f"{shop.key(name)}:{servers[kind].port}"] = f"{at}:{9100 + number}"
            calls.append(shop.call(name, servers[kind].port))
        web = shop.web(at, exits)
        of = shop.fleet(shop.intent("web", *calls), instances=instances)
        view = View((authority.svid(shop.path("web")),), authority.bundle(), {partner.domain: partner.bundle()})
        plane, envoy = held.enter_context(sidecar(home, web, view))
        plane.push(shop.calling(web, of))
        found = dict(zip(svids, exits.values(), strict=True))
        envoy.until(lambda: shop.answer(found["good"])[0] == 200 or None)
        yield found, servers


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_certificates_and_versions_that_are_not_right_are_refused(
    impostors: tuple[Mapping[str, str], Mapping[str, Any]], kind: str
) -> None:
    """One is right, and each of the others wrong in one thing; of the request they hear nothing."""
    exits, servers = impostors
    status = shop.answer(exits[kind])[0]
    assert (status, bool(servers[kind].heard)) == ((200, True) if kind == "good" else (503, False))


def test_an_identity_that_is_denied_is_not_called_any_more(tmp_path: Path) -> None:
    """Nobody is left whom the callee could be, and nobody is not anybody."""
    authority = Authority(shop.DOMAIN)
    at, met = shop.address(), shop.address()
    with ExitStack() as held:
        server = held.enter_context(stranger(tmp_path / "cart", met, authority.svid(shop.path("cart")), authority))
        web = shop.web(at, {f"{shop.key('cart')}:{server.port}": f"{at}:9001"})
        of = shop.fleet(shop.intent("web", shop.call("cart", server.port)), instances={"cart": met})
        plane, envoy = held.enter_context(sidecar(tmp_path, web, shop.view(authority, "web")))
        plane.push(shop.calling(web, of))
        envoy.until(lambda: shop.answer(f"{at}:9001")[0] == 200 or None)
        plane.push(shop.calling(web, msgspec.structs.replace(of, denied=frozenset({shop.identity("cart")}))))
        heard = len(server.heard)
        assert [shop.answer(f"{at}:9001")[0] for _ in range(5)] == [503] * 5
        assert len(server.heard) == heard


def test_instances_change_nothing_but_endpoints() -> None:
    """So that a callee that scales touches no connection."""
    at = shop.address()
    web = shop.web(at, {f"{shop.key('cart')}:{HTTP}": f"{at}:9001"})
    of = shop.fleet(shop.intent("web", shop.call("cart", HTTP)), instances={"cart": at})
    more = msgspec.structs.replace(of, instances={shop.key("cart"): (Instance("a", at), Instance("b", "10.0.0.1"))})
    before, after = shop.calling(web, of), shop.calling(web, more)
    assert {kind for kind in Kind if before.versions[kind] != after.versions[kind]} == {Kind.ENDPOINTS}


def _rule(entry: Any) -> str:
    said = entry.common_properties.metadata.filter_metadata["envoy.filters.http.rbac"]
    return str(said.fields["enforced_effective_policy_id"].string_value)


def _ended(entry: Any) -> bool:
    return bool(entry.response.response_code.value)


def _unary(channel: grpc.Channel, method: str) -> Any:
    return channel.unary_unary(method)


@pytest.mark.parametrize(("stage", "status", "told"), [(Stage.SHADOW, 200, "default-deny"), (Stage.OBSERVE, 200, "")])
def test_stages_before_enforcement_let_pass_what_was_not_agreed(
    tmp_path: Path, stage: Stage, status: int, told: str
) -> None:
    """Requests beside those agreed to, and exits that nothing was agreed for; shadow says what it would refuse."""
    authority = Authority(shop.DOMAIN)
    at, met = shop.address(), shop.address()
    with ExitStack() as held:
        server = held.enter_context(stranger(tmp_path / "cart", met, authority.svid(shop.path("cart")), authority))
        exits = {f"{shop.key('cart')}:{server.port}": f"{at}:9001", f"{shop.key('cart')}:1": f"{at}:9002"}
        web = shop.web(at, exits)
        narrow = shop.call("cart", server.port, http=(HttpMatch(("GET",), "/v1"),))
        of = shop.fleet(shop.intent("web", narrow), shop.intent("cart"), instances={"cart": met})
        of = msgspec.structs.replace(of, stages={web.id: stage})
        plane, envoy = held.enter_context(sidecar(tmp_path, web, shop.view(authority, "web")))
        plane.push(shop.calling(web, of))
        envoy.until(lambda: shop.answer(f"{at}:9001", "/v1")[0] == 200 or None)
        assert shop.answer(f"{at}:9001", "/v2")[0] == status
        log = names.outbound(f"{shop.key('cart')}:{server.port}")
        entry = plane.found(log, lambda each: each.request.path == "/v2" and _ended(each))
        said = entry.common_properties.metadata.filter_metadata["envoy.filters.http.rbac"].fields
        assert said["enforced_effective_policy_id"].string_value == stage.value
        assert said["shadow_effective_policy_id"].string_value == told
        envoy.until(partial(shop.reachable, f"{at}:9002"))
        assert plane.refusals == []
