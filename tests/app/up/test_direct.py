"""Calls through the real Envoy and past it, with certificates that the children fetch as any process would."""

from __future__ import annotations

import asyncio
from pathlib import Path

from licet.app.up.orders import Call, Outcome, Protocol, Result, Way
from licet.app.up.worker import Worker
from tests.app.up.standing import EXIT, HTTP, Standing, deployment, standing

LEDGER, FRIEND, STRANGER = map(deployment, ("ledger", "friend", "stranger"))
OWN, OTHER = "spiffe://example.org/ledger", "spiffe://example.org/other"
ASKED = tuple(each for each in Protocol if each is not Protocol.TCP)
"""Who is let in to plain bytes a sidecar decides as the product's do, which `licet up` as a whole is tested with."""
BY_POLICY = {Protocol.GRPC: "grpc-status 7", Protocol.GRPC_STREAM: "grpc-status 7"}


def calls(stand: Standing, way: Way, *, identity: str = OWN) -> list[Call]:
    """One in each protocol of requests."""
    found = []
    for number, protocol in enumerate(ASKED):
        host, at = (stand.caller, EXIT) if way is Way.EXIT else (stand.callee, HTTP)
        method, path = ("POST", "/shop.Ledger/Book") if protocol in BY_POLICY else ("GET", "/v1/accounts")
        found.append(Call(number, protocol, way, host, at, str(LEDGER), (identity,), method, path))
    return found


async def made(worker: Worker, asked: list[Call]) -> list[tuple[Result, str, str]]:
    """What became of the calls, in their order."""
    outcomes: list[Outcome] = sorted(await worker.round(asked, 200), key=lambda each: each.number)
    return [(each.result, each.reason, each.caller) for each in outcomes]


def refused() -> list[tuple[Result, str, str]]:
    return [(Result.REFUSED, BY_POLICY.get(each, "403"), "") for each in ASKED]


def failed(reason: str) -> list[tuple[Result, str, str]]:
    return [(Result.FAILED, reason, "") for _ in ASKED]


def test_callers_are_let_in_by_policy_alone(tmp_path: Path) -> None:
    """A workload is answered as itself by its own sidecar and past it; another is refused; none without a name."""

    async def scenario() -> None:
        async with standing(tmp_path, LEDGER, FRIEND, STRANGER) as stand:
            sidecar = await stand.inbound(LEDGER, "spiffe://example.org/friend")
            await stand.outbound(FRIEND)
            await stand.worker(LEDGER, sidecar=sidecar.pid)
            friend = await stand.worker(FRIEND, serves=False)
            stranger = await stand.worker(STRANGER, serves=False)
            allowed = [(Result.ALLOWED, "", "spiffe://example.org/friend") for _ in ASKED]
            assert await made(friend, calls(stand, Way.EXIT)) == allowed
            assert await made(friend, calls(stand, Way.DIRECT)) == allowed
            assert await made(stranger, calls(stand, Way.DIRECT)) == refused()
            bare = [(Result.REFUSED, "a certificate is required", "") for _ in ASKED]
            assert await made(friend, calls(stand, Way.BARE)) == bare
            wrong = failed("another identity answers than the callee's")
            assert await made(friend, calls(stand, Way.DIRECT, identity=OTHER)) == wrong
            await stand.children.stop(sidecar)
            assert await made(friend, calls(stand, Way.DIRECT)) == failed("connection refused")

    asyncio.run(scenario())


def test_processes_that_nobody_started_are_given_no_identity(tmp_path: Path) -> None:
    """A workload that the node does not know cannot even begin."""

    async def scenario() -> None:
        async with standing(tmp_path, LEDGER) as stand:
            await stand.inbound(LEDGER, "spiffe://example.org/friend")
            stranger = await stand.worker(STRANGER, serves=False)
            for result, reason, _ in await made(stranger, calls(stand, Way.DIRECT)):
                assert result is Result.FAILED
                assert "is given no identity" in reason

    asyncio.run(scenario())
