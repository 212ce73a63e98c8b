"""What rotation will do next, and when: its own plan, asked about moments to come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from licet.identity.authority import Authority, Standing
from licet.identity.lifetimes import RATIO, Lifetimes
from licet.identity.rotation import Activate, Prepare, Revoke, Step, plan

_PARTS = (0.5, 1 - 1 / RATIO, 1.0)
_AFTER = timedelta(seconds=1)
"""Past a moment that is computed in fractions, so that rounding does not make it one too early."""


class Due(msgspec.Struct, frozen=True):
    """A step of rotation and when it is due."""

    step: Step
    at: datetime


def forecast(authorities: Sequence[Authority], now: datetime, lifetimes: Lifetimes) -> dict[str, Due]:
    """What happens next to each authority that is believed, by its id, if nobody does anything by hand.

    To one that signs it is what is done for its succession, to one in reserve that it follows or is replaced. What is
    due already is due now.
    """
    moments = sorted({now, *(at for each in authorities for at in _turns(each, lifetimes) if at > now)})
    found: dict[str, Due] = {}
    for at in moments:
        for step in plan(authorities, at, lifetimes):
            for each in authorities:
                if each.believed and each.id not in found and _concerns(step, each):
                    found[each.id] = Due(step, at)
    return found


def _turns(authority: Authority, lifetimes: Lifetimes) -> Iterator[datetime]:
    life = authority.not_after - authority.not_before
    yield from (authority.not_before + life * part + _AFTER for part in _PARTS)
    for wait in (lifetimes.believed, timedelta(seconds=lifetimes.propagation), timedelta(seconds=lifetimes.jwt)):
        yield authority.changed_at + wait


def _concerns(step: Step, authority: Authority) -> bool:
    match step:
        case Prepare(kind):
            return authority.kind is kind and authority.standing in (Standing.ACTIVE, Standing.PREPARED)
        case Activate(follower):
            return authority.kind is follower.kind and (
                authority.id == follower.id or authority.standing is Standing.ACTIVE
            )
        case Revoke(over):
            return authority.id == over.id
