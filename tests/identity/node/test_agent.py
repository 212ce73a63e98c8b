"""A node between a server that comes and goes, and workloads that watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from random import Random

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key
from msgspec.structs import replace

from licet.identity import certificate, path, registry
from licet.identity.authority import Kind, active
from licet.identity.entry import Entry
from licet.identity.errors import IdentityError, RefusedError, UnavailableError
from licet.identity.keys import KeyKind
from licet.identity.lifetimes import Lifetimes
from licet.identity.node import agent as node
from licet.identity.node.agent import Agent
from licet.identity.node.upstream import Ask, Delivery, Issued, NodeState, Refusal, Witness
from licet.identity.server import Server
from licet.identity.svid import View
from licet.identity.workload.source import Peer
from tests.identity.domains import ADMINISTRATOR, DOMAIN, NODE, Founded, entry, founded


class Wire:
    """The way to a server: it may break, hold back what it carries, or bring it altered, and it keeps what went by."""

    def __init__(self, server: Server) -> None:
        self._server = server.upstream(NODE)
        self.broken = False
        self.open = asyncio.Event()
        self.open.set()
        self.asked: list[Sequence[Ask]] = []
        self.refuse: dict[str, Refusal] = {}
        self.alter: Callable[[Sequence[Issued | Refusal]], Sequence[Issued | Refusal]] = lambda answers: answers
        self.said: list[int] = []
        self.reported: list[Delivery] = []

    def _require(self) -> None:
        if self.broken:
            raise UnavailableError("the server cannot be reached", "ask again")

    async def mint(self, asks: Sequence[Ask]) -> Sequence[Issued | Refusal]:
        """As `Upstream`."""
        self._require()
        self.asked.append(asks)
        await self.open.wait()
        self._require()
        answers = await self._server.mint(asks)
        return self.alter([self.refuse.get(a.entry, answer) for a, answer in zip(asks, answers, strict=True)])

    async def mint_token(self, entry: str, audience: tuple[str, ...], witness: Witness) -> str:
        """As `Upstream`."""
        self._require()
        return await self._server.mint_token(entry, audience, witness)

    async def states(self) -> AsyncGenerator[NodeState, None]:
        """As `Upstream`."""
        self._require()
        async with aclosing(self._server.states()) as states:
            async for state in states:
                yield state

    async def applied(self, version: int) -> None:
        """As `Upstream`."""
        self._require()
        self.said.append(version)
        await self._server.applied(version)

    async def report(self, deliveries: Sequence[Delivery]) -> None:
        """As `Upstream`."""
        self._require()
        self.reported += deliveries
        await self._server.report(deliveries)


class Running(msgspec.Struct):
    """A domain, its server, the way to it, and the node."""

    domain: Founded
    server: Server
    wire: Wire
    agent: Agent

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.domain.clock.pass_by(seconds)


def peer(uid: int = 1000, pid: int = 4711) -> Peer:
    return Peer(pid, 1, uid, uid, frozenset({f"unix:uid:{uid}", f"unix:gid:{uid}"}))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "_PACE", 0.02)
    monkeypatch.setattr(node, "_AGAIN", 0.05)
    monkeypatch.setattr(node, "_LONGEST_PAUSE", 0.05)
    monkeypatch.setattr("licet.identity.server._PACE", 0.05)


@asynccontextmanager
async def running(folder: Path, *entries: Entry, lifetimes: Lifetimes | None = None) -> AsyncIterator[Running]:
    with founded(folder, lifetimes) as domain:
        domain.register(*(entries or (entry(),)))
        server = Server(domain.issuer(), domain.ledger, domain.keyring, domain.clock)
        wire = Wire(server)
        agent = Agent(wire, KeyKind.EC_P256, domain.clock, Random(7))
        work = [asyncio.create_task(server.run()), asyncio.create_task(agent.run())]
        try:
            await until(lambda: agent.ready)
            yield Running(domain, server, wire, agent)
        finally:
            assert not any(task.done() for task in work)
            for task in reversed(work):
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.005)


class Watching:
    """A workload that watches: what it was shown, and how its stream ended."""

    def __init__(self, agent: Agent, who: Peer, *, keys: bool = True) -> None:
        self.shown: list[View] = []
        self.end: IdentityError | None = None
        self._task = asyncio.create_task(self._watch(agent, who, keys=keys))

    async def _watch(self, agent: Agent, who: Peer, *, keys: bool) -> None:
        async with aclosing(agent.views(who, keys=keys)) as views:
            try:
                async for view in views:
                    self.shown.append(view)
            except IdentityError as error:
                self.end = error

    @property
    def serial(self) -> str:
        """Of the last that was shown."""
        return self.shown[-1].svids[0].serial

    async def leave(self) -> None:
        """End the stream."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def first(agent: Agent, who: Peer | None = None) -> View:
    async with aclosing(agent.views(who or peer(), keys=True)) as views:
        return await anext(views)


