"""The node: follows the server's state and answers its workloads from it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from random import Random

import structlog

from licet.identity.entry import Entry
from licet.identity.errors import IdentityError, RefusedError, UnavailableError
from licet.identity.keys import KeyKind
from licet.identity.node.held import Holdings
from licet.identity.node.upstream import Delivery, NodeState, Upstream
from licet.identity.spiffeid import SpiffeID
from licet.identity.svid import JwtSvid, View, X509Svid
from licet.identity.workload.source import Peer

_log = structlog.get_logger("licet.identity.node")

_IDLE = timedelta(hours=1)
_AGAIN = 5.0
"""Seconds until an SVID that could not be had is asked for again."""
_PACE = 1.0
"""Seconds between two looks at what is due; SVIDs live ten seconds at least."""
_HEARTBEAT = 10
"""Every so many paces a node says that it is there, and how far it follows."""
_PATIENCE = 5.0
"""Seconds that slow workloads get to take a new view before the node says that it follows a version."""
_LONGEST_PAUSE = 5.0
"""Seconds between two attempts to follow; an upstream across the network spreads its attempts by itself."""
_MOST_DELIVERIES = 10_000
"""Deliveries that wait for a server that is away; of more no record is made, though of each issuance there is one."""
_FAREWELL = 2.0
"""Seconds that the last deliveries may take when the node stops."""


class _Watcher:
    """An open stream: the turn whose view it has taken, and the entries that its view is made from."""

    __slots__ = ("entries", "turn")

    def __init__(self) -> None:
        self.turn = -1
        self.entries: tuple[str, ...] = ()


class Agent:
    """A `Source` for the sockets of one node, fed by an upstream."""

    def __init__(self, upstream: Upstream, key_kind: KeyKind, clock: Callable[[], datetime], random: Random) -> None:
        self._upstream = upstream
        self._clock = clock
        self.holdings = Holdings(upstream, key_kind, clock, random)
        self.state: NodeState | None = None
        self._index: dict[str, list[Entry]] = {}
        self._views: dict[tuple[frozenset[str], bool], View] = {}
        self._changed = asyncio.Event()
        self._turn = 0
        self._applied = 0
        self._watchers: set[_Watcher] = set()
        self._used: dict[str, datetime] = {}
        self._delivered: set[tuple[str, int, int]] = set()
        self._deliveries: list[Delivery] = []
        self.unregistered = 0
        """How often a workload asked that has no identity."""

    @property
    def ready(self) -> bool:
        """Whether workloads can be answered."""
        return self.state is not None

    @property
    def watchers(self) -> int:
        """How many streams are open."""
        return len(self._watchers)

    async def run(self) -> None:
        """Follow the server until cancelled; an outage is waited out with what is held."""
        try:
            await asyncio.gather(self._follow(), self._renew(), self._report())
        finally:
            await self.holdings.close()

    async def views(self, peer: Peer, *, keys: bool) -> AsyncGenerator[View, None]:
        """As `Source` has it: the first view at once, then whenever it changes."""
        watcher = _Watcher()
        self._watchers.add(watcher)
        shown: View | None = None
        try:
            while True:
                changed, turn = self._changed, self._turn
                view, whole = await self._view(peer, watcher, keys=keys)
                if view is not shown and view != shown:
                    shown = view
                    self._deliver(peer, view.svids)
                    yield view
                watcher.turn = turn
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), None if whole else _AGAIN)
        finally:
            self._watchers.discard(watcher)

    async def tokens(self, peer: Peer, audience: tuple[str, ...], wanted: SpiffeID | None) -> tuple[JwtSvid, ...]:
        """As `Source` has it: a JWT-SVID for each identity of the peer, or for the wanted one."""
        entries = [e for e in self._entries(peer.selectors) if wanted is None or e.spiffe_id == wanted]
        if not entries:
            raise RefusedError(f"this workload is not `{wanted}`", "an entry has to match its selectors")
        return tuple(
            [
                JwtSvid(e.spiffe_id, await self._upstream.mint_token(e.id, audience, peer.witness), e.hint)
                for e in entries
            ]
        )

    async def _view(self, peer: Peer, watcher: _Watcher, *, keys: bool) -> tuple[View, bool]:
        """What the peer may see now, and whether that is all of it: an SVID that cannot be had holds up no other."""
        entries = self._entries(peer.selectors)
        state = self.state
        assert state is not None
        now = self._clock()
        if keys:
            watcher.entries = tuple(entry.id for entry in entries)
            self._used.update(dict.fromkeys(watcher.entries, now))
        known = self._views.get((peer.selectors, keys))
        if known is not None and all(svid.not_after > now for svid in known.svids):
            return known, True
        turn = self._turn
        wanted = entries if keys else []
        svids = [svid for entry in wanted if (svid := self.holdings.get(entry)) is not None]
        failures: list[IdentityError] = []
        if len(svids) < len(wanted):
            found = await asyncio.gather(*map(self._obtain(peer), wanted))
            svids = [made for made in found if isinstance(made, X509Svid)]
            failures = [made for made in found if not isinstance(made, X509Svid)]
            self._tell_overtaken()
        if failures and not svids:
            raise failures[0]
        believed = {domain for entry in entries for domain in entry.federates_with}
        federated = {domain: bundle for domain, bundle in state.federated.items() if domain in believed}
        view = View(tuple(svids), state.own, federated)
        if turn == self._turn and not failures:
            self._views[peer.selectors, keys] = view
        return view, not any(isinstance(failure, UnavailableError) for failure in failures)

    def _obtain(self, peer: Peer) -> Callable[[Entry], Awaitable[X509Svid | IdentityError]]:
        async def obtain(entry: Entry) -> X509Svid | IdentityError:
            try:
                return await self.holdings.obtain(entry, peer.witness)
            except IdentityError as error:
                return error

        return obtain

    def _entries(self, selectors: frozenset[str]) -> list[Entry]:
        if self.state is None:
            raise UnavailableError("the node has not heard from its server yet", "ask again")
        found = [
            entry
            for selector in selectors
            for entry in self._index.get(selector, ())
            if entry.admits(selectors) and entry.spiffe_id not in self.state.denied
        ]
        if not found:
            self.unregistered += 1
            raise RefusedError(
                "no identity that is not revoked is registered for this workload",
                "`licet identity entries list` shows what is, and `entries add` registers one",
            )
        return sorted(found, key=lambda entry: (entry.spiffe_id, entry.id))

    async def _follow(self) -> None:
        pause = 0.0
        while True:
            try:
                async with contextlib.aclosing(self._upstream.states()) as states:
                    async for state in states:
                        await self._accept(state)
                        pause = 0.0
            except IdentityError as error:
                _log.warning("the server is away", reason=error.message, help=error.help)
            except Exception as error:
                _log.error("the server cannot be followed", reason=type(error).__name__)
            pause = min(max(pause * 2, 0.2), _LONGEST_PAUSE)
            await asyncio.sleep(pause)

    async def _accept(self, state: NodeState) -> None:
        before, self.state = self.state, state
        if before is None or state.entries != before.entries:
            index: dict[str, list[Entry]] = {}
            for entry in state.entries:
                if entry.selectors:
                    index.setdefault(entry.selectors[-1], []).append(entry)
            self._index = index
        self.holdings.keep(entry for entry in state.entries if entry.spiffe_id not in state.denied)
        replacing = any(svid.issuer in state.reissue for svid in self.holdings.all())
        # Where new SVIDs are all that changes, workloads are told once, when they are there.
        if not replacing or before is None or _shown(state) != _shown(before):
            self._tell()
        if replacing:
            try:
                await self.holdings.replace(lambda svid: svid.issuer in state.reissue)
            finally:
                self._tell_overtaken()
            if any(svid.issuer in state.reissue for svid in self.holdings.all()):
                raise UnavailableError("not everything could be issued again", "the server is asked once more")
        await self._taken()
        await self._upstream.applied(state.version)
        self._applied = state.version

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_PACE)
            due = self.holdings.next_renewal()
            if due is None or due > self._clock():
                continue
            try:
                self._drop_idle()
                await self.holdings.renew_due()
            except IdentityError as error:
                _log.warning("renewal failed", reason=error.message, help=error.help)
            except Exception as error:
                _log.error("renewal failed", reason=type(error).__name__)
            self._tell_overtaken()

    def _drop_idle(self) -> None:
        """What no workload has asked for since long is not renewed: a certificate for nobody is one too many."""
        watched = {id for watcher in self._watchers for id in watcher.entries}
        before = self._clock() - _IDLE
        idle = [id for id, at in self._used.items() if at < before and id not in watched]
        if idle:
            # A view that is kept would be handed out again, and nobody would renew what is in it.
            self.holdings.drop(idle)
            self._views.clear()
        for id in idle:
            del self._used[id]

    def _tell_overtaken(self) -> None:
        """Have everyone look again where something was replaced that they may have been handed."""
        if self.holdings.overtaken:
            self.holdings.overtaken = False
            self._tell()

    def _tell(self) -> None:
        self._turn += 1
        self._views.clear()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _taken(self) -> None:
        """Wait until every open stream has taken what is new, but not for ever for a slow one."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while any(watcher.turn < self._turn for watcher in self._watchers):
            if asyncio.get_running_loop().time() > deadline:
                _log.warning("some workloads are slow to take what is new", open=self.watchers)
                return
            await asyncio.sleep(0.02)

    def _deliver(self, peer: Peer, svids: Iterable[X509Svid]) -> None:
        for svid in svids:
            mark = (svid.serial, peer.pid, peer.started)
            if mark not in self._delivered and len(self._deliveries) < _MOST_DELIVERIES:
                self._delivered.add(mark)
                self._deliveries.append(Delivery(svid.spiffe_id, svid.serial, peer.witness))

    async def _report(self) -> None:
        try:
            for beat in itertools.count(1):
                await asyncio.sleep(_PACE)
                self._forget_deliveries()
                await self._tell_upstream(alive=beat % _HEARTBEAT == 0)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await self._tell_upstream(alive=False)

    async def _tell_upstream(self, *, alive: bool) -> None:
        waiting = tuple(self._deliveries)
        try:
            if waiting:
                await self._upstream.report(waiting)
                del self._deliveries[: len(waiting)]
            if self._applied and alive:
                await self._upstream.applied(self._applied)
        except IdentityError as error:
            _log.warning("the server is not told now", reason=error.message, waiting=len(waiting))
        except Exception as error:
            _log.error("the server is not told now", reason=type(error).__name__, waiting=len(waiting))

    def _forget_deliveries(self) -> None:
        current = {svid.serial for svid in self.holdings.all()}
        self._delivered = {mark for mark in self._delivered if mark[0] in current}


def _shown(state: NodeState) -> tuple[object, ...]:
    """What workloads see of it, their SVIDs aside."""
    return state.entries, state.own, state.federated, state.denied
