"""Looking at the bundles of other trust domains again and again, each for itself (SPIFFE_Federation.md 6.2)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import msgspec
import structlog

from licet.identity.bundle import REFRESH_HINT, Bundle
from licet.identity.errors import IdentityError
from licet.identity.federation.fetch import Patience, fetch
from licet.identity.federation.relationship import Relationship
from licet.identity.spiffeid import TrustDomain

SHORTEST, LONGEST = 60, 3600
"""Seconds between two looks, whatever a publisher suggests. A minute at least, so that nobody keeps this server busy;
an hour at most, so that a key that its domain drops is not believed for the 28 days of the specification's example."""
_JITTER = 0.1

_log = structlog.get_logger(__name__)


def interval(hint: int) -> float:
    """Seconds until the next look: the hint within bounds, and up to a tenth sooner, so that looks spread out."""
    return max(SHORTEST, min(LONGEST, hint)) * (1 - _JITTER * random.random())


class Callbacks(msgspec.Struct, frozen=True):
    """What a poller asks of whoever keeps bundles.

    `bundle_of` gives the latest bundle of a domain, one's own among them. `store` keeps the bundle of a domain after
    each look that went well, also where it is the one that is kept already; it must do nothing for a domain that is
    distrusted in the meantime. `failed` hears why a look did not, in one line; the bundle that is kept stays.
    """

    bundle_of: Callable[[TrustDomain], Bundle | None]
    store: Callable[[Bundle], Awaitable[None]]
    failed: Callable[[Relationship, str], Awaitable[None]]


class Poller:
    """Looks at the bundle of each relationship in a task of its own: none waits for another."""

    def __init__(
        self,
        callbacks: Callbacks,
        web_roots: Path | None = None,
        patience: Patience | None = None,
        interval: Callable[[int], float] = interval,
    ) -> None:
        self._callbacks = callbacks
        self._web_roots = web_roots
        self._patience = patience
        self._interval = interval
        self._tasks: dict[Relationship, asyncio.Task[None]] = {}

    def follow(self, relationships: Iterable[Relationship]) -> None:
        """Follow these and no others, from now on: what is no longer among them is not asked for any more."""
        wanted = frozenset(relationships)
        for gone in self._tasks.keys() - wanted:
            self._tasks.pop(gone).cancel()
        for new in wanted - self._tasks.keys():
            self._tasks[new] = asyncio.create_task(self._repeat(new))

    async def stop(self) -> None:
        """Follow nothing, and return when nothing is under way."""
        tasks = tuple(self._tasks.values())
        self.follow(())
        await asyncio.gather(*tasks, return_exceptions=True)

    async def look(self, relationship: Relationship) -> None:
        """Look once, now: what a command that wants to know asks for. Raises IdentityError."""
        bundle_of = self._callbacks.bundle_of
        vouching = bundle_of(relationship.vouching) if relationship.vouching is not None else None
        current = bundle_of(relationship.trust_domain)
        found = await fetch(relationship, current, vouching, self._web_roots, self._patience)
        # What was fetched from where is kept for later (SPIFFE_Federation.md 7.6).
        _log.info(
            "looked at a bundle", trust_domain=found.trust_domain.name, url=relationship.url, sequence=found.sequence
        )
        await self._callbacks.store(found)

    async def _repeat(self, relationship: Relationship) -> None:
        while True:
            try:
                await self._attempt(relationship)
                current = self._callbacks.bundle_of(relationship.trust_domain)
            except Exception:
                # Whatever is wrong with keeping one bundle, the next look may find it right.
                _log.exception("looking at a bundle failed", trust_domain=relationship.trust_domain.name)
                current = None
            await asyncio.sleep(self._interval(REFRESH_HINT if current is None else current.refresh_hint))

    async def _attempt(self, relationship: Relationship) -> None:
        try:
            await self.look(relationship)
        except IdentityError as error:
            await self._callbacks.failed(relationship, str(error))