async def refused(agent: Agent, who: Peer | None = None) -> IdentityError:
    with pytest.raises(IdentityError) as raised:
        await first(agent, who)
    return raised.value


def test_a_view_is_whole_and_its_key_is_that_of_its_certificate(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path, entry(hint="web")) as run:
            view = await first(run.agent)
            [svid] = view.svids
            bundle = run.domain.state.bundle
            assert (view.own, view.federated) == (bundle, {})
            assert certificate.verify(svid.chain, bundle.x509, run.domain.clock()) == entry().spiffe_id
            leaf = path.read(svid.chain)[0]
            assert load_der_private_key(svid.key, None).public_key() == leaf.public_key()
            assert (svid.hint, svid.serial) == ("web", f"{leaf.serial_number:x}")
            sent = b"".join(ask.request for asks in run.wire.asked for ask in asks)
            secret = load_der_private_key(svid.key, None).private_numbers().private_value  # type: ignore[union-attr]
            assert secret.to_bytes(32, "big") not in sent

    asyncio.run(story())


def test_before_the_server_was_heard_of_nobody_is_answered() -> None:
    async def story() -> None:
        agent = Agent(None, KeyKind.EC_P256, lambda: None, Random(7))  # type: ignore[arg-type,return-value]
        assert isinstance(await refused(agent), UnavailableError)
        with pytest.raises(UnavailableError):
            await agent.tokens(peer(), ("db",), None)

    asyncio.run(story())


def test_those_who_come_together_share_one_certificate_and_one_call(tmp_path: Path) -> None:
    async def story() -> None:
        names = [entry(f"w{number}", 2000 + number) for number in range(20)]
        async with running(tmp_path, entry(), *names) as run:
            same = await asyncio.gather(*(first(run.agent, peer(pid=pid)) for pid in range(50)))
            assert len({view.svids[0].serial for view in same}) == 1
            assert [len(asks) for asks in run.wire.asked] == [1]
            await asyncio.gather(*(first(run.agent, peer(2000 + number)) for number in range(20)))
            assert sum(len(asks) for asks in run.wire.asked) == 21
            assert len(run.wire.asked) <= 4

    asyncio.run(story())


