"""When authorities come and go: a pure function of what there is and the time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec

from licet.identity.authority import Authority, Kind, Standing, active, prepared
from licet.identity.lifetimes import RATIO, Lifetimes

_PREPARE = 0.5
_ACTIVATE = 1 - 1 / RATIO


class Prepare(msgspec.Struct, frozen=True):
    """Make a new authority of this kind and publish it, unused."""

    kind: Kind


class Activate(msgspec.Struct, frozen=True):
    """Let the prepared authority sign; the one that signed so far retires, with what it issued intermediates for."""

    authority: Authority


class Revoke(msgspec.Struct, frozen=True):
    """Believe the authority no more, and destroy its key."""

    authority: Authority


Step: TypeAlias = Prepare | Activate | Revoke


def plan(authorities: Sequence[Authority], now: datetime, lifetimes: Lifetimes) -> tuple[Step, ...]:
    """What is due now, the most urgent first. Doing it and asking again ends with nothing to do.

    A root is always in reserve, so that a compromised one can be replaced by a key that everyone believes already; a
    reserve past half its life is renewed, since it was never used nothing hangs on it. Intermediates and JWT keys are
    prepared at half-life. Each is activated when a sixth of its forerunner's life is left, which is when a full-length
    certificate no longer fits (Lifetimes.check).
    """
    return tuple(step for kind in Kind for step in _plan(kind, authorities, now, lifetimes))


def _plan(kind: Kind, authorities: Sequence[Authority], now: datetime, lifetimes: Lifetimes) -> list[Step]:
    signing, waiting = active(authorities, kind), prepared(authorities, kind)
    steps: list[Step] = []
    fresh = waiting is not None and waiting.age(now) < _PREPARE
    if not fresh and (kind is Kind.ROOT or signing is None or signing.age(now) >= _PREPARE):
        steps.append(Prepare(kind))
    due = signing is None or signing.age(now) >= _ACTIVATE
    if waiting is not None and waiting.age(now) < 1 and due and _settled(waiting, signing, now, lifetimes):
        steps.append(Activate(waiting))
    steps += (Revoke(a) for a in authorities if a.kind is kind and _over(a, waiting, fresh, now, lifetimes))
    return steps


def _settled(waiting: Authority, signing: Authority | None, now: datetime, lifetimes: Lifetimes) -> bool:
    """Whether everyone can be expected to believe it: it was published long enough ago, or there is no time left."""
    if waiting.kind is Kind.INTERMEDIATE or signing is None or signing.age(now) >= 1:
        return True
    wait = lifetimes.propagation if waiting.kind is Kind.ROOT else min(lifetimes.propagation, lifetimes.jwt)
    return now - waiting.changed_at >= timedelta(seconds=wait)


def _over(authority: Authority, newest: Authority | None, fresh: bool, now: datetime, lifetimes: Lifetimes) -> bool:
    """Whether nothing that it signed can still be valid; what is tainted may be taken out earlier by hand."""
    match authority.standing:
        case Standing.RETIRED | Standing.TAINTED:
            return now >= min(authority.changed_at + lifetimes.believed, authority.not_after)
        case Standing.PREPARED:
            return (fresh and authority is not newest) or now >= authority.not_after
        case Standing.ACTIVE | Standing.REVOKED:
            return False
