"""A whole platform on one machine: identities, a control plane, and for each workload a sidecar and a stand-in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec

from licet.app.identity.place import administrator, now
from licet.app.identity.running import begin
from licet.app.mesh.declared import Declared
from licet.app.mesh.running import Mesh, Wanted
from licet.app.up.attest import Kin
from licet.app.up.children import Child, ChildError, Children
from licet.app.up.claim import Claim
from licet.app.up.machine import envoy, listening, places, require_free
from licet.app.up.orders import Begin, Call, Outcome
from licet.app.up.plan import Plan, Planned
from licet.app.up.plane import Plane, plane
from licet.app.up.stations import stations
from licet.app.up.worker import Worker
from licet.audit.ledger import Change
from licet.identity.spiffeid import TrustDomain
from licet.identity.workload.source import Peer
from licet.mesh.envoy import bootstrap
from licet.mesh.fleet import Settings
from licet.mesh.intent import Speaks
from licet.mesh.rollout import Step, hold
from licet.mesh.sidecar import Sidecar
from licet.mesh.xds.server import Local
from licet.model.key import Key
from licet.store.moment import text

_READY, _READY_EACH = 60.0, 2.0
"""Seconds until every sidecar has to have shown that it decides by its policy, and for each workload."""
_STARTED_AT_ONCE = 4
_HEARD = 15.0
"""Seconds for the last reports of sidecars to come."""
_LOGS = "`--keep DIR` keeps every log"
T = TypeVar("T")
Tell: TypeAlias = Callable[[str], None]
Made: TypeAlias = list[tuple[Planned, Outcome]]
"""Calls that were made, and what their callers saw."""


class Platform:
    """A platform that runs while it is entered. `folder` is empty, and this user's alone.

    Workloads that are `held` enforce no more than their step says.
    """

    def __init__(
        self,
        declared: Declared,
        folder: Path,
        tell: Tell,
        settings: Settings | None = None,
        held: Mapping[Key, Step] | None = None,
    ) -> None:
        self.declared = declared
        self._folder = folder
        self._tell = tell
        self._settings = settings or Settings()
        self._held = held or {}
        self._stack = contextlib.AsyncExitStack()
        self._up = False
        self._workers: dict[Key, Worker] = {}
        self.envoys: dict[Key, Child] = {}
        self.work: list[asyncio.Task[None]] = []
        """What must not end while it runs: a task that does says why."""
        self.lost: list[Child] = []
        """Sidecars that have ended since the platform was up; what they stood before is not reached past them."""

    async def __aenter__(self) -> Platform:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def make(self, plan: Plan, part: Mapping[Key, Sequence[Call]], rate: float) -> Made:
        """Have these calls of a plan made, `rate` a second for each workload, and tell what the callers saw of them.

        Raises what ended anything that this hangs on.
        """
        rounds = [self._workers[caller].round(calls, rate) for caller, calls in part.items()]
        made = await self._unless_lost(asyncio.gather(*rounds))
        return [(plan.calls[outcome.number], outcome) for outcomes in made for outcome in outcomes]

    async def heard(self, complete: Callable[[], bool]) -> None:
        """Wait until sidecars have reported what makes this true, or cannot be expected to any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HEARD):
                while not complete():
                    await asyncio.sleep(0.1)
        self.mesh.intake.settle()

    async def _start(self) -> None:
        envoy()
        intents = self.declared.intents.by_workload
        claim = self._stack.enter_context(Claim(len(intents)))
        programs = self._folder / "apps"
        programs.mkdir(mode=0o700)
        self.sidecars: Mapping[Key, Sidecar] = stations(intents, claim.addresses, programs)
        require_free(places(self.sidecars))
        kin = Kin()
        self._tell("founding a trust domain")
        domain = TrustDomain(self.declared.trust_domain)
        self.plane: Plane = await self._stack.enter_async_context(
            plane(self._folder, domain, tuple(intents.values()), kin)
        )
        if self._held:
            self.plane.domain.change(self._hold)
        await self._control()
        logs = self._folder / "logs"
        logs.mkdir(mode=0o700)
        self.children = await self._stack.enter_async_context(Children(logs, kin))
        self.work.append(begin(self._stack, self._watch(), "processes"))
        room = asyncio.Semaphore(_STARTED_AT_ONCE)
        try:
            async with asyncio.timeout(_READY + _READY_EACH * len(intents)):
                await self._unless_lost(asyncio.gather(*(self._workload(room, key) for key in sorted(intents))))
                self._tell("waiting until each sidecar has shown that it decides by its policy")
                await self._unless_lost(asyncio.ensure_future(self._proved()))
        except TimeoutError:
            raise ChildError(*self._unproved()) from None
        self._up = True

    def _hold(self, change: Change) -> None:
        for key, step in self._held.items():
            hold(change, key, step, text(now()), administrator())

    async def _control(self) -> None:
        def local(identities: Callable[[Peer], frozenset[str]]) -> Local:
            return Local(self._folder / "control.sock", self.plane.attestor.attest, identities)

        wanted = Wanted(server="up", local=local, settings=self._settings)
        self.mesh = Mesh(self.plane.domain, self.plane.issuer, self.declared, wanted)
        self.work += await self.mesh.start(self._stack)

    async def _workload(self, room: asyncio.Semaphore, key: Key) -> None:
        sidecar = self.sidecars[key]
        async with room:
            envoy = self.start_envoy(key)
            serves = {
                served.port: (sidecar.apps[served.port], served.speaks is Speaks.TCP)
                for served in self.declared.intents.by_workload[key].serves
            }
            orders = Begin(str(key), sidecar.address, str(self.plane.socket), serves, envoy.pid)
            self._workers[key] = await Worker.start(self.children, f"{self._number(key)}-app", key, orders)
        done = f"{len(self._workers)} of {len(self.sidecars)}"
        self._tell(f"starting sidecars, and what stands in for their workloads: {done}")

    def _number(self, key: Key) -> int:
        return sorted(self.sidecars).index(key)

    def start_envoy(self, key: Key) -> Child:
        """Start the sidecar of a workload."""
        number = self._number(key)
        control = bootstrap.Local(str(self._folder / "control.sock"))
        made = bootstrap.bootstrap(self.sidecars[key], str(self.plane.socket), control)
        config = self._folder / f"{number}.json"
        config.write_text(bootstrap.text(made))
        options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warn", "--drain-time-s", "3")
        command = (envoy(), "--config-path", str(config), *options)
        self.envoys[key] = self.children.start(f"{number}-envoy", key, command)
        return self.envoys[key]

    async def _watch(self) -> None:
        """A sidecar's end is part of what may happen to a platform that is up; any other leaves nothing to show."""
        while True:
            lost = await self.children.lost()
            if not self._up or lost not in self.envoys.values():
                what = "the sidecar" if lost in self.envoys.values() else "what stands in"
                raise ChildError(f"{what} of `{lost.workload}` {lost.fate}", _LOGS)
            self.lost.append(lost)

    async def _unless_lost(self, going: asyncio.Future[T]) -> T:
        """What it comes to; raises what ended anything that the platform hangs on."""
        try:
            waited: list[asyncio.Future[Any]] = [going, *self.work]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            for task in self.work:
                if task.done():
                    task.result()
            return await going
        finally:
            going.cancel()
            # It is waited for, so that nothing is begun any more, and nobody asks why it went unheard.
            await asyncio.wait([going])

    async def _proved(self) -> None:
        exits = {at for sidecar in self.sidecars.values() for at in sidecar.exits.values()}
        while not (
            len(self.mesh.control.attended) == len(self.sidecars) and self.mesh.proving.proved and exits <= listening()
        ):
            await asyncio.sleep(0.05)

    def _unproved(self) -> tuple[str, str]:
        if silent := [key for key in self.envoys if key not in self._workers]:
            return f"what stands in for `{silent[0]}` has not come", _LOGS
        missing = [key for key, sidecar in self.sidecars.items() if sidecar.id not in self.mesh.control.attended]
        if missing:
            return f"the sidecar of `{missing[0]}` has not come: it {self.envoys[missing[0]].fate}", _LOGS
        faults: Iterable[msgspec.Struct] = (*self.mesh.control.faults.values(), *self.mesh.proving.faults.values())
        reason = getattr(next(iter(faults), None), "message", "sidecars have not acknowledged what they were told")
        return f"the platform is not up: {reason}", _LOGS
