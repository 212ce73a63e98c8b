"""Workloads go back to Shadow by themselves where a step forward breaks what was in use."""

from __future__ import annotations

import asyncio
import time

import structlog

from licet.app.identity.domain import Domain
from licet.app.identity.place import now
from licet.audit.ledger import Change
from licet.contracts.contract import Mode
from licet.diag.failure import Failure
from licet.flows.record import Flow
from licet.mesh.assembly import Known
from licet.mesh.control import Control
from licet.mesh.rollback import Harm, Rollback, Thresholds
from licet.mesh.rollout import ORDER, Step, hold, steps
from licet.model.key import Key
from licet.store.moment import text

_PACE = 1.0

log = structlog.get_logger("licet.mesh")


class Rolling:
    """Watches flows, and holds workloads back. `done` is how often it did."""

    def __init__(self, domain: Domain, control: Control, thresholds: Thresholds | None = None) -> None:
        self._domain = domain
        self._control = control
        self._rollback = Rollback(thresholds)
        self._seen: Known | None = None
        self.done = 0
        self._look()

    def hear(self, flow: Flow) -> None:
        """Take note of a flow."""
        self._look()
        self._rollback.hear(flow, time.monotonic())

    async def run(self) -> None:
        """Hold back what has to be, until cancelled."""
        while True:
            await asyncio.sleep(_PACE)
            self._look()
            for workload, harm in self._rollback.due(time.monotonic()).items():
                try:
                    await self._back(workload, harm)
                except Failure as error:
                    log.error("a workload is not held back", workload=str(workload), reason=error.message)

    def _look(self) -> None:
        """See a step before what follows from it."""
        known = self._control.known
        seen, self._seen = self._seen, known
        if seen is None or seen.intents is not known.intents or seen.steps is not known.steps:
            self._rollback.enforced(known.intents, known.steps, time.monotonic())

    async def _back(self, workload: Key, harm: Harm) -> None:
        step = Step(Mode.SHADOW, reason=harm.reason)
        facts = {"workload": str(workload), "reason": harm.reason}

        def write(change: Change) -> bool:
            """Somebody may have held it back meanwhile, further perhaps."""
            held = steps(change.connection).get(str(workload))
            if held is not None and ORDER.index(held.mode) <= ORDER.index(Mode.SHADOW):
                return False
            hold(change, str(workload), step, text(now()), {"type": "server"})
            return True

        if await asyncio.to_thread(self._domain.change, write):
            self.done += 1
            log.warning("a workload is put back to Shadow", **facts)
