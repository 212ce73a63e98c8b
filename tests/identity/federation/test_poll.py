"""Following the bundles of others while they rotate, fail and are distrusted."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from licet.identity import bundle_document
from licet.identity.bundle import Bundle
from licet.identity.errors import UnavailableError
from licet.identity.federation.fetch import Patience
from licet.identity.federation.poll import LONGEST, SHORTEST, Callbacks, Poller, interval
from licet.identity.federation.relationship import Relationship
from licet.identity.spiffeid import TrustDomain
from tests.identity.federation.authority import Authority, bundle
from tests.identity.federation.serving import (
    CA,
    ENDPOINT_ID,
    FIRST,
    SVID,
    THERE,
    WEB,
    by_id,
    by_web,
    endpoint,
    identity,
    served,
    silence,
    stranger,
    web_roots,
)

SOON = 0.01
BANK = TrustDomain(THERE)
OTHER = TrustDomain("other.example")
OTHER_CA = Authority("spiffe://other.example")


class Keeper:
    """Where bundles are kept: in memory, and watched."""

    def __init__(self, *given: Bundle) -> None:
        self.bundles = {each.trust_domain: each for each in given}
        self.failures: list[tuple[TrustDomain, str]] = []
        self.stored: list[Bundle] = []

    def poller(self, web_roots: Path | None = None, interval: Callable[[int], float] = lambda _: SOON) -> Poller:
        """One that keeps its bundles here."""
        return Poller(Callbacks(self.bundles.get, self.store, self.failed), web_roots, Patience(whole=5), interval)

    async def store(self, bundle: Bundle) -> None:
        """Keep it."""
        self.bundles[bundle.trust_domain] = bundle
        self.stored.append(bundle)

    async def failed(self, relationship: Relationship, message: str) -> None:
        """Remember why."""
        assert message.isprintable()
        self.failures.append((relationship.trust_domain, message))

    def of(self, trust_domain: TrustDomain) -> int:
        """How many looks went well."""
        return sum(each.trust_domain == trust_domain for each in self.stored)


def keeps(keeper: Keeper, bundle: Bundle) -> Callable[[], bool]:
    return lambda: keeper.bundles[bundle.trust_domain] == bundle


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(SOON)


def test_a_bundle_that_changes_is_followed_in_both_profiles(tmp_path: Path) -> None:
    """SPIFFE_Federation.md 4.1 and 6.2."""

    async def run(relate: Callable[[int], Relationship], context: ssl.SSLContext) -> None:
        latest = FIRST
        keeper = Keeper(FIRST)
        poller = keeper.poller(web_roots(tmp_path))
        async with endpoint(lambda: latest, lambda: context) as port:
            poller.follow([relate(port)])
            for sequence in range(2, 5):
                latest = bundle(THERE, CA, Authority(), sequence=sequence)
                await until(keeps(keeper, latest))
            await poller.stop()
        assert keeper.failures == []

    asyncio.run(run(by_web, WEB))
    asyncio.run(run(by_id, SVID))


def test_an_endpoint_that_rotates_its_root_is_followed() -> None:
    """SPIFFE_Federation.md 5.2.2.4: each connection is verified by the latest bundle that was fetched."""

    async def run() -> None:
        signing, following = CA, Authority(f"spiffe://{THERE}")
        latest, context = FIRST, SVID
        keeper = Keeper(FIRST)
        poller = keeper.poller()
        async with endpoint(lambda: latest, lambda: context) as port:
            poller.follow([by_id(port)])
            for turn in range(1, 4):
                latest = bundle(THERE, signing, following, sequence=3 * turn)
                await until(keeps(keeper, latest))
                context = served(following.svid(ENDPOINT_ID))
                latest = bundle(THERE, following, sequence=3 * turn + 1)
                await until(keeps(keeper, latest))
                signing, following = following, Authority(f"spiffe://{THERE}")
            context = SVID
            await until(lambda: keeper.failures)
            await poller.stop()
        assert {each for each, _ in keeper.failures} == {BANK}
        assert keeper.bundles[BANK] == latest, "the old root vouches for nobody any more"

    asyncio.run(run())


def test_a_renewed_certificate_of_the_endpoint_is_followed_without_a_failure() -> None:
    async def run() -> None:
        context = SVID
        keeper = Keeper(FIRST)
        poller = keeper.poller()
        async with endpoint(lambda: FIRST, lambda: context) as port:
            poller.follow([by_id(port)])
            for _ in range(10):
                context, seen = served(CA.svid(ENDPOINT_ID)), keeper.of(BANK)
                await until(lambda seen=seen: keeper.of(BANK) > seen + 1)  # type: ignore[misc]
            await poller.stop()
        assert keeper.failures == []

    asyncio.run(run())


def test_a_bundle_is_kept_while_its_endpoint_fails() -> None:
    """SPIFFE_Federation.md 6.2: the next look is at the next interval, and goes well again."""

    async def run() -> None:
        keeper = Keeper(FIRST)
        fails = True

        async def answer(_request: web.Request) -> web.Response:
            return web.Response(status=500) if fails else web.Response(body=bundle_document.encode(FIRST))

        poller = keeper.poller()
        async with stranger(answer) as port:
            poller.follow([by_id(port)])
            await until(lambda: len(keeper.failures) > 2)
            assert keeper.bundles == {BANK: FIRST}
            fails = False
            await until(lambda: keeper.stored)
            await poller.stop()

    asyncio.run(run())


def test_a_failure_waits_for_the_next_interval() -> None:
    """SPIFFE_Federation.md 6.2: nobody is asked again at once; and the interval is what the kept bundle suggests."""

    async def run() -> None:
        hints: list[int] = []

        def never(hint: int) -> float:
            hints.append(hint)
            return 3600

        kept = bundle(THERE, CA, hint=700)
        keeper = Keeper(kept, bundle("other.example", OTHER_CA))
        poller = keeper.poller(interval=never)
        poller.follow([by_id(1), by_web(1)])
        await until(lambda: len(hints) == 2)
        await poller.stop()
        assert hints == [700, 700]
        assert len(keeper.failures) == 2

    asyncio.run(run())


def test_an_older_bundle_is_ignored_and_told_of() -> None:
    """SPIFFE_Federation.md 4.2."""

    async def run() -> None:
        newest = bundle(THERE, CA, Authority(), sequence=5)
        keeper = Keeper(newest)
        poller = keeper.poller()
        async with endpoint(lambda: FIRST, lambda: SVID) as port:
            poller.follow([by_id(port)])
            await until(lambda: keeper.failures)
            await poller.stop()
        assert keeper.bundles == {BANK: newest}
        assert "older than 5" in keeper.failures[0][1]

    asyncio.run(run())


def test_an_empty_bundle_is_kept_as_it_is() -> None:
    """SPIFFE_Trust_Domain_and_Bundle.md 4.1.3."""

    async def run() -> None:
        empty = Bundle(BANK, (), (), 2)
        keeper = Keeper(FIRST)
        poller = keeper.poller()
        async with endpoint(lambda: empty, lambda: SVID) as port:
            poller.follow([by_id(port)])
            await until(lambda: keeper.bundles[BANK] == empty)
            await until(lambda: keeper.failures)
            await poller.stop()
        assert keeper.bundles == {BANK: empty}

    asyncio.run(run())


def test_a_dead_peer_holds_up_nobody_but_itself() -> None:
    """A foreign domain's failure degrades that domain alone: one is silent, one is gone, one lies, one is well."""

    async def run() -> None:
        dead, gone, lying = TrustDomain("dead.example"), TrustDomain("gone.example"), TrustDomain("lying.example")
        own = {each: Authority(each.id) for each in (dead, gone, lying)}
        kept = [bundle(each.name, ca) for each, ca in own.items()]
        keeper = Keeper(FIRST, *kept)
        poller = keeper.poller()

        async def lie(_request: web.Request) -> web.Response:
            return web.Response(body=bundle_document.encode(FIRST))

        lies = served(own[lying].svid("spiffe://lying.example/bundles"))
        with silence() as dead_port:
            async with (
                stranger(lie, lies) as lying_port,
                endpoint(lambda: FIRST, lambda: SVID) as port,
            ):
                poller.follow(
                    [
                        by_id(dead_port, str(identity("dead.example")), "dead.example"),
                        by_id(1, str(identity("gone.example")), "gone.example"),
                        by_id(lying_port, str(identity("lying.example")), "lying.example"),
                        by_id(port),
                    ]
                )
                await until(lambda: keeper.of(BANK) > 5 and {gone, lying} <= {each for each, _ in keeper.failures})
                await poller.stop()
        assert keeper.bundles == {each.trust_domain: each for each in [FIRST, *kept]}
        assert BANK not in {each for each, _ in keeper.failures}

    asyncio.run(run())


