"""Every agreement, seen from each side that is enforced: what can be written of it, and how faithful that is."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from licet.compile import findings
from licet.compile.compiled import Fidelity, Level
from licet.compile.peers import Carried, Surroundings, carry
from licet.compile.plan import Parties, Planned, sides_of
from licet.contracts.agreement import Agreement, Agreements, end_text
from licet.contracts.contract import Need
from licet.diag.diagnostic import Diagnostic
from licet.model.key import Key
from licet.model.policy import Direction

_WORST_FIRST = (Level.UNSUPPORTED, Level.WIDENED, Level.EXACT)


class Sides(msgspec.Struct, frozen=True):
    """What each enforced side makes of an agreement, by its position."""

    carried: Mapping[tuple[int, Direction], Carried]

    def of(self, at: int, direction: Direction) -> Carried | None:
        """One side of one agreement; None where that side is not enforced."""
        return self.carried.get((at, direction))


def sides(agreements: Agreements, planned: Planned, around: Surroundings) -> Sides:
    """Both sides of every agreement, as far as they are enforced."""
    carried: dict[tuple[int, Direction], Carried] = {}
    parties = Parties(agreements, around.selections)
    for at, agreement in enumerate(agreements.agreements):
        for direction, end in sides_of(agreement):
            own = [key for key in parties.of(end, direction) if key not in planned.refused]
            if isinstance(end, Key) and end in planned.refused:
                carried[at, direction] = Carried(Level.UNSUPPORTED, None, f"`{end}`: {planned.refused[end]}")
            elif own and (direction is Direction.EGRESS or any(agreements.isolated[key].ingress for key in own)):
                carried[at, direction] = carry(agreement, direction, around)
    return Sides(carried)


def without(found: Sides, lost: Mapping[tuple[int, Direction], str]) -> Sides:
    """The same, but for agreements that no longer fit into a policy, with the reason for each."""
    way_out = "let fewer peers and ports be reached, or compile `networkpolicy`, which has no such limit"
    changed = {one: Carried(Level.UNSUPPORTED, None, reason, way_out) for one, reason in lost.items()}
    return Sides({**found.carried, **changed})


def judge(agreements: Agreements, found: Sides, target: str) -> tuple[tuple[Fidelity, ...], tuple[Diagnostic, ...]]:
    """How each agreement came out, and a finding for each that the target has no words for."""
    fidelity: list[Fidelity] = []
    diagnostics: list[Diagnostic] = []
    for at, agreement in enumerate(agreements.agreements):
        own = [side for direction in Direction if (side := found.of(at, direction)) is not None]
        if not own:
            continue
        worst = min(own, key=lambda side: (_WORST_FIRST.index(side.level), side.left_open, not side.way_out))
        fidelity.append(Fidelity(agreement, worst.level, worst.reason))
        if worst.level is Level.UNSUPPORTED and worst.way_out:
            diagnostics.append(_finding(agreement, worst, target))
    return tuple(fidelity), tuple(diagnostics)


def _finding(agreement: Agreement, side: Carried, target: str) -> Diagnostic:
    where = agreement.caller or agreement.callee
    edge = f"`{end_text(agreement.src)} -> {end_text(agreement.dst)}`, {agreement.ports},"
    if side.left_open:
        return findings.left_open(where, edge, target, side.reason, side.way_out)
    needed = agreement.need is not Need.OPTIONAL
    return findings.unsupported(where, edge, target, side.reason, side.way_out, needed=needed)
