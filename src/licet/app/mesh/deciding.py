"""Decisions for whoever asks, by what sidecars are told."""

from __future__ import annotations

from licet.app.mesh.declared import Declared
from licet.app.mesh.following import Following
from licet.app.report import Spans
from licet.identity.workload.calls import Context
from licet.mesh.control import Control
from licet.mesh.decision.ext_authz import ExternalAuthorization
from licet.mesh.decision.point import Point
from licet.mesh.decision.standing import Standing
from licet.mesh.fleet import Fleet
from licet.mesh.xds.source import Identify, Service


class Deciding:
    """Decides by the fleet as it is told to sidecars, and by nothing where that cannot be followed."""

    def __init__(self, control: Control, following: Following, declared: Declared, gateways: frozenset[str]) -> None:
        self._control = control
        self._following = following
        self._standing: tuple[Fleet, Standing] | None = None
        self.apply(declared)
        self.point = Point(self._now, lambda place: self._spans.of(place), gateways)

    def apply(self, declared: Declared) -> None:
        """Name the lines of these contracts from now on."""
        self._spans = Spans(declared.loaded.texts)

    def service(self, caller: Identify) -> Service:
        """Decisions over ext_authz, for gateways."""

        def asker(context: Context) -> str | None:
            found = caller(context)
            return min(found.identities) if found is not None and len(found.identities) == 1 else None

        return ExternalAuthorization(self.point, asker)

    def _now(self) -> Standing | None:
        if self._following.failure:
            return None
        fleet = self._control.fleet
        if self._standing is None or self._standing[0] is not fleet:
            self._standing = (fleet, Standing.of(fleet, self._standing[1] if self._standing is not None else None))
        return self._standing[1]
