"""AuthZEN over HTTP: the same decisions, with their reasons; who is not known, or not understood, hears no yes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.mesh.decision.authzen import CONFIGURATION, EVALUATION, EVALUATIONS, application
from licet.mesh.decision.evaluation import MOST
from licet.mesh.decision.signature import HEADER
from licet.mesh.decision.standing import Standing
from licet.mesh.fleet import Fleet
from tests.cli.schemas import hold
from tests.mesh.decision.fleets import CART, FLEET, FRONTEND, GATEWAY, KEY, point
from tests.mesh.decision.signers import AUDIENCE, Authority, Clock, signatures

T = TypeVar("T")
Client = TestClient[Any, Any]

FINE: Mapping[str, Any] = {
    "subject": {"type": "spiffe", "id": FRONTEND},
    "resource": {"type": "workload", "id": str(KEY), "properties": {"port": 8080}},
    "action": {"name": "http", "properties": {"method": "GET", "path": "/v1/items?page=2"}},
    "context": {"address": "10.0.0.1"},
}
AGREED = {
    "decision": True,
    "context": {
        "schema": "licet.dev/decision/v1",
        "reason": "agreed",
        "text": f"`{FRONTEND}` may: `frontend->checkout` is agreed",
        "rule": "frontend->checkout",
        "contract": "shop/checkout.yaml:7",
        "version": Standing.of(FLEET).version,
    },
}
AUTHORITY = Authority()


def _with(
    ask: Callable[[Client], Awaitable[T]],
    asker: str | None = GATEWAY,
    fleet: Fleet | None = FLEET,
    clock: Clock | None = None,
    denied: frozenset[str] = frozenset(),
) -> T:
    async def run() -> T:
        verifying = signatures(AUTHORITY, clock, denied) if clock is not None else None
        made = application(point(fleet), "https://decisions.example/", lambda _: asker, verifying)
        async with TestClient(TestServer(made)) as client:
            return await ask(client)

    return asyncio.run(run())


def _post(
    body: object, path: str = EVALUATION, headers: Mapping[str, str] | None = None, **given: Any
) -> tuple[int, Any]:
    """The status, and the answer where it is JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def ask(client: Client) -> tuple[int, Any]:
        sent = {"Content-Type": "application/json", **(headers or {})}
        async with client.post(path, data=data, headers=sent) as answer:
            said = await answer.read()
            return answer.status, json.loads(said) if answer.content_type == "application/json" else said

    return _with(ask, **given)


def test_a_decision_has_its_reason_rule_and_line() -> None:
    status, said = _post(FINE)
    assert (status, said) == (200, AGREED)
    hold(said["context"], "decision.v1")
    status, said = _post({**FINE, "action": {"name": "connect"}})
    hold(said["context"], "decision.v1")
    assert (status, said["decision"], said["context"]["reason"]) == (200, False, "not-agreed")
    assert said["context"]["contract"] == "shop/checkout.yaml:7"


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({"action": {"name": "grpc", "properties": {"service": "shop.Checkout", "method": "Place"}}}, True),
        ({"action": {"name": "grpc", "properties": {"service": "shop.Checkout", "method": "Cancel"}}}, False),
        ({"action": {"name": "http", "properties": {"method": "POST", "path": "/shop.Checkout/Place"}}}, True),
    ],
)
def test_a_grpc_method_is_what_its_request_is(change: Mapping[str, Any], allowed: bool) -> None:
    resource = {**FINE["resource"], "properties": {"port": 5050}}
    assert _post({**FINE, "resource": resource, **change})[1]["decision"] is allowed


def test_who_has_no_identity_is_judged_by_the_address() -> None:
    resource = {**FINE["resource"], "properties": {"port": 9090}}
    asked = {"resource": resource, "action": {"name": "connect"}}
    old, new = ({"subject": {"type": "address", "id": each}, **asked} for each in ("192.0.2.9", "198.51.100.1"))
    assert [_post(each)[1]["decision"] for each in (old, new)] == [True, False]
    assert _post({**old, "context": {"address": "198.51.100.1"}})[0] == 400


