"""What ends a request or a command of the mesh."""

from __future__ import annotations

from licet.diag.failure import Failure


class MeshError(Failure):
    """Something that a person has to put right."""


class SidecarError(MeshError):
    """A sidecar that cannot be served as what it says it is."""
