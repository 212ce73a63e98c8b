"""What the gate finds, L0460 to L0499, as findings."""

from __future__ import annotations

from licet.diag.diagnostic import Diagnostic, Related, Severity
from licet.diag.place import Place

UNDECLARED = "L0460"
NOT_ADMITTED = "L0461"


def undeclared(where: Place, caller: str, callee: str, text: str, contract: Place | None) -> Diagnostic:
    """A call that a manifest makes and no contract declares."""
    if contract is None:
        help = "write the workload's contract, since its namespace isolates all workloads; `licet init` drafts it"
    else:
        help = "declare the call in the contract (`--fix` adds it), or take it out here"
    return Diagnostic(
        UNDECLARED,
        Severity.ERROR,
        f"`{caller}` calls `{callee}`, which its contract does not declare",
        where,
        label="an undeclared call",
        help=help,
        notes=(f"read here: {text}",),
        related=() if contract is None else (Related(contract, "what it declares"),),
    )


def not_admitted(where: Place, caller: str, callee: str, contract: Place, severity: Severity) -> Diagnostic:
    """Somebody without a contract who is led to a workload that does not admit it."""
    return Diagnostic(
        NOT_ADMITTED,
        severity,
        f"`{caller}` is led to `{callee}`, whose contract does not admit it",
        where,
        label="leads there",
        help="name it under `callers` of the entry that it reaches, or take the lead out",
        related=(Related(contract, "whom it admits"),),
    )
