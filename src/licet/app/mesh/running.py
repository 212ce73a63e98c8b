"""The control plane of a mesh, put together: what sidecars are told, what they tell, and what follows from both."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from random import SystemRandom

import msgspec
import structlog

from licet.app.identity.domain import Domain
from licet.app.identity.place import now
from licet.app.identity.running import begin
from licet.app.mesh.deciding import Deciding
from licet.app.mesh.declared import Declared
from licet.app.mesh.following import Following
from licet.app.mesh.proving import Proving
from licet.app.mesh.rolling import Rolling
from licet.audit.event import Detail, Event
from licet.diag.diagnostic import Diagnostic
from licet.flows.envoy import Envoy, Vantage
from licet.flows.record import Flow
from licet.identity.issuer import Issuer
from licet.identity.server_svid import ServerSvid
from licet.identity.workload.calls import Context
from licet.identity.workload.source import Peer
from licet.mesh.alive import Prober
from licet.mesh.assembly import Known
from licet.mesh.composition import Composer
from licet.mesh.control import Control
from licet.mesh.fleet import Fleet, Settings
from licet.mesh.severing.agreement import lost
from licet.mesh.severing.connections import Connections, Held
from licet.mesh.severing.severer import Severed, Severer, sole
from licet.mesh.sidecar import Sidecar
from licet.mesh.telemetry import access_log
from licet.mesh.telemetry.access_log import AccessLogs, Entry
from licet.mesh.telemetry.edges import Edges
from licet.mesh.telemetry.intake import Intake
from licet.mesh.telemetry.vantage import served_port, vantage
from licet.mesh.withdrawn import kept
from licet.mesh.xds.server import ControlServer, Local, Remote
from licet.mesh.xds.source import Caller, Identify, Service
from licet.model.key import Key

MESH_PATH = "/licet/mesh"
"""The path of the control plane's own SPIFFE ID, which sidecars know it by, and which proves that they are alive."""
_SERVER: dict[str, Detail] = {"type": "server"}
_SWEEP = 1.0