@pytest.mark.parametrize(
    "change",
    [
        {"subject": {"type": "user", "id": FRONTEND}},
        {"subject": {"type": "spiffe", "id": ""}},
        {"resource": {"type": "workload", "id": "", "properties": {"port": 8080}}},
        {"resource": {"type": "service", "id": str(KEY), "properties": {"port": 8080}}},
        {"resource": {"type": "workload", "id": str(KEY)}},
        {"resource": {"type": "workload", "id": str(KEY), "properties": {"port": "8080"}}},
        {"resource": {"type": "workload", "id": str(KEY), "properties": {"port": 8080.5}}},
        {"action": {"name": "read"}},
        {"action": {"name": "connect", "properties": {"path": "/"}}},
        {"action": {"name": "http", "properties": {"method": "GET"}}},
        {"action": {"name": "grpc", "properties": {"service": "a/b", "method": "c"}}},
        {"action": {"name": "grpc", "properties": {"service": "..", "method": "c"}}},
        {"subject": None},
        {"action": None},
    ],
    ids=str,
)
def test_what_is_no_question_is_said_to_be_none(change: Mapping[str, Any]) -> None:
    status, said = _post({**FINE, **change})
    assert status == 400
    assert isinstance(said, bytes)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b'"x"', b"\xff", b"{}", b"[" * 100_000, b'{"subject":1e999}']
)
def test_garbage_is_said_to_be_none(body: bytes) -> None:
    assert [_post(body, path)[0] for path in (EVALUATION, EVALUATIONS)] == [400, 400]


def test_what_is_too_large_or_not_json_is_refused() -> None:
    assert _post(b" " * (1 << 19) + json.dumps(FINE).encode())[0] == 413
    assert _post(FINE, headers={"Content-Type": "text/plain"})[0] == 415
    assert _post({**FINE, "evaluations": [{}] * (MOST + 1)}, EVALUATIONS)[0] == 400


def test_a_batch_is_answered_in_its_order_with_what_its_questions_have_in_common() -> None:
    other = {"subject": {"type": "spiffe", "id": CART}, "context": {}}
    questions = [{}, {"action": {"name": "connect"}}, other, {"action": {"name": "read"}}]
    status, said = _post({**FINE, "evaluations": questions}, EVALUATIONS)
    for each in said["evaluations"]:
        hold(each["context"], "decision.v1")
    assert status == 200
    assert said["evaluations"][0] == AGREED
    reasons = [(each["decision"], each["context"]["reason"]) for each in said["evaluations"]]
    assert reasons == [(True, "agreed"), (False, "not-agreed"), (True, "agreed"), (False, "unsure")]


