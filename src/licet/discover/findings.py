"""What there is to tell of drafts, L0440 to L0459, as findings."""

from __future__ import annotations

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Place

UNKNOWN = "L0440"
NO_EVIDENCE = "L0441"
UNPLACED = "L0442"
CLOSED = "L0443"
TAKEN = "L0444"
ELSEWHERE = "L0445"
NAMELESS = "L0446"
ON_NODES = "L0447"


def unknown(where: Place, workload: str, secrets: tuple[str, ...]) -> Diagnostic:
    """A workload of whose calls the manifests say nothing."""
    hidden = (f"what it takes from Secrets is not read: {', '.join(secrets)}",) if secrets else ()
    return Diagnostic(
        UNKNOWN,
        Severity.INFO,
        f"nothing says whom `{workload}` calls",
        where,
        help="add its calls to the contract if it makes any; its code knows them",
        notes=hidden,
    )


def no_evidence(where: Place, what: str, contract: str) -> Diagnostic:
    """A call or a caller of a contract to which nothing in the manifests points."""
    return Diagnostic(
        NO_EVIDENCE,
        Severity.INFO,
        f"nothing in the manifests points to {what} of the contract `{contract}`",
        where,
        help="take it out if it is over; it is kept as it stands",
    )


def unplaced(where: Place, what: str, problem: str, lines: tuple[str, ...]) -> Diagnostic:
    """An addition for which the text of a contract has no place."""
    return Diagnostic(
        UNPLACED,
        Severity.WARNING,
        f"{what} is not added: the list {problem}",
        where,
        help="add it by hand",
        notes=lines,
    )


def closed(where: Place, caller: str, entry: str, why: str) -> Diagnostic:
    """A caller that the manifests show, and that the contract leaves out on purpose."""
    return Diagnostic(
        CLOSED,
        Severity.WARNING,
        f"`{caller}` calls `{entry}`, which does not admit it",
        where,
        label="nobody else is admitted",
        help="admit it with `from: Selected`, or take the call away",
        notes=(why,),
    )


def taken(where: Place, workload: str, file: str) -> Diagnostic:
    """A file that stands where a contract would be drafted."""
    return Diagnostic(
        TAKEN,
        Severity.WARNING,
        f"no contract is drafted for `{workload}`: `{file}` is there and holds none for it that can be read",
        where,
        help="correct that file, or move it away",
    )


def elsewhere(where: Place, what: str, contract: str) -> Diagnostic:
    """Something that the manifests show and a contract outside the folder of drafts does not declare."""
    return Diagnostic(
        ELSEWHERE,
        Severity.WARNING,
        f"the contract `{contract}` does not declare {what}",
        where,
        help="declare it there; only files below `--out` are written",
    )


def nameless(where: Place, workload: str) -> Diagnostic:
    """A workload that no contract can name."""
    return Diagnostic(
        NAMELESS,
        Severity.INFO,
        f"no contract is drafted for `{workload}`, whose name none can bear",
        where,
        help="give the workload a fixed name of a-z, 0-9, `-` and `.`",
    )


def on_nodes(where: Place, workload: str) -> Diagnostic:
    """A workload whose pods use their node's network."""
    return Diagnostic(
        ON_NODES,
        Severity.INFO,
        f"no contract is drafted for `{workload}`, whose pods use their node's network",
        where,
        help="no policy tells them from their node; where they call somebody, `platform: Nodes` admits them",
    )