def test_a_stranger_is_refused_and_counted(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as run:
            assert isinstance(await refused(run.agent, peer(1)), RefusedError)
            with pytest.raises(RefusedError):
                await run.agent.tokens(peer(), ("db",), DOMAIN.member("/cash"))
            assert run.agent.unregistered == 1
            assert run.wire.asked == []

    asyncio.run(story())


def test_an_svid_is_renewed_about_half_way_and_watchers_get_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as run:
            watcher = Watching(run.agent, peer())
            await until(lambda: len(watcher.shown) == 1)
            due = run.agent.holdings.next_renewal()
            assert due is not None
            assert 0.44 * 3600 < (due - run.domain.clock()).total_seconds() < 0.56 * 3600
            run.domain.clock.at = due
            await until(lambda: len(watcher.shown) == 2)
            assert watcher.shown[0].svids[0].serial != watcher.serial
            await watcher.leave()

    asyncio.run(story())


def test_an_outage_is_waited_out_with_what_is_held_then_nobody_is_served_until_it_is_over(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as run:
            watcher = Watching(run.agent, peer())
            await until(lambda: len(watcher.shown) == 1)
            run.wire.broken = True
            run.pass_by(3500)
            assert (await first(run.agent)).svids[0].serial == watcher.serial
            run.pass_by(101)
            assert str(await refused(run.agent)) == "the server cannot be reached: ask again"
            assert (len(watcher.shown), watcher.end) == (1, None)
            run.wire.broken = False
            run.domain.reconcile()
            run.pass_by(6)
            await until(lambda: len(watcher.shown) == 2)
            assert (await first(run.agent)).svids[0].serial == watcher.serial
            await watcher.leave()

    asyncio.run(story())


def test_whoever_comes_first_after_an_outage_brings_those_who_watch_the_new_one(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as run:
            watcher = Watching(run.agent, peer())
            await until(lambda: len(watcher.shown) == 1)
            run.wire.broken = True
            due = run.agent.holdings.next_renewal()
            run.pass_by(3601)
            await until(lambda: run.agent.holdings.next_renewal() != due)
            run.wire.broken = False
            view = await first(run.agent)
            await until(lambda: len(watcher.shown) == 2)
            assert watcher.serial == view.svids[0].serial
            await watcher.leave()

    asyncio.run(story())


def test_of_two_identities_one_that_is_refused_holds_up_no_other(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path, entry(), entry("cash")) as run:
            run.wire.refuse["cash"] = Refusal("no")
            watcher = Watching(run.agent, peer())
            await until(lambda: len(watcher.shown) == 1)
            assert [svid.spiffe_id.path for svid in watcher.shown[0].svids] == ["/cart"]
            run.wire.refuse["cash"] = Refusal("not now", later=True)
            run.domain.register(entry("other", 1001))
            await until(lambda: sum(a.entry == "cash" for asks in run.wire.asked for a in asks) > 2)
            del run.wire.refuse["cash"]
            await until(lambda: len(watcher.shown) == 2)
            assert [svid.spiffe_id.path for svid in watcher.shown[1].svids] == ["/cart", "/cash"]
            await watcher.leave()

    asyncio.run(story())


def test_a_watcher_follows_its_entries_as_they_change_and_go(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as run:
            watcher = Watching(run.agent, peer())
            await until(lambda: len(watcher.shown) == 1)
            run.domain.register(entry("cash"))
            await until(lambda: len(watcher.shown[-1].svids) == 2)
            run.domain.register(replace(entry("cash"), spiffe_id=DOMAIN.member("/desk")))
            await until(lambda: [s.spiffe_id.path for s in watcher.shown[-1].svids] == ["/cart", "/desk"])
            run.domain.change(lambda change: registry.remove_entry(change, "cash", ADMINISTRATOR))
            await until(lambda: [s.spiffe_id.path for s in watcher.shown[-1].svids] == ["/cart"])
            assert len(run.agent.holdings) == 1
            run.domain.change(
                lambda change: registry.deny(change, entry().spiffe_id, "", run.domain.clock(), ADMINISTRATOR)
            )
            await until(lambda: watcher.end is not None)
            assert isinstance(watcher.end, RefusedError)
            assert len(run.agent.holdings) == 0
            with pytest.raises(RefusedError):
                await run.agent.tokens(peer(), ("db",), None)

    asyncio.run(story())


def test_an_entry_that_changes_while_its_certificate_is_made_is_asked_for_anew(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as run:
            run.wire.open.clear()
            watcher = Watching(run.agent, peer())
            await until(lambda: len(run.wire.asked) == 1)
            run.domain.register(entry(hint="new"))
            await until(lambda: run.agent.state is not None and run.agent.state.entries[0].hint == "new")
            late = asyncio.create_task(first(run.agent))
            await until(lambda: len(run.wire.asked) == 2)
            run.wire.open.set()
            assert (await late).svids[0].hint == "new"
            await until(lambda: bool(watcher.shown) and watcher.shown[-1].svids[0].hint == "new")
            assert [svid.hint for svid in run.agent.holdings.all()] == ["new"]
            await watcher.leave()

    asyncio.run(story())


def test_an_identity_that_is_revoked_while_its_certificate_is_made_is_not_held(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as run:
            run.wire.open.clear()
            watcher = Watching(run.agent, peer())
            await until(lambda: len(run.wire.asked) == 1)
            spiffe_id = entry().spiffe_id
            run.wire.alter = lambda answers: answers
            minted = await run.server.mint(NODE, run.wire.asked[0])
            run.wire.alter = lambda _: minted
            run.domain.change(lambda change: registry.deny(change, spiffe_id, "", run.domain.clock(), ADMINISTRATOR))
            await until(lambda: run.agent.state is not None and spiffe_id in run.agent.state.denied)
            run.wire.open.set()
            await until(lambda: watcher.end is not None)
            assert len(run.agent.holdings) == 0

    asyncio.run(story())


def test_after_a_theft_everyone_has_another_certificate_before_the_node_says_that_it_follows(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path, entry(), entry("cash", 1001)) as run:
            watchers = [Watching(run.agent, peer(uid, pid)) for uid in (1000, 1001) for pid in range(5)]
            await until(lambda: all(watcher.shown for watcher in watchers))
            root, under = (active(run.domain.state.authorities, kind) for kind in (Kind.ROOT, Kind.INTERMEDIATE))
            assert root is not None
            assert under is not None
            run.domain.succeed(lambda succession: succession.taint(root))
            wanted = run.domain.state.version
            seen: list[set[str]] = []
            told = run.wire.applied

            async def applied(version: int) -> None:
                if version >= wanted:
                    seen.append({watcher.shown[-1].svids[0].issuer for watcher in watchers})
                await told(version)

            run.wire.applied = applied  # type: ignore[method-assign]
            await until(lambda: bool(seen))
            assert under.id not in seen[0]
            for watcher in watchers:
                await watcher.leave()

    asyncio.run(story())


def test_what_the_server_refuses_to_issue_again_is_dropped_and_the_node_follows(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path, entry(), entry("cash", 1001)) as run:
            cart, cash = Watching(run.agent, peer()), Watching(run.agent, peer(1001))
            await until(lambda: bool(cart.shown and cash.shown))
            run.wire.refuse["cash"] = Refusal("never")
            root = active(run.domain.state.authorities, Kind.ROOT)
            assert root is not None
            run.domain.succeed(lambda succession: succession.taint(root))
            wanted = run.domain.state.version
            await until(lambda: bool(run.wire.said) and run.wire.said[-1] >= wanted)
            assert len(cart.shown) >= 2
            await until(lambda: cash.end is not None)
            assert isinstance(cash.end, RefusedError)
            assert [svid.spiffe_id.path for svid in run.agent.holdings.all()] == ["/cart"]
            await cart.leave()

    asyncio.run(story())


def test_what_nobody_uses_is_dropped_and_what_is_watched_never_is(tmp_path: Path) -> None:
    async def story() -> None:
        entries = (entry(x509_lifetime=8 * 3600), entry("cash", 1001, x509_lifetime=8 * 3600))
        async with running(tmp_path, *entries) as run:
            watcher = Watching(run.agent, peer())
            await first(run.agent, peer(1001))
            await until(lambda: len(run.agent.holdings) == 2)
            run.pass_by(5 * 3600)
            await until(lambda: len(watcher.shown) == 2 and len(run.agent.holdings) == 1)
            again = Watching(run.agent, peer(1001))
            await until(lambda: len(again.shown) == 1)
            assert len(run.agent.holdings) == 2
            await watcher.leave()
            await again.leave()

    asyncio.run(story())


def test_deliveries_wait_for_the_server_and_no_more_of_them_than_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "_MOST_DELIVERIES", 5)

    async def story() -> None:
        async with running(tmp_path) as run:
            view = await first(run.agent)
            await until(lambda: len(run.wire.reported) == 1 and not run.agent._deliveries)
            run.wire.broken = True
            for pid in range(10):
                await first(run.agent, peer(pid=pid))
                await first(run.agent, peer(pid=pid))
            run.wire.broken = False
            await until(lambda: len(run.wire.reported) >= 6)
            serial = view.svids[0].serial
            assert run.wire.reported == [
                Delivery(entry().spiffe_id, serial, peer(pid=pid).witness) for pid in (4711, *range(5))
            ]

    asyncio.run(story())


def test_the_last_deliveries_are_told_when_the_node_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "_PACE", 60)

    async def story() -> Wire:
        async with running(tmp_path) as run:
            await first(run.agent)
            assert run.wire.reported == []
        return run.wire

    assert len(asyncio.run(story()).reported) == 1


def test_a_thousand_watchers_get_every_change(tmp_path: Path) -> None:
    async def story() -> None:
        names = [entry(f"w{number}", 2000 + number) for number in range(100)]
        async with running(tmp_path, *names) as run:
            watchers = [Watching(run.agent, peer(2000 + number % 100, number)) for number in range(1000)]
            await until(lambda: all(watcher.shown for watcher in watchers))
            assert sum(len(asks) for asks in run.wire.asked) == 100
            root, under = (active(run.domain.state.authorities, kind) for kind in (Kind.ROOT, Kind.INTERMEDIATE))
            assert root is not None
            assert under is not None
            run.domain.succeed(lambda succession: succession.taint(root))
            await until(lambda: all(watcher.shown[-1].svids[0].issuer != under.id for watcher in watchers))
            for watcher in watchers:
                await watcher.leave()
            assert run.agent.watchers == 0

    asyncio.run(story())


def test_those_who_ask_for_bundles_alone_cause_no_certificate(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as run:
            watcher = Watching(run.agent, peer(), keys=False)
            await until(lambda: bool(watcher.shown))
            assert watcher.shown == [View((), run.domain.state.bundle, {})]
            assert run.wire.asked == []
            await watcher.leave()

    asyncio.run(story())


def test_a_node_outlives_what_nobody_foresaw(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as run:

            def broken(_: Sequence[Issued | Refusal]) -> Sequence[Issued | Refusal]:
                raise ZeroDivisionError("secret words")

            watcher = Watching(run.agent, peer())
            await until(lambda: bool(watcher.shown))
            run.wire.alter = broken
            run.pass_by(2400)
            await until(lambda: len(run.wire.asked) > 1)
            run.wire.alter = lambda answers: answers
            run.pass_by(100)
            await until(lambda: len(watcher.shown) == 2)
            await watcher.leave()

    asyncio.run(story())
