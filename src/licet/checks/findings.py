"""What the gate finds, L0460 to L0499, as findings."""

from __future__ import annotations

from licet.diag.diagnostic import Diagnostic, Related, Severity
from licet.diag.place import Place, Span

UNDECLARED = "L0460"
NOT_ADMITTED = "L0461"
BAD_SUPPRESSION = "L0462"
OVER = "L0463"
UNUSED = "L0464"


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


def bad_suppression(where: Span, problem: str) -> Diagnostic:
    """A suppression that says too little or the wrong thing; it suppresses nothing."""
    return Diagnostic(
        BAD_SUPPRESSION,
        Severity.ERROR,
        f"a suppression {problem}",
        where,
        label="suppresses nothing",
        help="write `licet: ignore L0460: why` or `licet: ignore L0460 until 2027-03-31: why`",
    )


def over(where: Span, code: str, until: str) -> Diagnostic:
    """A suppression whose time is over; what it suppressed is found again."""
    return Diagnostic(
        OVER,
        Severity.WARNING,
        f"the suppression of {code} ended on {until}",
        where,
        help="put right what it suppressed, or agree on a later date",
    )


def unused(where: Span, code: str) -> Diagnostic:
    """A suppression that suppresses nothing."""
    return Diagnostic(
        UNUSED,
        Severity.WARNING,
        f"nothing is found here that the suppression of {code} is for",
        where,
        label="unused",
        help="take it out",
    )
