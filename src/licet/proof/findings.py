"""Where agreed and permitted differ, as findings, L0420 to L0439."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from licet.contracts.agreement import Agreement, end_text
from licet.diag.diagnostic import Diagnostic, Related, Severity
from licet.diag.place import Place
from licet.diag.wording import listed
from licet.model.policy import Direction
from licet.model.ports import PortRange, PortSet
from licet.proof.proof import Difference, Fault, Proof, Unjudged

EXCESS = "L0420"
MISSING = "L0421"
PERHAPS_EXCESS = "L0422"
PERHAPS_MISSING = "L0423"
UNJUDGED = "L0424"
UNCLOSED = "L0425"

_LISTED = 3

_SETTLE = "name the peer so that nothing is left open, or put what is not known into the manifests"


def findings(proof: Proof) -> list[Diagnostic]:
    """Everything that keeps a proof from holding, and what it leaves out."""
    found = [_difference(one) for one in (*proof.excess, *proof.missing, *proof.unproved)]
    found.extend(_unjudged(one) for one in proof.unjudged)
    alike: dict[tuple[Direction, str], list[str]] = {}
    for one in proof.open:
        alike.setdefault((one.direction, one.reason), []).append(str(one.key))
    found.extend(_open(direction, reason, keys) for (direction, reason), keys in alike.items())
    return found


def _difference(one: Difference) -> Diagnostic:
    match one.fault:
        case Fault.EXCESS:
            return _excess(one)
        case Fault.MISSING:
            return _missing(one)
        case Fault.PERHAPS_EXCESS:
            return _perhaps_excess(one)
        case Fault.PERHAPS_MISSING:
            return _perhaps_missing(one)
        case _:
            assert_never(one.fault)


def _excess(one: Difference) -> Diagnostic:
    src, dst, on = _ends(one)
    return Diagnostic(
        EXCESS,
        Severity.ERROR,
        f"`{src}` reaches `{dst}` on {on}, which nobody agreed to",
        _where(one),
        label="lets it through" if _is_at_rule(one) else "",
        help="take it out of the policy, or agree to it: a call in one contract, a caller in the other",
        notes=_notes(one),
        related=_related(one),
    )


def _missing(one: Difference) -> Diagnostic:
    src, dst, on = _ends(one)
    return Diagnostic(
        MISSING,
        Severity.ERROR,
        f"`{src}` does not reach `{dst}` on {on}, though that is agreed",
        _where(one),
        label="refuses it" if _is_at_rule(one) else "",
        help="let the policies of both sides allow it, as `licet compile` writes them",
        notes=_notes(one),
        related=_related(one),
    )


def _perhaps_excess(one: Difference) -> Diagnostic:
    src, dst, on = _ends(one)
    return Diagnostic(
        PERHAPS_EXCESS,
        Severity.ERROR,
        f"`{src}` may reach `{dst}` on {on}, which nobody agreed to",
        _where(one),
        label="may let it through" if _is_at_rule(one) else "",
        help=_SETTLE,
        notes=_notes(one),
        related=_related(one),
    )


def _perhaps_missing(one: Difference) -> Diagnostic:
    src, dst, on = _ends(one)
    return Diagnostic(
        PERHAPS_MISSING,
        Severity.ERROR,
        f"it is not certain that `{src}` reaches `{dst}` on {on}, though that is agreed",
        _where(one),
        label="may refuse it" if _is_at_rule(one) else "",
        help=_SETTLE,
        notes=_notes(one),
        related=_related(one),
    )


def _ends(one: Difference) -> tuple[str, str, PortSet]:
    witness = one.witness
    return witness.src, witness.dst, PortSet.of(PortRange(witness.protocol, witness.port, witness.port))


def _is_at_rule(one: Difference) -> bool:
    return one.cause is not None and one.cause.place is not None


def _where(one: Difference) -> Place | None:
    """The rule that decides, where there is one: there the way out begins."""
    return one.cause.place if one.cause is not None and one.cause.place is not None else one.isolation


def _notes(one: Difference) -> tuple[str, ...]:
    src, dst, on = _ends(one)
    notes = [f"witness: {src} -> {dst}, {on}"]
    if one.ports != on:
        notes.append(f"differs on {one.ports}")
    if one.cause is not None:
        notes.append(one.cause.text)
    notes.extend(f"hangs on: {assumption}" for assumption in one.assumptions)
    if one.count > 1:
        notes.append(f"{one.count:,} pairs of endpoints " + ("for this cause" if one.cause is not None else "more"))
    return tuple(notes)


def _related(one: Difference) -> tuple[Related, ...]:
    if one.agreement is not None:
        return tuple(_sides(one.agreement))
    if one.isolation is not None and _is_at_rule(one):
        return (Related(one.isolation, "this makes it default-deny"),)
    return ()


def _sides(agreement: Agreement) -> Iterator[Related]:
    if agreement.caller is not None:
        yield Related(agreement.caller, "the call")
    if agreement.callee is not None:
        yield Related(agreement.callee, "the caller is admitted here")


def _unjudged(one: Unjudged) -> Diagnostic:
    src, dst = end_text(one.agreement.src), end_text(one.agreement.dst)
    where: Place | None = one.agreement.caller or one.agreement.callee
    return Diagnostic(
        UNJUDGED,
        Severity.INFO,
        f"whether `{src}` reaches `{dst}` is not judged",
        where,
        help="a target that knows names and identities can enforce it; policies of addresses cannot",
        notes=(one.reason,),
    )


def _open(direction: Direction, reason: str, keys: Sequence[str]) -> Diagnostic:
    way = "from" if direction is Direction.INGRESS else "to"
    return Diagnostic(
        UNCLOSED,
        Severity.WARNING,
        f"traffic of {listed(keys, _LISTED)} {way} addresses outside is not refused",
        help="compile for a second target that can, such as `networkpolicy`",
        notes=(reason,),
    )