def test_bundles_of_different_domains_stay_apart() -> None:
    """SPIFFE_Federation.md 4.2: never merged, and each with the name of its domain."""

    async def run() -> None:
        other = bundle("other.example", OTHER_CA, sequence=9)
        other_svid = served(OTHER_CA.svid("spiffe://other.example/bundles"))
        keeper = Keeper(FIRST, other)
        poller = keeper.poller()
        async with (
            endpoint(lambda: FIRST, lambda: SVID) as port,
            endpoint(lambda: other, lambda: other_svid) as other_port,
        ):
            poller.follow([by_id(port), by_id(other_port, "spiffe://other.example/bundles", "other.example")])
            await until(lambda: keeper.of(BANK) > 1 and keeper.of(OTHER) > 1)
            await poller.stop()
        assert keeper.bundles == {BANK: FIRST, OTHER: other}

    asyncio.run(run())


def test_distrust_stops_at_once() -> None:
    """SPIFFE_Federation.md 6.3: what is under way when a domain is distrusted is not stored any more."""

    async def run() -> None:
        keeper = Keeper(FIRST)
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def answer(_request: web.Request) -> web.Response:
            asked.set()
            await go_on.wait()
            return web.Response(body=bundle_document.encode(bundle(THERE, CA, sequence=2)))

        other = bundle("other.example", OTHER_CA)
        keeper.bundles[OTHER] = other
        other_svid = served(OTHER_CA.svid("spiffe://other.example/bundles"))
        poller = keeper.poller()
        async with stranger(answer) as port, endpoint(lambda: other, lambda: other_svid) as other_port:
            still = by_id(other_port, "spiffe://other.example/bundles", "other.example")
            poller.follow([by_id(port), still])
            await asked.wait()
            poller.follow([still])
            go_on.set()
            seen = keeper.of(OTHER)
            await until(lambda: keeper.of(OTHER) > seen + 5)
            await poller.stop()
        assert keeper.bundles[BANK] == FIRST
        assert keeper.of(BANK) == 0

    asyncio.run(run())


