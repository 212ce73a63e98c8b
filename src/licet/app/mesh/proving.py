"""Proof of life after every push: each policy is seen to decide by a handshake with its sidecar."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

import structlog

from licet.diag.diagnostic import Diagnostic
from licet.mesh import findings
from licet.mesh.alive import Prober, Target
from licet.mesh.composition import Composer
from licet.mesh.control import Attended, Control
from licet.mesh.resource import Kind

_AGAIN = 60.0
"""Seconds until what was proved is proved again."""
_RETRY = 0.3
_TRIES = 5
"""Failures that follow each other until one is told of: a listener takes a moment to open after it is acknowledged."""

log = structlog.get_logger("licet.mesh")


class Proving:
    """Proves every sidecar that has acknowledged what it was told; `faults` are those that do otherwise."""

    def __init__(self, control: Control, composer: Composer, prober: Prober) -> None:
        self._control = control
        self._composer = composer
        self._prober = prober
        self._proved: dict[tuple[str, int], tuple[Target, float]] = {}
        self._failed: Counter[tuple[str, int]] = Counter()
        self.faults: dict[tuple[str, int], Diagnostic] = {}
        self.proofs = 0
        """How often a policy was seen to decide."""

    async def run(self) -> None:
        """Prove what is new at once, and everything now and then, until cancelled."""
        while True:
            moved = self._control.moved()
            try:
                await self.prove()
                pause = _RETRY if self._failed else _AGAIN
                await asyncio.wait((moved,), timeout=pause)
            finally:
                moved.cancel()

    async def prove(self) -> None:
        """Prove what is due of what sidecars hold now."""
        now = asyncio.get_running_loop().time()
        targets = [each for attended in self._control.attended.values() for each in self._targets(attended)]
        there = {(each.node, each.port) for each in targets}
        self._proved = {key: held for key, held in self._proved.items() if key in there}
        self._failed = Counter({key: times for key, times in self._failed.items() if key in there})
        self.faults = {key: held for key, held in self.faults.items() if key in there}
        await asyncio.gather(*(self._prove(each) for each in targets if self._due(each, now)))

    @property
    def proved(self) -> bool:
        """Whether every policy of every sidecar that is connected was seen to decide as it is now."""
        return all(
            (held := self._proved.get((each.node, each.port))) is not None and held[0] == each
            for attended in self._control.attended.values()
            for each in self._targets(attended, acknowledged=False)
        )

    async def _prove(self, target: Target) -> None:
        key = (target.node, target.port)
        reason = await self._prober.prove(target)
        if not reason:
            self._proved[key] = (target, asyncio.get_running_loop().time())
            self.faults.pop(key, None)
            self._failed.pop(key, None)
            self.proofs += 1
            return
        self._proved.pop(key, None)
        self._failed[key] += 1
        if self._failed[key] >= _TRIES:
            if key not in self.faults:
                log.warning("a sidecar is not seen to be alive", node=target.node, port=target.port, reason=reason)
            self.faults[key] = findings.not_alive(target.node, target.port, reason)

    def _due(self, target: Target, now: float) -> bool:
        held = self._proved.get((target.node, target.port))
        return held is None or held[0] != target or now >= held[1] + _AGAIN

    def _targets(self, attended: Attended, *, acknowledged: bool = True) -> Iterator[Target]:
        """Ports of a sidecar, once it has acknowledged the listeners and policies that are to be seen."""
        fleet, sidecar = self._control.fleet, attended.sidecar
        intent = fleet.intents.get(sidecar.workload)
        if intent is None or (acknowledged and not all(map(attended.holds, (Kind.LISTENER, Kind.EXTENSION)))):
            return
        for served, policy in self._composer.policies(fleet, intent, fleet.stage(sidecar.id)):
            yield Target(sidecar.id, sidecar.address, served.port, sidecar.identity, served.speaks, policy.mark)
