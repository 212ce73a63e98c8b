"""What is found where sidecars are put in, L0570 and L0571."""

from __future__ import annotations

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Place


def refused(place: Place, workload: str, why: str) -> Diagnostic:
    """A workload that no sidecar can be put into."""
    return Diagnostic(
        "L0570",
        Severity.ERROR,
        f"`{workload}` {why}",
        place,
        "left as it is",
        help="change it, or leave its contract to network policies",
    )


def written_anew(place: Place, workload: str, why: str) -> Diagnostic:
    """A document whose text offers no place, and that is therefore written in Licet's own way."""
    return Diagnostic(
        "L0571",
        Severity.INFO,
        f"the document of `{workload}` is written anew, without its remarks: its text {why}",
        place,
        "cannot be added to as it is",
    )
