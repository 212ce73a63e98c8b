"""Whether a control plane is well, and what it measures."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from licet.app.identity.place import now
from licet.app.mesh.metrics import Measured
from licet.app.mesh.running import Mesh
from licet.audit.ledger import Ledger
from licet.identity.watch import health
from licet.identity.watch.subject import Subject
from licet.mesh.telemetry.metrics import Metrics


class Health(health.Health):
    """Answers for a control plane. Sidecars that do otherwise than they are told are no reason to start it again."""

    def __init__(self, mesh: Mesh, ledger: Ledger) -> None:
        super().__init__(Subject(now))
        self._mesh = mesh
        self._ledger = ledger
        self._registry = CollectorRegistry()
        self._registry.register(Measured(mesh))
        self._registry.register(Metrics(mesh.logs, mesh.intake))

    def faults(self) -> list[str]:
        """Why this process should be started again; empty where it is well."""
        return [] if self._ledger.writer.alive else ["nothing can be written any more"]

    async def waits(self) -> list[str]:
        """Why no sidecar should be sent here now; empty where one may."""
        reasons = self.faults()
        if self._mesh.following.failure:
            reasons.append(f"the domain cannot be followed: {self._mesh.following.failure}")
        return reasons

    async def exposition(self) -> bytes:
        """What is measured now, as text for Prometheus."""
        return generate_latest(self._registry)
