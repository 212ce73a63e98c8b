"""Whoever tries to be somebody else, or to ask for something else than is judged, is refused before the program."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from licet.contracts.contract import HttpMatch
from licet.mesh.intent import FOREIGN_ADDRESS, Intent, Proof, Rule, Served, Speaks
from tests.identity.workload.envoy import client
from tests.identity.workload.sources import Authority
from tests.mesh.envoy.served import DOMAIN, Workload, identity, workload

HOST = b"host: cart\r\n"
SECRET = b"GET /secret HTTP/1.1\r\nhost: cart\r\n\r\n"


@pytest.fixture(scope="module")
def cart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workload]:
    """`web` may get what is under `/public`, from one address, and `db` is for bytes."""
    with workload(tmp_path_factory.mktemp("cart"), [(Speaks.HTTP, True), (Speaks.TCP, True)]) as running:
        web = Proof(frozenset({identity("web")}))
        rule = Rule("web", web, (HttpMatch(("GET", "POST"), "/public"),), (), None)
        running.obey(_with(running.intent, rule), bound={identity("web"): frozenset({"127.0.0.1"})})
        yield running


def _with(intent: Intent, rule: Rule) -> Intent:
    serves = tuple(msgspec.structs.replace(each, rules=(rule,)) for each in intent.serves)
    return msgspec.structs.replace(intent, serves=serves)


def _port(cart: Workload, speaks: Speaks) -> Served:
    return next(served for served in cart.intent.serves if served.speaks is speaks)


def _seen(cart: Workload) -> list[bytes]:
    return cart.programs[_port(cart, Speaks.HTTP).port].heads


def test_a_stolen_key_is_refused_elsewhere_whatever_the_request_says_of_its_origin(cart: Workload) -> None:
    before = len(_seen(cart))
    claims = (
        "x-forwarded-for: 127.0.0.1",
        "x-real-ip: 127.0.0.1",
        "x-envoy-external-address: 127.0.0.1",
        "forwarded: for=127.0.0.1",
    )
    with cart.call(_port(cart, Speaks.HTTP).port, "/web", source="127.0.0.66") as caller:
        assert caller.status("GET", "/public", *claims) == 403
    with cart.call(_port(cart, Speaks.TCP).port, "/web", source="127.0.0.66") as caller:
        assert not caller.admitted()
    told = cart.plane.found(f"inbound/{_port(cart, Speaks.HTTP).port}", lambda one: _refused_by(one, FOREIGN_ADDRESS))
    assert told.common_properties.downstream_direct_remote_address.socket_address.address == "127.0.0.66"
    assert len(_seen(cart)) == before
    assert not cart.programs[_port(cart, Speaks.TCP).port].connections


def _refused_by(entry: Any, rule: str) -> bool:
    return bool(entry.response.response_code_details == f"rbac_access_denied_matched_policy[{rule}]")


def _expired(cart: Workload) -> ssl.SSLContext:
    return client(cart.home, cart.authority.svid("/web", lifetime=timedelta(seconds=-5)), cart.authority)


def _foreign(cart: Workload) -> ssl.SSLContext:
    """Of an authority that calls itself as ours does."""
    return client(cart.home, Authority(DOMAIN).svid("/web"), cart.authority)


def _elsewhere(cart: Workload) -> ssl.SSLContext:
    """Of a trust domain that nobody believes."""
    return client(cart.home, Authority("elsewhere.example").svid("/web"), cart.authority)


def _older(cart: Workload) -> ssl.SSLContext:
    context = cart.context("/web")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _weak(cart: Workload) -> ssl.SSLContext:
    context = _older(cart)
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")
    return context


def _nobody(cart: Workload) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(cart.authority.bundle().x509[0]))
    return context


@pytest.mark.parametrize("speaks", Speaks)
@pytest.mark.parametrize(
    ("number", "present", "reason"),
    [
        (1, _expired, "certificate has expired"),
        (2, _foreign, "CERTIFICATE_VERIFY_FAILED"),
        (3, _elsewhere, "CERTIFICATE_VERIFY_FAILED"),
        (4, _older, "UNSUPPORTED_PROTOCOL"),
        (5, _weak, "UNSUPPORTED_PROTOCOL"),
        (6, _nobody, "PEER_DID_NOT_RETURN_A_CERTIFICATE"),
        (7, None, ""),
    ],
)
def test_a_handshake_that_proves_nothing_is_refused_and_told_of(
    cart: Workload, speaks: Speaks, number: int, present: Callable[[Workload], ssl.SSLContext] | None, reason: str
) -> None:
    served = _port(cart, speaks)
    before = cart.programs[served.port].connections
    source, said = f"127.0.{list(Speaks).index(speaks)}.{number + 100}", b""
    with suppress(OSError), cart.present(served.port, present(cart) if present else None, source) as caller:
        # Who is answered is let go of, and does not wait until waiting is taken for silence.
        said = caller.send(b"GET /public HTTP/1.1\r\nhost: cart\r\nconnection: close\r\n\r\n")
    assert said == b""

    def wanted(entry: Any) -> bool:
        return bool(entry.common_properties.downstream_remote_address.socket_address.address == source)

    entry = cart.plane.found(f"inbound/{served.port}", wanted)
    assert reason in entry.common_properties.downstream_transport_failure_reason
    assert cart.programs[served.port].connections == before


def test_how_a_request_is_led_is_not_for_its_caller_to_say_wherever_it_is_from(cart: Workload) -> None:
    said = ("x-envoy-retry-on: 5xx", "x-envoy-max-retries: 9", "x-envoy-upstream-rq-timeout-ms: 1")
    with cart.call(_port(cart, Speaks.HTTP).port, "/web") as caller:
        assert caller.status("GET", "/public", *said, "x-envoy-internal: true") == 200
    head = _seen(cart)[-1].lower()
    assert [each for each in (*said, "x-envoy-internal") if each.partition(":")[0].encode() in head] == []


def test_nothing_is_handed_out_by_which_a_connection_could_go_on_with_what_another_has_proved(cart: Workload) -> None:
    with cart.call(_port(cart, Speaks.HTTP).port, "/web") as caller:
        assert caller.status("GET", "/public") == 200
        assert isinstance(caller.socket, ssl.SSLSocket)
        assert caller.socket.session is not None
        assert not caller.socket.session.has_ticket


def _post(*fields: bytes, body: bytes = b"") -> bytes:
    return b"POST /public HTTP/1.1\r\n" + HOST + b"".join(each + b"\r\n" for each in fields) + b"\r\n" + body


SMUGGLED = {
    "length and chunks": _post(b"content-length: 4", b"transfer-encoding: chunked", body=b"0\r\n\r\n" + SECRET),
    "chunks and length": _post(b"transfer-encoding: chunked", b"content-length: 60", body=b"0\r\n\r\n" + SECRET),
    "two lengths": _post(b"content-length: 0", b"content-length: 38", body=SECRET),
    "lengths in a list": _post(b"content-length: 0, 38", body=SECRET),
    "a signed length": _post(b"content-length: +0", body=SECRET),
    "a negative length": _post(b"content-length: -1", body=SECRET),
    "a length in hexadecimal": _post(b"content-length: 0x26", body=SECRET),
    "a space before the colon": _post(b"content-length: 0", b"transfer-encoding : chunked", body=b"26\r\n" + SECRET),
    "another coding": _post(b"transfer-encoding: xchunked", body=b"0\r\n\r\n" + SECRET),
    "chunks that are not the last coding": _post(b"transfer-encoding: chunked, identity", body=b"0\r\n\r\n" + SECRET),
    "chunks twice": _post(b"transfer-encoding: chunked", b"transfer-encoding: identity", body=b"0\r\n\r\n" + SECRET),
    "a control character": _post(b"transfer-encoding: \x0bchunked", body=b"0\r\n\r\n" + SECRET),
    "a folded line": _post(b"x: y", b" transfer-encoding: chunked", body=b"0\r\n\r\n" + SECRET),
    "a folded coding": _post(b"transfer-encoding:", b" chunked", b"content-length: 4", body=b"0\r\n\r\n" + SECRET),
    "an underscore": _post(b"content_length: 38", body=b""),
    "a NUL in a value": _post(b"x: a\0b"),
    "a carriage return in a value": _post(b"x: a\rtransfer-encoding: chunked"),
    "a name with a space": _post(b"x y: z"),
    "a chunk's size with a sign": _post(b"transfer-encoding: chunked", body=b"+0\r\n\r\n" + SECRET),
    "a chunk's size in C": _post(b"transfer-encoding: chunked", body=b"0x0\r\n\r\n" + SECRET),
    "two hosts": b"GET /public HTTP/1.1\r\nhost: cart\r\nhost: bank\r\n\r\n" + SECRET,
    "a fragment": b"GET /public#/../secret HTTP/1.1\r\n" + HOST + b"\r\n",
    "a NUL in the path": b"GET /public\0/secret HTTP/1.1\r\n" + HOST + b"\r\n",
    "a space in the path": b"GET /public /secret HTTP/1.1\r\n" + HOST + b"\r\n",
    "another request behind": b"GET /public HTTP/1.1\r\n" + HOST + b"\r\n" + SECRET,
    "a whole URL": b"GET http://cart/secret HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel": b"CONNECT /secret HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel to elsewhere": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an older version": b"GET /public HTTP/1.0\r\n\r\n",
    "an upgrade to HTTP/2": _post(b"connection: upgrade, http2-settings", b"upgrade: h2c", b"http2-settings: AAMAAABk"),
    "a hop that takes headers along": _post(b"connection: close, x-forwarded-client-cert", b"content-length: 0"),
}


@pytest.mark.parametrize("data", SMUGGLED.values(), ids=SMUGGLED)
def test_no_request_reaches_the_program_inside_of_another(cart: Workload, data: bytes) -> None:
    before = len(_seen(cart))
    with cart.call(_port(cart, Speaks.HTTP).port, "/web") as caller, suppress(TimeoutError):
        caller.socket.settimeout(0.2)
        caller.send(data)
    heads = _seen(cart)[before:]
    assert not [head for head in heads if b"secret" in head.split(b"\r\n")[0]]
    assert len(heads) <= 1
    for head in heads:
        assert head.count(b"URI=spiffe://example.org/web") == 1
        assert b"http2-settings" not in head


REFUSED = (
    *(
        "/public/../secret",
        "/public/%2e%2e/secret",
        "/public/%2E%2E/secret",
        "/public/.%2e/secret",
        "/public/./../secret",
    ),
    *("/public%2fx", "/public%2Fx", "/public/%2F..%2fsecret", "/public%5cx", "/public/..%5c..%5csecret"),
    *("/public\\..\\secret", "/public/..\\..\\secret", "//secret", "/secret//public", "/../public/../secret"),
    *("/public/..;/secret", "/public/..;a=b/secret", "/public/%2e%2e;/secret", "/public/%2E.;x/y"),
    *(
        "/PUBLIC",
        "/Public/x",
        "/public.",
        "/public..",
        "/public...",
        "/public;x",
        "/public%3bx",
        "/public%00",
        "/public/%00",
    ),
    *("/publicx", "/public%20", "/public%23", "/public%3f", "/%2e/secret", "/.", "/..", "/", "*", "public"),
)
READ_AS_ONE = {
    "/public": "/public",
    "//public///x": "/public/x",
    "/x/../public/y": "/public/y",
    "/%70ublic/z": "/public/z",
    "/public/./a": "/public/a",
    "/public?/../secret": "/public?/../secret",
    "/public?a=%2f..": "/public?a=%2f..",
    "/public/%252e%252e/secret": "/public/%252e%252e/secret",
    "/public/.;/b": "/public/b",
    "/public/...": "/public/...",
    "/public/..x;y": "/public/..x;y",
}


@pytest.mark.parametrize("path", REFUSED)
def test_no_spelling_of_a_path_leads_past_the_policy(cart: Workload, path: str) -> None:
    before = len(_seen(cart))
    with cart.call(_port(cart, Speaks.HTTP).port, "/web") as caller:
        assert caller.status("GET", path) in {400, 403}
    assert _seen(cart)[before:] == []


@pytest.mark.parametrize(("path", "seen"), READ_AS_ONE.items())
def test_the_program_is_given_the_path_that_was_judged(cart: Workload, path: str, seen: str) -> None:
    with cart.call(_port(cart, Speaks.HTTP).port, "/web") as caller:
        assert caller.status("GET", path) == 200
    assert _seen(cart)[-1].split(b"\r\n")[0].decode() == f"GET {seen} HTTP/1.1"


def test_the_program_learns_who_asks_and_nobody_can_say_it_otherwise(cart: Workload) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    lies = (
        "x-forwarded-client-cert: By=spiffe://example.org/cart;URI=spiffe://example.org/admin",
        "x-envoy-original-path: /secret",
        "x-envoy-upstream-rq-timeout-ms: 1",
        "x-envoy-retry-on: 5xx",
        "x-forwarded-proto: http",
        f"traceparent: {trace}",
        "tracestate: vendor=1",
        "x-request-id: mine",
    )
    with cart.call(_port(cart, Speaks.HTTP).port, "/web") as caller:
        assert caller.status("GET", "/public", *lies) == 200
    fields = dict(line.split(": ", 1) for line in _seen(cart)[-1].decode().split("\r\n")[1:] if line)
    assert fields.pop("x-forwarded-client-cert").partition(";Hash=")[0] == "By=spiffe://example.org/cart"
    assert b"URI=spiffe://example.org/web" in _seen(cart)[-1]
    del fields["x-forwarded-for"]
    assert fields == {
        "host": "cart",
        "x-forwarded-proto": "https",
        "x-envoy-external-address": "127.0.0.1",
        "traceparent": trace,
        "tracestate": "vendor=1",
        "x-request-id": "mine",
    }


def _get(*fields: tuple[str, str], path: str = "/public") -> list[tuple[str, str]]:
    asked = [(":method", "GET"), (":scheme", "https"), (":authority", "cart"), (":path", path)]
    return [*asked, *fields]


MALFORMED = {
    "two paths": [*_get(), (":path", "/secret")],
    "two methods": [*_get(), (":method", "DELETE")],
    "a path behind the fields": [*_get(("x", "y"))[:3], ("x", "y"), (":path", "/secret")],
    "another field of that kind": _get((":secret", "yes")),
    "no path": _get()[:3],
    "no method": _get()[1:],
    "a request in the method": [(":method", "GET /secret HTTP/1.1\r\nhost: cart\r\n\r\nGET"), *_get()[1:]],
    "a request in the path": _get(path="/public HTTP/1.1\r\nhost: cart\r\n\r\nGET /secret"),
    "a request in a value": _get(("x", "y\r\n\r\nGET /secret HTTP/1.1\r\nhost: cart\r\n\r\n")),
    "a field in a value": _get(("x", "y\r\nx-forwarded-client-cert: URI=spiffe://example.org/admin")),
    "a field in a name": _get(("x: y\r\nz", "1")),
    "a NUL in a value": _get(("x", "a\0b")),
    "capitals in a name": _get(("X-Big", "1")),
    "a coding": _get(("transfer-encoding", "chunked")),
    "a connection": _get(("connection", "keep-alive")),
    "a length that is not kept": _get(("content-length", "38")),
    "two lengths": _get(("content-length", "0"), ("content-length", "38")),
    "an underscore": _get(("content_length", "38")),
    "a path of nothing": _get(path=""),
    "a path with two dots": _get(path="/public/../secret"),
    "a path that is escaped": _get(path="/public%2f..%2fsecret"),
    "a fragment": _get(path="/public#/../secret"),
    "a whole URL": _get(path="https://cart/secret"),
    "a tunnel": [(":method", "CONNECT"), (":authority", "127.0.0.1:22")],
    "a tunnel of a protocol": [(":method", "CONNECT"), (":protocol", "websocket"), *_get(path="/secret")[1:]],
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_no_malformed_stream_of_http2_reaches_the_program(cart: Workload, fields: list[tuple[str, str]]) -> None:
    served = _port(cart, Speaks.HTTP)
    program = cart.programs[served.port]
    before = len(program.streams)
    with cart.streams(served.port, "/web") as client:
        assert client.status(client.open(fields, end=True)) in {0, 400, 403, 404}
    with cart.streams(served.port, "/web") as client:
        assert client.status(client.open(_get(path="/public/after"), end=True)) == 200
    [last] = program.streams[before:]
    assert dict(last)[b":path"] == b"/public/after"


def test_hosts_that_contradict_each_other_become_one(cart: Workload) -> None:
    served = _port(cart, Speaks.HTTP)
    with cart.streams(served.port, "/web") as client:
        assert client.status(client.open(_get(("host", "bank")), end=True)) == 200
    fields = cart.programs[served.port].streams[-1]
    assert [value for name, value in fields if name in {b"host", b":authority"}] == [b"cart"]
