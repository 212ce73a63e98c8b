"""A real Envoy that asks lets through what is agreed and nothing else, also where nobody answers it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from envoy.service.auth.v3.external_auth_pb2 import CheckRequest  # type: ignore[import-untyped]

from licet.identity.workload.calls import Context
from licet.mesh.decision.ext_authz import PORT, WORKLOAD, ExternalAuthorization
from licet.mesh.decision.request_path import AmbiguousError, plain
from tests.mesh.decision.fleets import CART, FLEET, FRONTEND, GATEWAY, KEY, point
from tests.mesh.decision.gateway import Client, deciding, gateway
from tests.mesh.decision.signers import Authority
from tests.mesh.decision.test_request_path import FINE, TRICKS

TO = {WORKLOAD: str(KEY), PORT: "8080"}
LOCAL = msgspec.structs.replace(FLEET, bound={FRONTEND: frozenset({"127.0.0.1"}), CART: frozenset({"10.0.0.9"})})


class Recording(ExternalAuthorization):
    """The service, which keeps the paths that it was asked for."""

    paths: list[str]

    async def check(self, data: bytes, context: Context) -> bytes:
        """The answer."""
        self.paths.append(CheckRequest.FromString(data).attributes.request.http.path)
        return await super().check(data, context)


def _service() -> Recording:
    service = Recording(point(LOCAL), lambda _: GATEWAY)
    service.paths = []
    return service


def test_a_gateway_lets_through_what_is_agreed_and_nothing_where_nobody_answers(tmp_path: Path) -> None:
    authority, socket = Authority(datetime.now(UTC)), tmp_path / "decisions.sock"
    with gateway(tmp_path / "envoy", socket, authority, authority.signer(GATEWAY), TO) as envoy:
        port = envoy.ports()["gateway"]
        frontend, cart, other = (
            Client(tmp_path, port, authority.signer(name)) for name in (FRONTEND, CART, "spiffe://shop.example/other")
        )
        assert frontend.ask("GET", "/v1/items")[0] == 403, "nobody answers yet"
        with deciding(socket, _service()):
            envoy.until(lambda: frontend.ask("GET", "/v1/items/3?all=1") == (200, "let through") or None)
            assert frontend.ask("POST", "/v1/items") == (403, "refused: not-agreed\n")
            assert frontend.ask("GET", "/v10") == (403, "refused: not-agreed\n")
            assert cart.ask("GET", "/v1/items") == (403, "refused: foreign-address\n")
            assert other.ask("GET", "/v1/items") == (403, "refused: unknown-identity\n")
        assert frontend.ask("GET", "/v1/items")[0] == 403, "nobody answers any more"


@pytest.mark.parametrize("normalised", [False, True], ids=["as sent", "normalised"])
def test_a_trick_with_a_path_gets_past_no_gateway(tmp_path: Path, normalised: bool) -> None:
    """What is decided on is what a sidecar leaves as it is; other spellings are refused, or made that one before."""
    authority, socket, service = Authority(datetime.now(UTC)), tmp_path / "decisions.sock", _service()
    own = authority.signer(GATEWAY)
    sendable = [each for each in TRICKS if re.fullmatch(r"/[!-~]*", each)]
    climbing = ["/v1/items/../../admin", "/v1/items/%2e%2e/admin", "/admin/..//v1/items/x"]
    with (
        deciding(socket, service),
        gateway(tmp_path / "envoy", socket, authority, own, TO, normalised=normalised) as envoy,
    ):
        client = Client(tmp_path, envoy.ports()["gateway"], authority.signer(FRONTEND))
        envoy.until(lambda: client.ask("GET", "/v1/items") == (200, "let through") or None)
        for path in FINE:
            service.paths.clear()
            client.ask("GET", path)
            assert service.paths == [path], "the gateway leaves it as it is"
        for trick in sendable + climbing:
            service.paths.clear()
            status, _ = client.ask("GET", trick)
            if status == 200:
                [asked] = service.paths
                assert normalised
                assert plain(asked) == asked.partition("?")[0], trick
                assert asked.startswith("/v1/items")
            for asked in service.paths if not normalised else ():
                with pytest.raises(AmbiguousError):
                    plain(asked)
