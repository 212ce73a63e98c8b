"""What can keep agreements from becoming policies, L0400 to L0419, as findings."""

from __future__ import annotations

from collections.abc import Sequence

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.place import Place, Span
from licet.diag.wording import listed

STRANGERS = "L0400"
NO_LABELS = "L0401"
HOST_NETWORK = "L0402"
NOT_ENFORCED = "L0403"
UNSUPPORTED = "L0404"
OPEN = "L0405"
NOT_CLOSED = "L0406"
STAYS = "L0407"

_SHOWN = 3


def strangers(where: Place, workload: str, labels: str, others: Sequence[str]) -> Diagnostic:
    """A workload whose stable labels other workloads of its namespace have too."""
    return Diagnostic(
        STRANGERS,
        Severity.ERROR,
        f"no selector tells `{workload}` from {listed(others, _SHOWN)}",
        where,
        label="nothing is compiled for this workload",
        help="give its pod template a label that only it has, such as `app.kubernetes.io/name`",
        notes=(f"labels that stay from version to version: {labels}",),
    )


def no_labels(where: Place, workload: str) -> Diagnostic:
    """A workload whose pods have no label that stays."""
    return Diagnostic(
        NO_LABELS,
        Severity.ERROR,
        f"no selector finds `{workload}`: its pods have no label that stays from version to version",
        where,
        label="nothing is compiled for this workload",
        help="give its pod template a label that only it has, such as `app.kubernetes.io/name`",
    )


def not_closed(where: Place, namespace: str, others: Sequence[str]) -> Diagnostic:
    """A namespace that cannot be closed whole since somebody in it is not to be."""
    return Diagnostic(
        NOT_CLOSED,
        Severity.WARNING,
        f"`{namespace}` is not closed for pods that no manifest holds: "
        f"{listed(others, _SHOWN)} {'is' if len(others) == 1 else 'are'} not enforced both ways",
        where,
        label="only the workloads that are there are isolated",
        help="let every contract there have `serves` and `mode: Enforce`, or isolate `ContractedWorkloads` for now",
    )


def host_network(where: Place, workload: str, *, alone: bool) -> Diagnostic:
    """A contract for pods that no policy selects; not `alone` where the whole namespace is isolated."""
    return Diagnostic(
        HOST_NETWORK,
        Severity.ERROR if alone else Severity.WARNING,
        f"`{workload}` cannot be isolated: its pods have the network of their nodes",
        where,
        label="no policy selects hostNetwork pods",
        help="take `hostNetwork` from the pods, or restrict their traffic on the nodes and delete the contract",
    )


def not_enforced(where: Place, workloads: Sequence[str], mode: str, target: str) -> Diagnostic:
    """Workloads of a namespace whose mode asks for less than enforcement; `where` is the first one's line."""
    alone = len(workloads) == 1
    return Diagnostic(
        NOT_ENFORCED,
        Severity.INFO,
        f"{listed(workloads, _SHOWN)} {'is' if alone else 'are'} not isolated: the mode is {mode}",
        where,
        help=f"with `mode: Enforce` the target `{target}` isolates {'it' if alone else 'them'}",
    )


def stays(where: Span, files: Sequence[str], *, proved: bool) -> Diagnostic:
    """Files compiled before to which nothing is compiled now, and which are not this run's to remove."""
    are, stay = ("were", "stay") if len(files) > 1 else ("was", "stays")
    if proved:
        note = "a run removes what follows from contracts where it reads, of namespaces that it reads contracts of"
        help = "remove by hand what nobody compiles any more"
    else:
        note, help = "a run removes nothing where not all is proved", "compile again once all is proved"
    message = f"{listed(files, _SHOWN)} {are} compiled before, and {stay}"
    return Diagnostic(STAYS, Severity.INFO, message, where, help=help, notes=(note,))


def unsupported(where: Place | None, edge: str, target: str, reason: str, way_out: str, *, needed: bool) -> Diagnostic:
    """An agreed edge that the target has no words for, and that is refused therefore."""
    return Diagnostic(
        UNSUPPORTED,
        Severity.ERROR if needed else Severity.WARNING,
        f"{edge} is agreed, and `{target}` cannot let it through",
        where,
        label="this would be refused",
        help=way_out,
        notes=(reason,),
    )


def left_open(where: Place | None, edge: str, target: str, reason: str, way_out: str) -> Diagnostic:
    """An agreed edge that the target has no words for, and that is open, with more of its kind."""
    return Diagnostic(
        OPEN,
        Severity.WARNING,
        f"{edge} is agreed, and `{target}` leaves it open with all of its kind",
        where,
        help=way_out,
        notes=(reason,),
    )