def test_a_keeper_that_fails_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    async def run() -> None:
        keeper = Keeper(FIRST)
        broken = True

        async def store(bundle: Bundle) -> None:
            if broken:
                raise OSError("disk full")
            await keeper.store(bundle)

        looks = 0

        def soon(_hint: int) -> float:
            nonlocal looks
            looks += 1
            return SOON

        poller = Poller(Callbacks(keeper.bundles.get, store, keeper.failed), interval=soon)
        async with endpoint(lambda: FIRST, lambda: SVID) as port:
            poller.follow([by_id(port)])
            await until(lambda: looks > 2)
            broken = False
            await until(lambda: keeper.stored)
            await poller.stop()

    asyncio.run(run())
    assert "disk full" in capsys.readouterr().out


def test_one_look_says_what_is_wrong() -> None:
    async def run() -> None:
        poller = Keeper(FIRST).poller()
        with pytest.raises(UnavailableError):
            await poller.look(by_id(1))

    asyncio.run(run())


def test_a_hint_is_followed_within_bounds_and_spread_out() -> None:
    """SPIFFE_Federation.md 4.1, SPIFFE_Trust_Domain_and_Bundle.md 4.1.2."""
    for hint, wanted in ((300, 300), (0, SHORTEST), (1, SHORTEST), (2419200, LONGEST), (2**64 - 1, LONGEST)):
        waits = [interval(hint) for _ in range(200)]
        assert wanted * 0.9 <= min(waits) < max(waits) <= wanted


def test_a_document_without_hint_is_looked_at_every_five_minutes() -> None:
    """SPIFFE_Federation.md 4.1."""
    assert bundle_document.decode(json.dumps({"keys": []}).encode(), BANK).refresh_hint == 300
