"""Where agreed and permitted differ, as findings, L0420 to L0439."""

from __future__ import annotations

from collections.abc import Iterator

from licet.contracts.agreement import Agreement, end_text
from licet.diag.diagnostic import Diagnostic, Related, Severity
from licet.diag.place import Place
from licet.model.ports import PortRange, PortSet
from licet.proof.proof import Difference, Fault, Open, Proof, Unjudged

EXCESS = "L0420"
MISSING = "L0421"
PERHAPS_EXCESS = "L0422"
PERHAPS_MISSING = "L0423"
UNJUDGED = "L0424"
UNCLOSED = "L0425"

_CODES = {
    Fault.EXCESS: EXCESS,
    Fault.MISSING: MISSING,
    Fault.PERHAPS_EXCESS: PERHAPS_EXCESS,
    Fault.PERHAPS_MISSING: PERHAPS_MISSING,
}
_MESSAGES = {
    Fault.EXCESS: "`{src}` reaches `{dst}` on {on}, which nobody agreed to",
    Fault.MISSING: "`{src}` does not reach `{dst}` on {on}, though both agreed to it",
    Fault.PERHAPS_EXCESS: "`{src}` may reach `{dst}` on {on}, which nobody agreed to",
    Fault.PERHAPS_MISSING: "it is not certain that `{src}` reaches `{dst}` on {on}, though both agreed to it",
}
_LABELS = {
    Fault.EXCESS: "lets it through",
    Fault.MISSING: "refuses it",
    Fault.PERHAPS_EXCESS: "may let it through",
    Fault.PERHAPS_MISSING: "may refuse it",
}
_HELP = {
    Fault.EXCESS: "take it out of the policy, or agree to it: a call in one contract, a caller in the other",
    Fault.MISSING: "let the policies of both sides allow it, as `licet compile` writes them",
    Fault.PERHAPS_EXCESS: "name the peer so that nothing is left open, or put what is not known into the manifests",
    Fault.PERHAPS_MISSING: "name the peer so that nothing is left open, or put what is not known into the manifests",
}


def findings(proof: Proof) -> list[Diagnostic]:
    """Everything that keeps a proof from holding, and what it leaves out."""
    found = [_difference(one) for one in (*proof.excess, *proof.missing, *proof.unproved)]
    found.extend(_unjudged(one) for one in proof.unjudged)
    found.extend(_open(one) for one in proof.open)
    return found


def _difference(one: Difference) -> Diagnostic:
    """At the rule that decides, where there is one: there the way out begins."""
    cause = one.cause
    witness = one.witness
    on = PortSet.of(PortRange(witness.protocol, witness.port, witness.port))
    notes = [f"witness: {witness.src} -> {witness.dst}, {on}"]
    if one.ports != on:
        notes.append(f"differs on {one.ports}")
    if cause is not None:
        notes.append(cause.text)
    notes.extend(f"hangs on: {assumption}" for assumption in one.assumptions)
    if one.count > 1:
        notes.append(f"{one.count:,} pairs of endpoints for this cause")
    at_rule = cause is not None and cause.place is not None
    where = cause.place if cause is not None and cause.place is not None else one.isolation
    related = list(_sides(one.agreement)) if one.agreement is not None else []
    if one.isolation is not None and at_rule and one.agreement is None:
        related.append(Related(one.isolation, "this makes it default-deny"))
    return Diagnostic(
        _CODES[one.fault],
        Severity.ERROR,
        _MESSAGES[one.fault].format(src=witness.src, dst=witness.dst, on=on),
        where,
        label=_LABELS[one.fault] if at_rule else "",
        help=_HELP[one.fault],
        notes=tuple(notes),
        related=tuple(related),
    )


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


def _open(one: Open) -> Diagnostic:
    way = "from" if one.direction.value == "ingress" else "to"
    return Diagnostic(
        UNCLOSED,
        Severity.WARNING,
        f"traffic of `{one.key}` {way} addresses outside is not refused",
        help="compile for a second target that can, such as `networkpolicy`",
        notes=(one.reason,),
    )
