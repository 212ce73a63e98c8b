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
from licet.identity.domain import version
from licet.identity.issuer import Issuer
from licet.mesh import instances
from licet.mesh.assembly import Known
from licet.mesh.control import Control
from licet.mesh.rollout import Step, steps
from licet.mesh.sidecar import Instance, Sidecar

_PACE = 0.1
"""Seconds between two looks: part of what passes between a revocation and its being enforced."""
_AGAIN = 1.0
"""The same while it fails, since then everything is read at every look."""
_FORGETTING = 10.0

log = structlog.get_logger("licet.mesh")


class Stored(msgspec.Struct, frozen=True):
    """What is taken from the database, each part the same object for as long as it is unchanged there."""

    denied: frozenset[str] = frozenset()
    steps: Mapping[str, Step] = {}
    instances: Mapping[str, tuple[Instance, ...]] = {}


class Following:
    """Keeps a control in step with the database, by which control planes know of each other too.

    `server` tells this control plane from the others, and is the same after a restart.
    """

    def __init__(self, domain: Domain, issuer: Issuer, server: str) -> None:
        self._domain = domain
        self._issuer = issuer
        self._server = server
        self._version = -1
        self._there: tuple[int, str] = (-1, "")
        self._stored = Stored()
        self._applied: tuple[Stored, frozenset[str]] = (Stored(), frozenset())
        self._written: dict[str, Sidecar] = {}
        self._forgotten = 0.0
        self.failure = ""
        """Why the database cannot be followed now; empty while it can. What was known stays."""

    def begin(self, known: Known) -> Known:
        """The same with what is stored; sidecars of an earlier run of this control plane count as away."""
        self._domain.ledger.change(lambda change: instances.abandoned(change.connection, self._server, now())).result()
        found = self._look()
        return msgspec.structs.replace(known, denied=found.denied, steps=found.steps, instances=found.instances)

    async def run(self, control: Control, changed: Callable[[frozenset[str]], None]) -> None:
        """Follow until cancelled; `changed` hears of those that are denied, after sidecars do."""
        while True:
            await asyncio.sleep(_AGAIN if self.failure else _PACE)
            try:
                await self._write(control)
                self._apply(control, await asyncio.to_thread(self._look), changed)
                self.failure = ""
            except Failure as error:
                if error.message != self.failure:
                    log.error("the domain cannot be followed", reason=error.message, help=error.help)
                self.failure = error.message

    def _apply(self, control: Control, found: Stored, changed: Callable[[frozenset[str]], None]) -> None:
        here = frozenset(control.attended)
        before, self._applied = self._applied, (found, here)
        if before[0] is found and before[1] == here:
            return
        former = control.known
        control.learn(_merged(found, control))
        if found.denied != former.denied:
            log.info("identities are revoked", revoked=len(found.denied))
            changed(found.denied)
        if found.steps != former.steps:
            log.info("workloads are held back", held_back=len(found.steps))

    def _look(self) -> Stored:
        """What stands there now: two short questions where nothing has changed."""
        with self._domain.database.read() as connection:
            current, there = version(connection), instances.version(connection)
        if current != self._version:
            state = self._issuer.refresh()
            with self._domain.database.read() as connection:
                self._domain.integrity.require(connection)
                held = steps(connection)
            denied = frozenset(map(str, state.denied))
            self._stored = msgspec.structs.replace(self._stored, denied=denied, steps=held)
            self._version = state.version
        if there != self._there:
            with self._domain.database.read() as connection:
                self._stored = msgspec.structs.replace(self._stored, instances=instances.known(connection))
            self._there = there
        return self._stored

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


def _merged(found: Stored, control: Control) -> Known:
    """What was found, with those who connected since it was read."""
    known = control.known
    by_workload = {workload: {each.id: each for each in held} for workload, held in found.instances.items()}
    for attended in control.attended.values():
        sidecar = attended.sidecar
        by_workload.setdefault(str(sidecar.workload), {})[sidecar.id] = Instance(sidecar.id, sidecar.address)
    there = {id for held in by_workload.values() for id in held}
    return msgspec.structs.replace(
        known,
        denied=found.denied,
        steps=found.steps,
        instances={workload: tuple(sorted(held.values())) for workload, held in by_workload.items()},
        coming=known.coming & there,
    )
