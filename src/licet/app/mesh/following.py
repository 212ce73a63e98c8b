"""What a control plane takes from the database and brings there: revocations, steps, and which sidecars there are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec
import structlog

from licet.app.identity.domain import Domain
from licet.app.identity.place import now
from licet.audit.ledger import Change
from licet.diag.failure import Failure
from licet.identity.issuer import Issuer
from licet.mesh import instances
from licet.mesh.assembly import Known
from licet.mesh.control import Control
from licet.mesh.rollout import Step, steps
from licet.mesh.sidecar import Instance, Sidecar

_PACE = 0.1
"""Seconds between two looks: part of what passes between a revocation and its being enforced."""
_FORGETTING = 10.0

log = structlog.get_logger("licet.mesh")


class Following:
    """Keeps a control in step with the database, by which control planes know of each other too.

    `server` tells this control plane from the others, and is the same after a restart.
    """

    def __init__(self, domain: Domain, issuer: Issuer, server: str) -> None:
        self._domain = domain
        self._issuer = issuer
        self._server = server
        self._version = -1
        self._instances: tuple[int, str] = (-1, "")
        self._written: dict[str, Sidecar] = {}
        self._forgotten = 0.0
        self._steps: Mapping[str, Step] = {}
        self._known: Mapping[str, tuple[Instance, ...]] = {}
        self.failure = ""
        """Why the database cannot be followed now; empty while it can. What was known stays."""

    def begin(self, known: Known) -> Known:
        """The same with what is stored; sidecars of an earlier run of this control plane count as away."""
        self._domain.ledger.change(lambda change: instances.abandoned(change.connection, self._server, now())).result()
        return self._look(known)

    async def run(self, control: Control, changed: Callable[[frozenset[str]], None]) -> None:
        """Follow until cancelled; `changed` hears of those that are denied, after sidecars do."""
        while True:
            await asyncio.sleep(_PACE)
            try:
                await self._write(control)
                found = await asyncio.to_thread(self._look, control.known)
                before = control.known
                control.learn(_merged(found, control))
                if found.denied != before.denied:
                    log.info("identities are revoked", revoked=len(found.denied))
                    changed(found.denied)
                if found.steps != before.steps:
                    log.info("workloads are held back", held_back=len(found.steps))
                self.failure = ""
            except Failure as error:
                if error.message != self.failure:
                    log.error("the domain cannot be followed", reason=error.message, help=error.help)
                self.failure = error.message

    def _look(self, known: Known) -> Known:
        state = self._issuer.refresh()
        with self._domain.database.read() as connection:
            if state.version != self._version:
                self._domain.integrity.require(connection)
                self._steps = steps(connection)
                self._version = state.version
            if (there := instances.version(connection)) != self._instances:
                self._known = instances.known(connection)
                self._instances = there
        denied = frozenset(map(str, state.denied))
        return msgspec.structs.replace(known, denied=denied, steps=self._steps, instances=self._known)

    async def _write(self, control: Control) -> None:
        """Remember who has come and who has gone since the last look."""
        here = {id: each.sidecar for id, each in control.attended.items()}
        joined = [each for id, each in here.items() if self._written.get(id) != each]
        gone = [id for id in self._written if id not in here]
        time = asyncio.get_running_loop().time()
        forgetting = time >= self._forgotten + _FORGETTING
        if not (joined or gone or forgetting):
            return

        def write(change: Change) -> None:
            instances.joined(change.connection, joined, self._server, now())
            instances.left(change.connection, gone, self._server, now())
            if forgetting:
                instances.forget(change.connection, now())

        await asyncio.wrap_future(self._domain.ledger.change(write))
        self._written = here
        if forgetting:
            self._forgotten = time


def _merged(found: Known, control: Control) -> Known:
    """What was found, with those who connected since it was read."""
    by_workload = {workload: {each.id: each for each in each_known} for workload, each_known in found.instances.items()}
    for attended in control.attended.values():
        sidecar = attended.sidecar
        by_workload.setdefault(str(sidecar.workload), {})[sidecar.id] = Instance(sidecar.id, sidecar.address)
    merged = {workload: tuple(sorted(each.values())) for workload, each in by_workload.items()}
    return msgspec.structs.replace(
        found, intents=control.known.intents, settings=control.known.settings, instances=merged
    )