log = structlog.get_logger("licet.mesh")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a control plane is asked for.

    `server` tells it from others over the same database, and is the same after a restart. `gateways` are SPIFFE IDs
    that may ask for decisions about every workload. With `rollback`, workloads go back to Shadow by themselves where a
    step forward breaks what was in use. `on_flow` hears of what sidecars report.
    """

    server: str
    local: Callable[[Callable[[Peer], frozenset[str]]], Local] | None = None
    listen: str = ""
    settings: Settings = Settings()
    gateways: frozenset[str] = frozenset()
    rollback: bool = False
    on_flow: tuple[Callable[[Flow], None], ...] = ()


class Mesh:
    """A control plane that runs, for as long as the stack that it was started on."""

    def __init__(self, domain: Domain, issuer: Issuer, declared: Declared, wanted: Wanted) -> None:
        self._domain = domain
        self._issuer = issuer
        self._wanted = wanted
        self._tasks: set[asyncio.Task[None]] = set()
        self.svid = ServerSvid(issuer, now, SystemRandom(), MESH_PATH, ())
        self.following = Following(domain, issuer, wanted.server)
        known = Known(
            str(issuer.state.trust_domain),
            str(self.svid.spiffe_id),
            declared.intents.by_workload,
            settings=wanted.settings,
            services=declared.services,
        )
        self.composer = Composer()
        self.control = Control(self.following.begin(known), self.composer, self._joined)
        self.rolling = Rolling(domain, self.control)
        self.connections = Connections()
        self.severer = Severer(self.connections, self._severed, wanted.settings.connection_age)
        self._known: frozenset[str] = frozenset()
        self._fleets = deque([self.control.fleet], 2)
        self.severed = 0
        """Connections that were ended, of revoked identities and of agreements that are gone."""
        self.edges = Edges()
        self.intake = Intake(
            self._vantage,
            Envoy({}),
            self.edges,
            time.monotonic,
            on_flow=wanted.on_flow,
            # A caller that lies of what was refused to it switches off no enforcement: the callee alone is heard.
            on_report=(self.rolling.hear,) if wanted.rollback else (),
            prober=known.prober,
        )
        self.deciding = Deciding(self.control, self.following, declared, wanted.gateways)
        self.proving = Proving(self.control, self.composer, Prober(self.svid.material, lambda: issuer.state.bundle))
        self._place(declared)

    def apply(self, declared: Declared) -> None:
        """Have sidecars told what is declared now, and record it."""
        self._place(declared)
        self.deciding.apply(declared)
        known = self.control.known
        intents = kept(known, declared.intents.by_workload)
        if gone := sorted(map(str, intents.keys() - declared.intents.by_workload.keys())):
            log.warning("sidecars stand before workloads without a contract, and let nothing pass", workloads=gone[:20])
        self.control.learn(msgspec.structs.replace(known, intents=intents, services=declared.services))
        self.composer.forget(self.control.fleet, self.control.attended)
        log.info("the contracts are applied", workloads=len(declared.intents.by_workload))
        self._record(Event("contracts.applied", _SERVER, declared.facts()))

    async def start(self, stack: contextlib.AsyncExitStack) -> list[asyncio.Task[None]]:
        """Serve until the stack unwinds; the work that must not end before."""
        await asyncio.to_thread(self.svid.renew)
        stack.callback(self.severer.close)
        work = [
            begin(stack, self.svid.run(), "certificate"),
            begin(stack, self.intake.run(), "flows"),
            begin(stack, self._sweep(), "severing"),
            begin(stack, self.proving.run(), "proof of life"),
            begin(stack, self.following.run(self.control, self._revoke), "domain"),
        ]
        if self._wanted.rollback:
            work.append(begin(stack, self.rolling.run(), "rollback"))
        local = self._wanted.local(self.identities) if self._wanted.local is not None else None
        remote = Remote(self._wanted.listen, self.svid.material) if self._wanted.listen else None
        self.server = ControlServer(
            self.control, clock=now, local=local, remote=remote, services=(self._logs, self.deciding.service)
        )
        await stack.enter_async_context(self.server)
        await self.severer.revoke(self.control.known.denied)
        return work

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """What is wrong with sidecars now."""
        return (*self.control.faults.values(), *self.proving.faults.values())

    def identities(self, peer: Peer) -> frozenset[str]:
        """Who a process on this machine is, by what is registered for what it shows."""
        state = self._issuer.state
        entries = (entry for entry in state.entries.values() if entry.admits(peer.selectors))
        return frozenset(str(entry.spiffe_id) for entry in entries if entry.spiffe_id not in state.denied)

    def _place(self, declared: Declared) -> None:
        """Know workloads by what access logs and certificates call them."""
        intents = declared.intents.by_workload
        self._workloads: dict[str, Key] = {str(key): key for key in intents}
        self.intake.reader.workloads = {intent.identity: key for key, intent in intents.items()}

    def _logs(self, caller: Identify) -> Service:
        def reporter(context: Context) -> access_log.Caller | None:
            found = caller(context)
            return self._reporter(found) if found is not None else None

        self.logs = AccessLogs(reporter, [self._hear, self.intake])
        return self.logs

    def _hear(self, caller: access_log.Caller, name: str, entries: Sequence[Entry]) -> None:
        self.severer.hear(caller.node, entries, served_port(name))

    def _reporter(self, caller: Caller) -> access_log.Caller | None:
        """Whose reports are taken: those of sidecars that are known, from whoever has their identity."""
        nodes = self.control.nodes(caller)
        return access_log.Caller(min(caller.identities), nodes) if nodes else None

    def _vantage(self, caller: access_log.Caller, name: str) -> Vantage | None:
        attended = self.control.attended.get(caller.node)
        return vantage(attended.sidecar, name, self._workloads) if attended is not None else None

    def _joined(self, sidecar: Sidecar, caller: Caller) -> None:
        self.severer.attach(sidecar.id, caller.pid or None)
        self.severer.inherit(sidecar.id, sidecar.address, sole(self.control.fleet.bound))
        log.info("a sidecar has come", node=sidecar.id, address=sidecar.address)

    def _revoke(self, denied: frozenset[str]) -> None:
        task = asyncio.get_running_loop().create_task(self.severer.revoke(denied))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            self._withdraw()
            await self.severer.sweep()
            self.forget()

    def _withdraw(self) -> None:
        """Have ended what was let in and is not any more; twice, since what is open is heard of a moment later."""
        now = self.control.fleet
        for before in self._fleets:
            if before.intents is not now.intents or before.stages != now.stages:
                self.severer.withdraw(partial(self._lost, before, now))
        self._fleets.append(now)

    def _lost(self, before: Fleet, now: Fleet, node: str, held: Held) -> bool:
        attended = self.control.attended.get(node)
        return attended is not None and lost(before, now, attended.sidecar.workload, node, held)

    def forget(self) -> None:
        """Know nothing any more of what sidecars had open, and were told, that have been away for long."""
        known = frozenset(each.id for held in self.control.known.instances.values() for each in held)
        gone = self._known - known
        for node in gone:
            self.severer.detach(node)
            self.edges.forget(node)
        if gone:
            self.composer.forget(self.control.fleet, self.control.attended)
        self._known = known

    def _severed(self, severed: Severed) -> None:
        facts: dict[str, Detail] = {
            "spiffe_id": severed.identity,
            "node": severed.node,
            "ended": severed.ended,
            "left": severed.left,
            "why": severed.why,
        }
        self.severed += severed.ended
        log.info("connections that nothing admits any more are ended", **facts)
        self._record(Event("connections.severed", _SERVER, facts))

    def _record(self, event: Event) -> None:
        """Have it in the log; nothing waits for that."""
        self._domain.ledger.change(lambda change: change.record(event)).add_done_callback(_told)


def _told(done: Future[None]) -> None:
    if (error := done.exception()) is not None:
        log.error("an event is not in the log", reason=str(error))
