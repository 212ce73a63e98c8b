"""Servers that go away, come back, and change what they are known by, under agents that go on asking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from licet.identity.errors import UnavailableError
from licet.identity.node.remote import Remote
from licet.identity.node.upstream import Issued, NodeState
from licet.identity.spiffeid import TrustDomain
from tests.identity.node.plane import Authorities, Domain, ask, attested, entries, remote, serving

PATIENCE = 20.0


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


async def follow(upstream: Remote, seen: list[NodeState]) -> None:
    """What a node does: ask again whenever the states end."""
    while True:
        try:
            async for state in upstream.states():
                await upstream.applied(state.version)
                seen.append(state)
        except UnavailableError:
            continue


async def persist(upstream: Remote) -> None:
    """Mint until it works."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await upstream.mint([ask()])
                return
            except UnavailableError:
                await asyncio.sleep(0.01)


def test_states_go_on_after_a_restart_and_entries_that_did_not_change_are_not_sent_again(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        domain.change(entries=entries(1000))
        seen: list[NodeState] = []
        async with serving(domain) as (node, join):
            upstream = remote(await attested(domain, join, tmp_path), node)
            following = asyncio.ensure_future(follow(upstream, seen))
            await until(lambda: len(seen) == 1)
        with pytest.raises(UnavailableError):
            await upstream.mint([ask()])
        domain.change(denied=frozenset({domain.trust_domain.member("/web")}))
        async with serving(domain, int(node.rpartition(":")[2])):
            await until(lambda: len(seen) == 2)
            assert seen[1] == domain.state
            assert seen[1].entries is seen[0].entries
            domain.change(entries=domain.state.entries[5:])
            await until(lambda: len(seen) == 3)
            assert seen[2] == domain.state
            await persist(upstream)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await upstream.close()

    asyncio.run(run())


def test_the_next_server_answers_where_one_is_gone(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        seen: list[NodeState] = []
        async with serving(domain) as (second, join):
            async with serving(domain) as (first, _):
                upstream = remote(await attested(domain, join, tmp_path), first, second)
                following = asyncio.ensure_future(follow(upstream, seen))
                await until(lambda: len(seen) == 1)
            for _ in range(20):
                assert isinstance((await upstream.mint([ask()]))[0], Issued)
            domain.change(entries=entries(1))
            await until(lambda: seen[-1] == domain.state)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await upstream.close()

    asyncio.run(run())


def test_calls_fail_at_once_while_no_server_is_to_be_dialled(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (node, join):
            upstream = remote(await attested(domain, join, tmp_path), node)
        told = []
        for _ in range(5):
            with pytest.raises(UnavailableError) as failed:
                await upstream.mint([ask()])
            told.append(failed.value.message)
        assert "no server answers" in told
        await upstream.close()

    asyncio.run(run())


def test_certificates_and_roots_change_under_agents_that_stay_and_no_call_fails(tmp_path: Path) -> None:
    """A root in reserve, a server certificate under it, agents renewed under it, the old root dropped: six times.

    The old root goes as soon as the agent says that it follows.
    """

    async def run() -> None:
        domain = Domain()
        seen: list[NodeState] = []
        minted = 0

        async def mint() -> None:
            nonlocal minted
            while True:
                [answer] = await upstream.mint([ask()])
                assert isinstance(answer, Issued)
                minted += 1

        async def settled() -> None:
            await until(lambda: seen[-1].version == domain.state.version)
            before = minted
            await until(lambda: minted > before + 3)

        async with serving(domain) as (node, join):
            credentials = await attested(domain, join, tmp_path)
            upstream = remote(credentials, node)
            works = [
                asyncio.ensure_future(follow(upstream, seen)),
                asyncio.ensure_future(credentials.keep(upstream.renew)),
                asyncio.ensure_future(mint()),
            ]
            await until(lambda: bool(seen))
            for _ in range(6):
                old, new = domain.authorities, Authorities()
                domain.believe(old.root, new.root)
                await settled()
                domain.authorities = new
                domain.server = domain.server_material()
                domain.change(reissue=frozenset({old.issuer}))
                await settled()
                domain.believe(new.root)
                domain.server = domain.server_material()
                await settled()
            assert not any(work.done() for work in works)
            assert credentials.current().roots == (domain.authorities.root,)
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            await upstream.close()

    asyncio.run(run())


def test_an_agent_follows_no_version_before_its_own_certificate_is_replaced(tmp_path: Path) -> None:
    """Once every agent follows, the old root goes; one that still hung on it would be shut out."""

    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (node, join):
            credentials = await attested(domain, join, tmp_path)
            upstream = remote(credentials, node)
            domain.change(reissue=frozenset({domain.authorities.issuer}))
            states = upstream.states()
            assert (await anext(states)).version == 2
            following = asyncio.ensure_future(upstream.applied(2))
            for _ in range(3):
                await upstream.mint([ask()])
            assert domain.applied == []
            keeping = asyncio.ensure_future(credentials.keep(upstream.renew))
            await following
            assert domain.applied == [2]
            assert len(domain.serials[credentials.spiffe_id]) == 2
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await states.aclose()
            await upstream.close()

    asyncio.run(run())


def _other_bundle(domain: Domain) -> None:
    name = TrustDomain("example.net")
    domain.change(own=Domain(name).state.own)


def _own_as_federated(domain: Domain) -> None:
    domain.change(federated={domain.trust_domain: domain.state.own})


def _no_roots(domain: Domain) -> None:
    domain.believe()


def _foreign_entry(domain: Domain) -> None:
    [entry] = entries(1)
    name = TrustDomain("example.net").member("/web")
    domain.change(entries=(type(entry)(id="x", spiffe_id=name, selectors=entry.selectors),))


def _reserved_entry(domain: Domain) -> None:
    [entry] = entries(1)
    name = domain.trust_domain.member("/licet/server")
    domain.change(entries=(type(entry)(id="x", spiffe_id=name, selectors=entry.selectors),))


@pytest.mark.parametrize(
    ("hostile", "words"),
    [
        (_other_bundle, "speaks for another domain"),
        (_own_as_federated, "speaks for another domain"),
        (_no_roots, "without authorities"),
        (_foreign_entry, "registered `spiffe://example.net/web`"),
        (_reserved_entry, "registered `spiffe://example.org/licet/server`"),
    ],
)
def test_a_server_that_says_what_none_may_say_is_not_followed(
    hostile: Callable[[Domain], None], words: str, tmp_path: Path
) -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (node, join):
            credentials = await attested(domain, join, tmp_path)
            upstream = remote(credentials, node)
            states = upstream.states()
            await anext(states)
            before = credentials.current()
            server_roots = domain.server.roots
            hostile(domain)
            domain.server = domain.server_material()
            domain.server = type(domain.server)(domain.server.chain, domain.server.key, server_roots)
            with pytest.raises(UnavailableError, match=words):
                await anext(states)
            assert credentials.current() == before
            await upstream.close()

    asyncio.run(run())


def test_a_server_under_foreign_authorities_is_not_spoken_to(tmp_path: Path) -> None:
    async def run() -> None:
        domain = Domain()
        async with serving(domain) as (node, join):
            credentials = await attested(domain, join, tmp_path)
            domain.authorities = Authorities()
            domain.server = domain.server_material()
            upstream = remote(credentials, node)
            with pytest.raises(UnavailableError):
                await upstream.mint([ask()])
            assert domain.minted == []
            await upstream.close()

    asyncio.run(run())
