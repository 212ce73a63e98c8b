"""A whole platform on one machine: identities, a control plane, and for each workload a sidecar and a stand-in."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

import msgspec

from licet.app.identity.running import begin
from licet.app.mesh.declared import Declared
from licet.app.mesh.running import Mesh, Wanted
from licet.app.up.attest import Kin
from licet.app.up.children import Child, ChildError, Children
from licet.app.up.claim import Claim
from licet.app.up.orders import Begin, Outcome
from licet.app.up.plan import Plan, Planned
from licet.app.up.plane import Plane, plane
from licet.app.up.stations import stations
from licet.app.up.worker import Worker
from licet.identity.spiffeid import TrustDomain
from licet.identity.workload.source import Peer
from licet.mesh.envoy import bootstrap
from licet.mesh.fleet import Settings
from licet.mesh.intent import Speaks
from licet.mesh.sidecar import Sidecar
from licet.mesh.xds.server import Local
from licet.model.key import Key

_READY = 60.0
"""Seconds until every sidecar has to have shown that it decides by its policy."""
_STARTED_AT_ONCE = 4
_HEARD = 5.0
"""Seconds for the last reports of sidecars to come."""
_LISTENING = "0A"
_BYTE_ORDER = -1 if sys.byteorder == "little" else 1
Tell: TypeAlias = Callable[[str], None]
Made: TypeAlias = list[tuple[Planned, Outcome]]
"""Calls that were made, and what their callers saw."""


class Platform:
    """A platform that runs while it is entered. `folder` is empty, and this user's alone."""

    def __init__(self, declared: Declared, folder: Path, tell: Tell, settings: Settings | None = None) -> None:
        self.declared = declared
        self._folder = folder
        self._tell = tell
        self._settings = settings or Settings()
        self._stack = contextlib.AsyncExitStack()
        self._workers: dict[Key, Worker] = {}
        self.envoys: dict[Key, Child] = {}
        self.work: list[asyncio.Task[None]] = []
        """What must not end while it runs: a task that does says why."""

    async def __aenter__(self) -> Platform:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def round(self, plan: Plan, rate: float) -> Made:
        """Have every call of the plan made, and what the callers saw of it; `rate` a second for each workload."""
        made = await asyncio.gather(
            *(worker.round(orders, rate) for key, worker in self._workers.items() if (orders := plan.of(key)))
        )
        return [(plan.calls[outcome.number], outcome) for outcomes in made for outcome in outcomes]

    async def heard(self, complete: Callable[[], bool]) -> None:
        """Wait until sidecars have reported what makes this true, or cannot be expected to any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HEARD):
                while not complete():
                    await asyncio.sleep(0.1)
        self.mesh.intake.settle()

    async def _start(self) -> None:
        intents = self.declared.intents.by_workload
        claim = self._stack.enter_context(Claim(len(intents)))
        programs = self._folder / "apps"
        programs.mkdir(mode=0o700)
        self.sidecars: Mapping[Key, Sidecar] = stations(intents, claim.addresses, programs)
        kin = Kin()
        self._tell("founding a trust domain")
        domain = TrustDomain(self.declared.trust_domain)
        self.plane: Plane = await self._stack.enter_async_context(
            plane(self._folder, domain, tuple(intents.values()), kin)
        )
        await self._control()
        logs = self._folder / "logs"
        logs.mkdir(mode=0o700)
        self.children = await self._stack.enter_async_context(Children(logs, kin))
        self._tell(f"starting {len(intents)} sidecars and what stands in for their workloads")
        room = asyncio.Semaphore(_STARTED_AT_ONCE)
        await asyncio.gather(*(self._workload(room, number, key) for number, key in enumerate(sorted(intents))))
        self._tell("waiting until each sidecar has shown that it decides by its policy")
        self.work.append(begin(self._stack, self._watch(), "processes"))
        await self._proved()

    async def _control(self) -> None:
        def local(identities: Callable[[Peer], frozenset[str]]) -> Local:
            return Local(self._folder / "control.sock", self.plane.attestor.attest, identities)

        wanted = Wanted(server="up", local=local, settings=self._settings)
        self.mesh = Mesh(self.plane.domain, self.plane.issuer, self.declared, wanted)
        self.work += await self.mesh.start(self._stack)

    async def _workload(self, room: asyncio.Semaphore, number: int, key: Key) -> None:
        sidecar = self.sidecars[key]
        async with room:
            envoy = self.start_envoy(key)
            serves = {
                served.port: (sidecar.apps[served.port], served.speaks is Speaks.TCP)
                for served in self.declared.intents.by_workload[key].serves
            }
            orders = Begin(str(key), sidecar.address, str(self.plane.socket), serves, envoy.pid)
            self._workers[key] = await Worker.start(self.children, f"{number}-app", key, orders)

    def start_envoy(self, key: Key) -> Child:
        """Start the sidecar of a workload."""
        number = sorted(self.sidecars).index(key)
        control = bootstrap.Local(str(self._folder / "control.sock"))
        made = bootstrap.bootstrap(self.sidecars[key], str(self.plane.socket), control)
        config = self._folder / f"{number}.json"
        config.write_text(bootstrap.text(made))
        options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warn", "--drain-time-s", "3")
        command = (envoy(), "--config-path", str(config), *options)
        self.envoys[key] = self.children.start(f"{number}-envoy", key, command)
        return self.envoys[key]

    async def _watch(self) -> None:
        lost = await self.children.lost()
        raise ChildError(f"`{lost.name}` of `{lost.workload}` has ended", f"see `{lost.log}`")

    async def _proved(self) -> None:
        """Raise ChildError where a sidecar does not come to what it is for."""
        begun = asyncio.ensure_future(self._all_proved())
        try:
            async with asyncio.timeout(_READY):
                await asyncio.wait((begun, *self.work), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise ChildError(*self._unproved()) from None
        finally:
            begun.cancel()
        for task in self.work:
            if task.done():
                task.result()

    async def _all_proved(self) -> None:
        exits = {at for sidecar in self.sidecars.values() for at in sidecar.exits.values()}
        while not (
            len(self.mesh.control.attended) == len(self.sidecars) and self.mesh.proving.proved and exits <= listening()
        ):
            await asyncio.sleep(0.05)

    def _unproved(self) -> tuple[str, str]:
        missing = [key for key, sidecar in self.sidecars.items() if sidecar.id not in self.mesh.control.attended]
        if missing:
            return f"the sidecar of `{missing[0]}` has not come", f"see `{self.envoys[missing[0]].log}`"
        faults: Iterable[msgspec.Struct] = (*self.mesh.control.faults.values(), *self.mesh.proving.faults.values())
        first = next(iter(faults), None)
        reason = getattr(first, "message", "sidecars have not acknowledged what they were told")
        return f"the platform is not up: {reason}", f"see the logs in `{self._folder / 'logs'}`"


def listening() -> set[str]:
    """Every IPv4 `host:port` of this machine that somebody listens on, as proc(5) tells it."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    found = (row[1].split(":") for row in rows if row[3] == _LISTENING)
    return {f"{socket.inet_ntoa(bytes.fromhex(host)[::_BYTE_ORDER])}:{int(port, 16)}" for host, port in found}


def envoy() -> str:
    """The Envoy that is installed with Licet; raises ChildError without one."""
    try:
        return str(files("envoy") / "_bin" / "envoy")
    except ModuleNotFoundError:
        raise ChildError("there is no Envoy", "pip install 'licet[identity,up]'") from None
