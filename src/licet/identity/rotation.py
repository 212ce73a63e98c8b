"""When authorities come and go: a pure function of what there is and the time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

import msgspec

from licet.identity.authority import Authority, Kind, Standing, active
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


def plan(
    authorities: Sequence[Authority], now: datetime, lifetimes: Lifetimes, kinds: Collection[Kind] = tuple(Kind)
) -> tuple[Step, ...]:
    """What is due now, the most urgent first. Doing it and asking again ends with nothing to do.

    A root is always in reserve, so that a compromised one can be replaced by a key that everyone believes already; a
    reserve past half its life is renewed, since it was never used nothing hangs on it. Intermediates and JWT keys are
    prepared at half-life. Each is activated when a sixth of its forerunner's life is left, which is when a full-length
    certificate no longer fits (Lifetimes.check). One that begins in the future, since a clock was wrong when it was
    made, is replaced as one that ended.
    """
    return tuple(step for kind in Kind if kind in kinds for step in _plan(kind, authorities, now, lifetimes))


def reserve(authorities: Iterable[Authority], kind: Kind, now: datetime, lifetimes: Lifetimes) -> Authority | None:
    """The prepared authority to turn to in need: the newest that everyone can be expected to believe, or the newest."""
    usable = [
        a
        for a in authorities
        if a.kind is kind and a.standing is Standing.PREPARED and a.not_before <= now and _lasts(a, now, lifetimes)
    ]
    return max(usable, key=lambda a: (_announced(a, now, lifetimes), a.not_before), default=None)


def _plan(kind: Kind, authorities: Sequence[Authority], now: datetime, lifetimes: Lifetimes) -> list[Step]:
    signing, newest = active(authorities, kind), _newest(kind, authorities, now, lifetimes)
    steps: list[Step] = []
    fresh = newest is not None and newest.age(now) < _PREPARE
    wanted = kind is Kind.ROOT or signing is None or not 0 <= signing.age(now) < _PREPARE
    if not fresh and wanted and _outlives(kind, authorities, newest, now, lifetimes):
        steps.append(Prepare(kind))
    ready = reserve(authorities, kind, now, lifetimes)
    if ready is not None and _due(signing, now, lifetimes) and _settled(ready, signing, now, lifetimes):
        steps.append(Activate(ready))
    steps += (Revoke(a) for a in authorities if a.kind is kind and _over(a, newest, fresh, now, lifetimes))
    return steps


def _newest(kind: Kind, authorities: Sequence[Authority], now: datetime, lifetimes: Lifetimes) -> Authority | None:
    waiting = (a for a in authorities if a.kind is kind and a.standing is Standing.PREPARED)
    usable = (a for a in waiting if a.not_before <= now and _lasts(a, now, lifetimes))
    return max(usable, key=lambda a: a.not_before, default=None)


def _lasts(authority: Authority, now: datetime, lifetimes: Lifetimes) -> bool:
    """Whether the longest certificate still fits."""
    return authority.not_after - now >= timedelta(seconds=lifetimes.longest)


def _outlives(
    kind: Kind, authorities: Sequence[Authority], newest: Authority | None, now: datetime, lifetimes: Lifetimes
) -> bool:
    """Whether one that is made now would be of use: an intermediate ends with its root at the latest."""
    if kind is not Kind.INTERMEDIATE:
        return True
    above, signing = active(authorities, Kind.ROOT), active(authorities, kind)
    if above is None or not 0 <= above.age(now) < 1:
        return False
    ends = min(now + timedelta(seconds=lifetimes.intermediate), above.not_after)
    return all(ends > each.not_after for each in (signing, newest) if each is not None and each.not_before <= now)


def _due(signing: Authority | None, now: datetime, lifetimes: Lifetimes) -> bool:
    return signing is None or not 0 <= signing.age(now) < _ACTIVATE or not _lasts(signing, now, lifetimes)


def _settled(waiting: Authority, signing: Authority | None, now: datetime, lifetimes: Lifetimes) -> bool:
    """Whether everyone can be expected to believe it: it was published long enough ago, or there is no time left."""
    return signing is None or not _lasts(signing, now, lifetimes) or _announced(waiting, now, lifetimes)


def _announced(waiting: Authority, now: datetime, lifetimes: Lifetimes) -> bool:
    wait = {
        Kind.ROOT: lifetimes.propagation,
        Kind.INTERMEDIATE: 0,
        Kind.JWT: min(lifetimes.propagation, lifetimes.jwt),
    }
    return now - waiting.changed_at >= timedelta(seconds=wait[waiting.kind])


def _over(authority: Authority, newest: Authority | None, fresh: bool, now: datetime, lifetimes: Lifetimes) -> bool:
    """Whether nothing that it signed can still be valid; what is tainted may be taken out earlier by hand."""
    match authority.standing:
        case Standing.RETIRED | Standing.TAINTED if authority.kind is Kind.JWT:
            # No certificate ends its tokens with it.
            return now >= min(authority.changed_at, authority.not_after) + lifetimes.believed
        case Standing.RETIRED | Standing.TAINTED if authority.kind is Kind.ROOT:
            # What is destroyed at a moment's wrong time is gone for good, so that a root's own end destroys nothing;
            # one that retired before it began was replaced by a clock that was late, and stays until its end.
            since = authority.changed_at if authority.changed_at >= authority.not_before else authority.not_after
            return now >= since + lifetimes.believed
        case Standing.RETIRED | Standing.TAINTED:
            return now >= min(authority.changed_at + lifetimes.believed, authority.not_after)
        case Standing.PREPARED:
            replaced = fresh and newest is not None and _announced(newest, now, lifetimes)
            ended = authority.kind is not Kind.ROOT and now >= authority.not_after
            return (replaced and authority is not newest) or ended
        case Standing.ACTIVE | Standing.REVOKED:
            return False
