"""Why a request is let through or refused: a word for programs, a sentence for people, and a line of a contract."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from licet.diag.place import Place, Span
from licet.mesh.decision.standing import Standing
from licet.mesh.intent import DEFAULT_DENY, FOREIGN_ADDRESS, REVOKED, Intent, Served, Speaks
from licet.mesh.verdict import Decision, Request, decide, known
from licet.model.key import Key

Where: TypeAlias = Callable[[Place], Span | None]
"""Says which line a place is; None where its text is not at hand."""


class Reason(enum.StrEnum):
    """What a decision hangs on. All but the first refuse; from NOT_ASKED on nothing was decided by rules."""

    AGREED = "agreed"
    NO_CONTRACT = "no-contract"
    REVOKED = "revoked"
    FOREIGN_ADDRESS = "foreign-address"
    NOT_SERVED = "not-served"
    NO_IDENTITY = "no-identity"
    UNKNOWN_IDENTITY = "unknown-identity"
    NOT_ADMITTED = "not-admitted"
    NOT_AGREED = "not-agreed"
    NOT_ASKED = "not-asked"
    """Who asks may not ask about this workload."""
    NO_STATE = "no-state"
    UNSURE = "unsure"
    """The question cannot be read, or can be read in two ways."""


class Explained(msgspec.Struct, frozen=True):
    """A decision and why: `text` is one sentence, `contract` the line behind it as `file:line`, empty without one."""

    allowed: bool
    rule: str
    reason: Reason
    text: str
    contract: str = ""


def explain(standing: Standing, workload: Key, request: Request, where: Where) -> Explained:
    """The decision on a request, explained; `verdict.decide` alone says what it is."""
    decision = decide(standing.fleet, workload, request)
    intent = standing.fleet.intents.get(workload)
    if intent is None:
        return _explained(decision, Reason.NO_CONTRACT, f"no contract speaks of `{workload}`", where)
    who = f"`{request.identity}`" if request.identity else "who shows no identity"
    if decision.allowed:
        return _explained(decision, Reason.AGREED, f"{who} may: `{decision.rule}` is agreed", where)
    if decision.rule == REVOKED:
        return _explained(decision, Reason.REVOKED, f"{who} is revoked", where)
    if decision.rule == FOREIGN_ADDRESS:
        text = f"{who} does not run at {f'`{request.address}`' if request.address else 'an address that nobody knows'}"
        return _explained(decision, Reason.FOREIGN_ADDRESS, text, where)
    reason, text, place = _unmatched(standing, intent, request, who)
    return _explained(Decision(False, DEFAULT_DENY, place), reason, text, where)


def _unmatched(standing: Standing, intent: Intent, request: Request, who: str) -> tuple[Reason, str, Place | None]:
    """Why no rule let it through, with the nearest line that there is."""
    served = next((each for each in intent.serves if each.port == request.port), None)
    if served is None:
        return Reason.NOT_SERVED, f"`{intent.key}` serves nobody on port {request.port}", intent.place
    if served.strict and not request.identity:
        return (
            Reason.NO_IDENTITY,
            f"{who} is not heard on port {request.port}, where mutual TLS is strict",
            intent.place,
        )
    near = next((rule for rule in served.rules if known(rule, request)), None)
    if near is not None:
        asked = _asked(served, request)
        return Reason.NOT_AGREED, f"{who} may call port {request.port}, and {asked} is not agreed", near.place
    if request.identity and request.identity not in standing.agreed.identities:
        return Reason.UNKNOWN_IDENTITY, f"{who} is nobody that a contract speaks of", intent.place
    return Reason.NOT_ADMITTED, f"`{intent.key}` does not admit {who} on port {request.port}", intent.place


def _asked(served: Served, request: Request) -> str:
    if served.speaks is Speaks.HTTP and request.method:
        return f"`{request.method} {request.path}`"
    return "a connection without a request"


def _explained(decision: Decision, reason: Reason, text: str, where: Where) -> Explained:
    return Explained(decision.allowed, decision.rule, reason, text, line(decision.place, where))


def line(place: Place | None, where: Where) -> str:
    """A place as people write it: `file:line`, or the file alone where its text is not at hand."""
    if place is None:
        return ""
    span = where(place)
    return f"{span.source}:{span.line}" if span is not None else place.origin.source