@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        ("execute_all", [True, False, True, False]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_a_batch_ends_as_it_is_told_to(semantic: str, expected: list[bool]) -> None:
    questions = [{}, {"action": {"name": "connect"}}] * 2
    asked = {**FINE, "evaluations": questions, "options": {"evaluations_semantic": semantic}}
    assert [each["decision"] for each in _post(asked, EVALUATIONS)[1]["evaluations"]] == expected
    assert _post({**asked, "options": {"evaluations_semantic": "whatever"}}, EVALUATIONS)[0] == 400


def test_a_batch_of_nothing_is_one_question() -> None:
    assert _post(FINE, EVALUATIONS) == (200, AGREED)
    assert _post({**FINE, "evaluations": []}, EVALUATIONS) == (200, AGREED)
    assert _post({**FINE, "evaluations": [{}]}, EVALUATION)[0] == 400


def test_who_is_not_known_is_not_answered_and_who_may_not_ask_is_denied() -> None:
    assert [_post(FINE, asker=each)[0] for each in (None, "")] == [401, 401]
    status, said = _post(FINE, asker=CART)
    assert (status, said["decision"], said["context"]["reason"]) == (200, False, "not-asked")
    status, said = _post(FINE, fleet=None)
    assert (status, said["decision"], said["context"]["reason"]) == (200, False, "no-state")


def test_equal_questions_are_answered_with_equal_bytes() -> None:
    async def twice(client: Client) -> list[bytes]:
        said = []
        for _ in range(2):
            async with client.post(EVALUATION, json=FINE) as answer:
                said.append(await answer.read())
        return said

    assert len(set(_with(twice) + _with(twice))) == 1


def test_it_says_where_it_is_asked() -> None:
    async def ask(client: Client) -> tuple[Any, str | None]:
        async with client.get(CONFIGURATION, headers={"X-Request-ID": "one"}) as answer:
            return await answer.json(), answer.headers.get("X-Request-ID")

    told = {
        "policy_decision_point": "https://decisions.example",
        "access_evaluation_endpoint": f"https://decisions.example{EVALUATION}",
        "access_evaluations_endpoint": f"https://decisions.example{EVALUATIONS}",
    }
    assert _with(ask) == (told, "one")


def test_a_signed_question_is_answered_once() -> None:
    body, clock = json.dumps(FINE).encode(), Clock()
    signed = {HEADER: AUTHORITY.signer(GATEWAY).sign(body), "Content-Type": "application/json"}

    async def ask(client: Client) -> list[tuple[int, bytes]]:
        said = []
        for _ in range(2):
            async with client.post(EVALUATION, data=body, headers=signed) as answer:
                said.append((answer.status, await answer.read()))
        return said

    first, second = _with(ask, asker=None, clock=clock)
    assert (first[0], json.loads(first[1])) == (200, AGREED)
    assert second == (401, b"the request was made before\n")


def test_a_signature_alone_counts_where_there_is_one() -> None:
    body = json.dumps(FINE).encode()
    signer = AUTHORITY.signer(GATEWAY)

    def asked(header: str, **given: Any) -> int:
        return _post(body, headers={HEADER: header}, **given)[0]

    assert asked(signer.sign(body), clock=Clock()) == 200
    assert asked(signer.sign(body)) == 401, "none is verified here"
    assert asked("garbage", clock=Clock()) == 401
    assert asked(signer.sign(body + b" "), clock=Clock()) == 401
    assert asked(signer.sign(body, EVALUATIONS), clock=Clock()) == 401
    assert asked(signer.sign(body, audience=AUDIENCE + "2"), clock=Clock()) == 401
    assert asked(Authority().signer(GATEWAY).sign(body), clock=Clock()) == 401
    assert asked(signer.sign(body), clock=Clock(), denied=frozenset({GATEWAY})) == 401
    said = _post(body, headers={HEADER: AUTHORITY.signer(CART).sign(body)}, clock=Clock())[1]
    assert said["context"]["reason"] == "not-asked"


def test_two_signatures_are_none() -> None:
    body = json.dumps(FINE).encode()

    async def ask(client: Client) -> int:
        sent = [("Content-Type", "application/json"), *((HEADER, AUTHORITY.signer(GATEWAY).sign(body)) for _ in "12")]
        async with client.post(EVALUATION, data=body, headers=sent) as answer:
            return answer.status

    assert _with(ask, clock=Clock()) == 401


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([FRONTEND, str(KEY), "spiffe"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "id", "port", "name", "properties", "path", "method"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(sorted(FINE)), _JSON), min_size=4, max_size=20))
def test_whatever_is_sent_has_no_internal_error_and_no_yes(changes: list[tuple[str, object]]) -> None:
    async def ask(client: Client) -> list[tuple[int, bytes]]:
        said = []
        for name, value in changes:
            for path in (EVALUATION, EVALUATIONS):
                async with client.post(path, json={**FINE, name: value}) as answer:
                    said.append((answer.status, await answer.read()))
        return said

    for status, body in _with(ask):
        assert status in (200, 400)
        # A context of nothing but null is none, and one that says nothing of the address is refused as that.
        assert status == 400 or msgspec.json.decode(body)["decision"] is False


def test_what_nobody_foresaw_is_no_yes_and_tells_nothing() -> None:
    def broken(_: object) -> str | None:
        raise RuntimeError("a secret")

    async def run() -> tuple[int, bytes]:
        made = application(point(), "https://decisions.example", broken)
        async with TestClient(TestServer(made)) as client, client.post(EVALUATION, json=FINE) as answer:
            return answer.status, await answer.read()

    assert asyncio.run(run()) == (500, b"the question could not be decided\n")
