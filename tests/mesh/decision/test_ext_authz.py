"""Check calls are answered by what sidecars decide by, whatever is sent, and never in two ways."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from envoy.service.auth.v3.external_auth_pb2 import CheckRequest, CheckResponse  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from licet.identity.workload.calls import Context
from licet.mesh.decision.ext_authz import PORT, WORKLOAD, ExternalAuthorization
from licet.mesh.decision.standing import Standing
from licet.mesh.fleet import Fleet
from licet.mesh.verdict import Request, decide
from tests.cli.schemas import hold
from tests.mesh.decision.fleets import CART, CHECKOUT, FLEET, FRONTEND, GATEWAY, KEY, point

_NOBODY = cast(Context, None)


def check(data: bytes, asker: str | None = GATEWAY, fleet: Fleet | None = FLEET) -> Any:
    """What is answered to these bytes."""
    service = ExternalAuthorization(point(fleet), lambda _: asker)
    return CheckResponse.FromString(asyncio.run(service.check(data, _NOBODY)))


def asks(request: Request, **extensions: str) -> Any:
    """The message that a gateway sends of a request to its own listener."""
    made = CheckRequest()
    asked = made.attributes
    asked.source.principal = request.identity
    asked.source.address.socket_address.address = request.address
    asked.destination.address.socket_address.address = "10.9.9.9"
    asked.destination.address.socket_address.port_value = 443
    asked.destination.principal = GATEWAY
    if request.method:
        asked.request.http.method, asked.request.http.path = request.method, request.path
    asked.context_extensions.update(extensions or {WORKLOAD: str(KEY), PORT: str(request.port)})
    return made


FINE = Request(8080, FRONTEND, "10.0.0.1", "GET", "/v1/items?page=2")


def test_what_is_agreed_is_let_through_unchanged() -> None:
    said = check(asks(FINE).SerializeToString())
    assert (said.status.code, said.WhichOneof("http_response")) == (0, "ok_response")
    assert said.ok_response.ByteSize() == 0
    assert MessageToDict(said.dynamic_metadata) == {
        "contract": "shop/checkout.yaml:7",
        "reason": "agreed",
        "rule": "frontend->checkout",
        "schema": "licet.dev/decision/v1",
        "text": f"`{FRONTEND}` may: `frontend->checkout` is agreed",
        "version": Standing.of(FLEET).version,
    }


def test_what_is_refused_is_told_in_a_word_and_explained_to_the_gateway_alone() -> None:
    said = check(asks(Request(8080, FRONTEND, "10.0.0.1", "DELETE", "/v1/items")).SerializeToString())
    assert (said.status.code, said.status.message) == (7, "not-agreed")
    assert said.denied_response.status.code == 403
    assert said.denied_response.body == "refused: not-agreed\n"
    told = MessageToDict(said.dynamic_metadata)
    hold(told, "decision.v1")
    assert (told["contract"], told["rule"]) == ("shop/checkout.yaml:7", "default-deny")
    assert told["text"] == f"`{FRONTEND}` may call port 8080, and `DELETE /v1/items` is not agreed"


def test_a_workload_asks_about_itself_by_the_address_that_was_connected_to() -> None:
    made = asks(FINE)
    made.attributes.ClearField("context_extensions")
    made.attributes.destination.address.socket_address.address = "10.0.0.7"
    made.attributes.destination.address.socket_address.port_value = 8080
    made.attributes.destination.principal = CHECKOUT
    data = made.SerializeToString()
    assert [check(data, asker).status.code for asker in (CHECKOUT, GATEWAY, CART, None)] == [0, 0, 7, 7]


def test_without_a_fleet_it_is_denied() -> None:
    assert check(asks(FINE).SerializeToString(), fleet=None).denied_response.body == "refused: no-state\n"


@pytest.mark.parametrize(
    "change",
    [
        {PORT: "8080"},
        {PORT: "8080", WORKLOAD: ""},
        {PORT: "", WORKLOAD: str(KEY)},
        {PORT: "-8080", WORKLOAD: str(KEY)},
        {PORT: "8080 ", WORKLOAD: str(KEY)},
        {PORT: "\u0668\u0660\u0668\u0660", WORKLOAD: str(KEY)},
        {PORT: "108080", WORKLOAD: str(KEY)},
        {WORKLOAD: str(KEY)},
    ],
    ids=str,
)
def test_a_destination_that_is_not_sure_is_denied(change: dict[str, str]) -> None:
    assert check(asks(FINE, **change).SerializeToString()).status.code == 7


def test_an_empty_name_is_no_leave_to_go_by_the_address() -> None:
    made = asks(FINE)
    made.attributes.destination.address.socket_address.address = "10.0.0.7"
    made.attributes.destination.principal = CHECKOUT
    del made.attributes.context_extensions[WORKLOAD]
    assert check(made.SerializeToString()).status.code == 0
    made.attributes.context_extensions[WORKLOAD] = ""
    assert check(made.SerializeToString()).status.code == 7


def test_a_request_that_says_nothing_is_no_connection() -> None:
    """CART may connect, whatever it then asks for."""
    made = asks(Request(8080, CART, "10.0.0.2"))
    assert check(made.SerializeToString()).status.code == 0
    made.attributes.request.http.SetInParent()
    assert check(made.SerializeToString()).denied_response.body == "refused: unsure\n"


@pytest.mark.parametrize("half", ["method", "path"])
def test_half_a_request_is_denied(half: str) -> None:
    made = asks(FINE)
    made.attributes.request.http.ClearField(half)
    assert check(made.SerializeToString()).denied_response.body == "refused: unsure\n"


def test_equal_questions_are_answered_with_equal_bytes() -> None:
    service = ExternalAuthorization(point(), lambda _: GATEWAY)
    data = asks(FINE).SerializeToString(deterministic=True)
    other = ExternalAuthorization(point(), lambda _: GATEWAY)
    assert asyncio.run(service.check(data, _NOBODY)) == asyncio.run(other.check(data, _NOBODY))


def test_what_nobody_foresaw_is_denied() -> None:
    def broken(_: Context) -> str | None:
        raise RuntimeError("a secret")

    service = ExternalAuthorization(point(), broken)
    data = asyncio.run(service.check(asks(FINE).SerializeToString(), _NOBODY))
    assert CheckResponse.FromString(data).status.code == 7
    assert b"secret" not in data


@given(st.binary(max_size=200))
def test_garbage_is_denied(data: bytes) -> None:
    assert check(data).status.code == 7


@given(st.data())
def test_a_message_with_bytes_changed_is_let_through_only_as_what_it_then_says(data: st.DataObject) -> None:
    sent = bytearray(asks(FINE).SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    if check(bytes(sent)).status.code == 0:
        read = CheckRequest.FromString(bytes(sent)).attributes
        assert read.context_extensions[WORKLOAD] == str(KEY)
        http = read.request.http
        address = read.source.address.socket_address.address
        request = Request(8080, read.source.principal, address, http.method, http.path.partition("?")[0])
        assert decide(FLEET, KEY, request).allowed
