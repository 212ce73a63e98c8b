"""Decisions on a socket, whose callers the kernel knows, and at a port, where questions are signed."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from licet.app.identity.domain import Domain, found, opened
from licet.app.identity.place import Place, administrator, now
from licet.app.mesh.answering import Answering
from licet.identity import request
from licet.identity.attest.attestor import Attestor
from licet.identity.attest.unix import Unix
from licet.identity.domain import Settings
from licet.identity.issuer import Issuer
from licet.identity.keys import KeyKind, generate
from licet.identity.spiffeid import TrustDomain
from licet.identity.workload.source import Peer
from licet.mesh.decision import signature
from licet.mesh.decision.authzen import EVALUATION
from licet.mesh.decision.point import Point
from licet.mesh.decision.signature import HEADER, sign

DOMAIN = TrustDomain("shop.example")
GATEWAY = DOMAIN.member("/ns/infra/sa/gateway")
QUESTION = json.dumps(
    {
        "subject": {"type": "spiffe", "id": "spiffe://shop.example/ns/shop/sa/cart"},
        "action": {"name": "connect"},
        "resource": {"type": "workload", "id": "shop/stock[Deployment]", "properties": {"port": 8080}},
    }
).encode()


def point() -> Point:
    """One that knows nothing, and denies whatever it is asked by those who may."""
    return Point(lambda: None, lambda _: None, frozenset({str(GATEWAY)}))


def asked(identities: Callable[[Peer], frozenset[str]], home: Path) -> tuple[int, str]:
    """The status and text of the answer on a socket."""

    async def run(domain: Domain) -> tuple[int, str]:
        issuer = Issuer(domain.database, domain.ledger, domain.keyring, now)
        async with AsyncExitStack() as stack:
            path = home / "decisions.sock"
            answering = Answering(point(), issuer, identities, Attestor([Unix()]).attest)
            assert await answering.start(str(path), stack) == str(path)
            async with (
                aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
                session.post(
                    f"http://localhost{EVALUATION}", data=QUESTION, headers={"content-type": "application/json"}
                ) as answer,
            ):
                return answer.status, await answer.text()

    home.chmod(0o755)
    place = Place(home / "data")
    found(place, DOMAIN, Settings(), passphrase=False)
    with opened(place) as domain:
        return asyncio.run(run(domain))


def test_on_a_socket_the_kernel_says_who_asks(tmp_path: Path) -> None:
    def identities(peer: Peer) -> frozenset[str]:
        return frozenset({str(GATEWAY)}) if f"unix:uid:{os.getuid()}" in peer.selectors else frozenset()

    status, text = asked(identities, tmp_path)
    assert (status, json.loads(text)["decision"]) == (200, False)


@pytest.mark.parametrize("known", [frozenset[str](), frozenset({str(GATEWAY), "spiffe://shop.example/other"})])
def test_who_is_nobody_or_may_be_several_is_not_answered(tmp_path: Path, known: frozenset[str]) -> None:
    assert asked(lambda _: known, tmp_path) == (401, "nobody is known to ask\n")


def test_at_a_port_a_question_is_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "AHEAD", 0.0)

    async def run(domain: Domain) -> list[int]:
        issuer = Issuer(domain.database, domain.ledger, domain.keyring, now)
        key = generate(KeyKind.EC_P256)
        issued = issuer.directly(GATEWAY, request.make(key, GATEWAY), 0, (), administrator())
        async with AsyncExitStack() as stack:
            answering = Answering(point(), issuer, lambda _: frozenset(), Attestor([Unix()]).attest)
            url = await answering.start("127.0.0.1:0", stack)
            signed = sign(QUESTION, EVALUATION, url, issued.chain, key, now())
            session = await stack.enter_async_context(aiohttp.ClientSession())
            found = []
            for headers in ({}, {HEADER: signed}, {HEADER: signed}):
                content = {"content-type": "application/json"}
                async with session.post(url + EVALUATION, data=QUESTION, headers=content | headers) as answer:
                    found.append(answer.status)
            return found

    place = Place(tmp_path / "data")
    found(place, DOMAIN, Settings(), passphrase=False)
    with opened(place) as domain:
        assert asyncio.run(run(domain)) == [401, 200, 401], "one that comes again is not taken"
