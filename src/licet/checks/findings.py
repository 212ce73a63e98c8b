"""What the gate finds, L0460 to L0499, as findings."""

from __future__ import annotations

from collections.abc import Sequence

from licet.diag.diagnostic import Diagnostic, Related, Severity
from licet.diag.place import Place, Span

UNDECLARED = "L0460"
NOT_ADMITTED = "L0461"
BAD_SUPPRESSION = "L0462"
OVER = "L0463"
UNUSED = "L0464"
UNGUARDED = "L0465"
CHANGED_CONSENT = "L0466"
NO_SUCH_PORT = "L0467"
NO_SUCH_SERVICE = "L0468"
DOUBLED = "L0469"

_MOST_PLACES = 2
"""How many other lines that make a call are shown beside the first."""


def undeclared(
    read: Sequence[tuple[Place, str]], caller: str, callee: str, contract: Place | None, *, annotated: bool
) -> Diagnostic:
    """A call that a manifest makes and no contract declares; `read` is where it is made, and what was read there."""
    if contract is None:
        help = "write the workload's contract, since its namespace isolates all workloads; `licet init` drafts it"
    elif annotated:
        help = "add the call to the annotation, or take it out here"
    else:
        help = "declare the call in the contract (`--fix` adds it), or take it out here"
    (where, text), *more = read
    others = tuple(Related(place, f"and here: {text}") for place, text in more[:_MOST_PLACES])
    return Diagnostic(
        UNDECLARED,
        Severity.ERROR,
        f"`{caller}` calls `{callee}`, which "
        + ("no contract declares" if contract is None else "its contract does not declare"),
        where,
        label="an undeclared call",
        help=help,
        notes=(f"read here: {text}",),
        related=others if contract is None else (*others, Related(contract, "what it declares")),
    )


def no_such_port(
    read: Sequence[tuple[Place, str]], caller: str, service: str, port: int, there: Sequence[str], listed: Place
) -> Diagnostic:
    """A call of a Service on a port that it does not have; `there` are those that it has."""
    (where, text), *more = read
    return Diagnostic(
        NO_SUCH_PORT,
        Severity.ERROR,
        f"`{caller}` calls `{service}` on port {port}, which the Service does not have",
        where,
        label="nobody serves this port",
        help=f"it has {', '.join(there)}: call one of them, or add the port to the Service"
        if there
        else "it has no port at all: add one to the Service",
        notes=(f"read here: {text}",),
        related=(
            *(Related(place, f"and here: {told}") for place, told in more[:_MOST_PLACES]),
            Related(listed, "the ports of the Service"),
        ),
    )


def no_such_service(
    read: Sequence[tuple[Place, str]], caller: str, name: str, namespace: str, close: Sequence[str]
) -> Diagnostic:
    """An address that no Service answers to where it is resolved; `close` are names that are alike."""
    (where, text), *more = read
    return Diagnostic(
        NO_SUCH_SERVICE,
        Severity.WARNING,
        f"`{caller}` calls the Service `{namespace}/{name}`, which the manifests do not hold",
        where,
        label="nobody answers to this name",
        help=f"did you mean {' or '.join(f'`{one}`' for one in close)}?"
        if close
        else "correct the name; where others run that Service, declare the call in the contract",
        notes=(f"read here: {text}",),
        related=tuple(Related(place, f"and here: {told}") for place, told in more[:_MOST_PLACES]),
    )


def not_admitted(where: Place, caller: str, callee: str, contract: Place, scraped: bool) -> Diagnostic:
    """Somebody without a contract who is led to a workload that does not admit it."""
    return Diagnostic(
        NOT_ADMITTED,
        Severity.WARNING if scraped else Severity.ERROR,
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


def no_such_code(where: Span, code: str, close: str) -> Diagnostic:
    """A suppression of a code that no finding has; `close` is one that is alike, if any."""
    return Diagnostic(
        BAD_SUPPRESSION,
        Severity.ERROR,
        f"a suppression names {code}, and no finding has that code",
        where,
        label="suppresses nothing",
        help=f"did you mean `{close}`?" if close else "name the code that the finding begins with, such as `L0460`",
    )


def lasting(where: Span, code: str) -> Diagnostic:
    """A suppression of what may not be suppressed."""
    return Diagnostic(
        BAD_SUPPRESSION,
        Severity.ERROR,
        f"{code} cannot be suppressed",
        where,
        label="suppresses nothing",
        help="correct what it says: what is not read is not checked, and consent is not the asker's to give",
    )


def may_be_suppressed(code: str) -> bool:
    """Not what keeps files, documents and contracts from being read, and not what guards consent or suppressions."""
    number = int(code[1:])
    return not (number < 100 or 350 <= number < 370 or code in (BAD_SUPPRESSION, OVER, UNUSED, CHANGED_CONSENT))


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


def ownerless(where: Place, contract: str) -> Diagnostic:
    """A contract that admits callers and names no owner."""
    return Diagnostic(
        UNGUARDED,
        Severity.WARNING,
        f"`{contract}` names no owner, so anybody may consent for it",
        where,
        help="name who answers for it under `spec.owner`",
    )


def unguarded(where: Place, contract: str, handle: str, file: str) -> Diagnostic:
    """A contract whose file CODEOWNERS does not put under its owner."""
    return Diagnostic(
        UNGUARDED,
        Severity.WARNING,
        f"the file of `{contract}` is not under its owner `{handle}`",
        where,
        label="may not be the one who is asked",
        help=f"`licet check --write-codeowners` puts it there in `{file}`",
    )


def nobody_guards(where: Place, number: int) -> Diagnostic:
    """A repository without a CODEOWNERS file."""
    files = "one contract" if number == 1 else f"{number} contracts"
    return Diagnostic(
        UNGUARDED,
        Severity.INFO,
        f"nothing guards who may consent in {files}: there is no CODEOWNERS file",
        where,
        help="`licet check --write-codeowners` writes one",
    )


def changed_consent(where: Place, contract: str, entry: str, owner: str) -> Diagnostic:
    """A change of callers that nothing shows to the callee's owner."""
    return Diagnostic(
        CHANGED_CONSENT,
        Severity.ERROR,
        f"`{entry}` of `{contract}` admits others than before, and nothing asks its owner `{owner}`"
        if owner
        else f"`{entry}` of `{contract}` admits others than before, and it names no owner to be asked",
        where,
        label="changed",
        help="put the contract's file under its owner in CODEOWNERS (`--write-codeowners`)",
    )


def doubled(where: Place, number: int) -> Diagnostic:
    """Rules and policies that people wrote, and that are compiled too; `where` is the first of them."""
    what = "one rule or policy is" if number == 1 else f"{number} rules and policies are"
    return Diagnostic(
        DOUBLED,
        Severity.INFO,
        f"{what} there twice: written by people, and compiled",
        where,
        label="the first of them" if number > 1 else "",
        help="take out what people wrote once the compiled policies are in force; `licet policies` lists each",
    )
