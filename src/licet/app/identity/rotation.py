"""Rotation by hand, and the drill for a stolen key."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from licet.app.identity.domain import Domain, opened
from licet.app.identity.place import Place, now
from licet.diag.wording import instant
from licet.identity.authority import Authority, Kind, Standing, prepared
from licet.identity.domain import State, version
from licet.identity.errors import IdentityError
from licet.identity.node.roster import Condition, roster
from licet.identity.rotation import reserve
from licet.identity.succession import Succession

_PACE = 0.1


class Patience(msgspec.Struct, frozen=True):
    """Seconds: how long live nodes get to follow a step, and how long workloads get after that, who confirm nothing."""

    wait: float = 30.0
    settle: float = 3.0


class Step(msgspec.Struct, frozen=True):
    """What was done, and how many seconds after the start everyone who is live followed; `behind` names who did not."""

    done: str
    after: float
    behind: tuple[str, ...]


def rotate(place: Place, kind: Kind, *, force: bool, reissue: bool) -> State:
    """Let the next authority of this kind sign, preparing one where there is none.

    A root and a JWT key have to be published for a while first (`propagation`); until then this raises IdentityError
    that says how long, unless `force`. With `reissue` of intermediates every SVID is replaced at once.
    """
    with opened(place) as domain:
        at = now()

        def follow(succession: Succession) -> None:
            state = succession.state
            waiting = reserve(state.authorities, kind, at, state.settings.lifetimes) or succession.prepare(kind)
            if kind is not Kind.INTERMEDIATE and not force:
                _require_published(waiting, succession.state, at)
            succession.activate(waiting, tainting=reissue)
            succession.reconcile()

        domain.succeed(follow, at)
        return domain.state()


def prepare(place: Place, kind: Kind) -> State:
    """Publish a new authority of this kind, unused, where none is in reserve."""
    with opened(place) as domain:
        if prepared(domain.state().authorities, kind) is None:
            domain.succeed(lambda succession: succession.prepare(kind))
        return domain.state()


def replace_stolen(
    place: Place, id: str, patience: Patience, tell: Callable[[Step], None], *, keep: bool
) -> tuple[Authority, State]:
    """Replace a stolen key: taint it, have everything issued again, drop it from the bundle. The key, and the state.

    Every step waits for the nodes that are live. One that is away hears of everything when it is back; until then its
    workloads are refused by those of the others, which is the safe side. With `keep` the tainted authority stays in the
    bundle until `licet identity taint` runs again.
    """
    began = time.monotonic()
    with opened(place) as domain:
        stolen = chosen(domain.state(), id)

        def step(done: str, settle: float) -> None:
            behind = _followed(domain, patience.wait)
            time.sleep(settle)
            tell(Step(done, round(time.monotonic() - began, 2), behind))

        if stolen.standing is Standing.ACTIVE:
            state = domain.state()
            follower = reserve(state.authorities, stolen.kind, now(), state.settings.lifetimes)
            if follower is None:
                follower = domain.succeed(lambda succession: succession.prepare(stolen.kind))
            known = (now() - follower.changed_at).total_seconds()
            step("a successor is published", max(0.0, patience.settle - known))
        domain.succeed(lambda succession: succession.taint(stolen))
        step("the stolen key is tainted, and everything is issued again", 0.0 if keep else patience.settle)
        if not keep:
            domain.succeed(lambda succession: _drop(succession, stolen.id))
            step("the stolen key is believed no more", 0.0)
        return stolen, domain.state()


_SHORTEST = 8
"""Characters that name an authority. A slip of the finger does not find the one that has it by chance."""


def chosen(state: State, id: str) -> Authority:
    """The authority whose id begins like this; of an intermediate, its root.

    Without an id it is the root that signs, unless a stolen one was left tainted, by a run that ended before its end or
    was asked to keep it: that one is dropped first.
    """
    if not id:
        roots = [a for a in state.authorities if a.kind is Kind.ROOT]
        begun = [a for a in roots if a.standing is Standing.TAINTED]
        found = (begun or [a for a in roots if a.standing is Standing.ACTIVE])[:1]
    elif len(id) < _SHORTEST:
        raise IdentityError(f"`{id}` is too short to name an authority", f"{_SHORTEST} characters of its id or more")
    else:
        found = [a for a in state.authorities if a.id.startswith(id.lower()) and a.believed]
    if len(found) != 1:
        raise IdentityError(
            f"{len(found) or 'no'} ids of authorities begin with `{id}`", "`licet identity status` shows them"
        )
    if found[0].kind is Kind.INTERMEDIATE:
        return next(a for a in state.authorities if a.id == found[0].issuer)
    return found[0]


def live_nodes(domain: Domain, at: datetime) -> dict[str, int]:
    """The nodes that were heard of lately, and the version that each follows."""
    with domain.database.read() as connection:
        nodes = roster(connection)
    return {str(node.spiffe_id): node.applied_version for node in nodes if node.condition(at) is Condition.LIVE}


def _drop(succession: Succession, id: str) -> None:
    for authority in succession.state.authorities:
        if authority.id == id and authority.standing is not Standing.REVOKED:
            succession.revoke(authority, "its key is no longer secret")
    succession.reconcile()


def _followed(domain: Domain, wait: float) -> tuple[str, ...]:
    """Wait until every live node follows what is stored now; those that did not in time."""
    with domain.database.read() as connection:
        wanted = version(connection)
    deadline = time.monotonic() + wait
    while True:
        behind = tuple(sorted(name for name, applied in live_nodes(domain, now()).items() if applied < wanted))
        if not behind or time.monotonic() > deadline:
            return behind
        time.sleep(_PACE)


def _require_published(waiting: Authority, state: State, at: datetime) -> None:
    ready = waiting.changed_at + timedelta(seconds=state.settings.lifetimes.propagation)
    if at < ready:
        raise IdentityError(
            f"the next {waiting.kind.value} is published since {instant(waiting.changed_at)} only",
            f"rotate from {instant(ready)} on, when everyone has had time to learn of it, or add --force",
        )
