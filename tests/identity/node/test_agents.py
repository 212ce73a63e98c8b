"""Agents that join, ask, follow and report, over the network as it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from licet.identity.errors import RefusedError, UnavailableError
from licet.identity.node.upstream import Delivery, Issued, Refusal
from tests.identity.node.plane import DOMAIN, WITNESS, Domain, ask, attested, entries, remote, serving


def test_everything_that_a_node_asks_for_is_answered(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        domain.change(entries=entries(3), denied=frozenset({DOMAIN.member("/bad")}), reissue=frozenset({"ab" * 32}))
        async with serving(domain) as (node, join):
            credentials = await attested(domain, join, tmp_path)
            upstream = remote(credentials, node)
            wanted = ask()
            issued, later = await upstream.mint([wanted, ask("later")])
            assert isinstance(issued, Issued)
            assert later == Refusal("not now", later=True)
            assert domain.minted[0] == wanted
            assert await upstream.mint_token("web", ("db",), WITNESS) == "token for db and 4711"
            assert await anext(upstream.states()) == domain.state
            await upstream.applied(2)
            delivery = Delivery(DOMAIN.member("/web"), "ab12", WITNESS)
            await upstream.report([delivery])
            assert (domain.applied, domain.deliveries) == ([2], [delivery])
            await upstream.close()

    asyncio.run(run())


def test_a_batch_of_any_size_is_asked_for_in_parts(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (node, join):
            upstream = remote(await attested(domain, join, tmp_path), node)
            asks = [ask("later")] * 1100
            assert await upstream.mint(asks) == [Refusal("not now", later=True)] * 1100
            await upstream.close()

    asyncio.run(run())


def test_a_refusal_keeps_its_words_and_an_unforeseen_error_has_none(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (node, join):
            upstream = remote(await attested(domain, join, tmp_path), node)
            with pytest.raises(RefusedError) as refused:
                await upstream.mint_token("nothing", ("db",), WITNESS)
            assert (refused.value.message, refused.value.help) == ("`nothing` is no entry", "register one")
            with pytest.raises(UnavailableError) as crashed:
                await upstream.mint([ask("crash")])
            assert (crashed.value.message, crashed.value.help) == ("the server failed", "look into the server's log")
            assert isinstance((await upstream.mint([ask()]))[0], Issued)
            await upstream.close()

    asyncio.run(run())
