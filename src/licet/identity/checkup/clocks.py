"""Does the time pass here as it does elsewhere, and only forward?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select

from licet.diag.diagnostic import Diagnostic
from licet.identity import findings
from licet.identity.domain import State
from licet.identity.watch.subject import Stored
from licet.store import tables
from licet.store.moment import moment

_NOTICED = timedelta(seconds=2)


def examine_server(connection: Connection, state: State, clock: Callable[[], datetime]) -> Iterator[Diagnostic]:
    """This clock against that of the database's server; a file has none."""
    if connection.dialect.name != "postgresql":
        return
    before = clock()
    said: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    after = clock()
    apart = before + (after - before) / 2 - said.astimezone(UTC)
    if abs(apart) > max(_NOTICED, after - before):
        yield findings.clocks_differ(apart, timedelta(seconds=state.settings.lifetimes.backdate))


def examine_past(connection: Connection, state: State, stored: Stored, now: datetime) -> Iterator[Diagnostic]:
    """What is stored happened before now."""
    last = connection.execute(select(func.max(tables.issuance.c.not_after))).scalar()
    lifetimes = state.settings.lifetimes
    happened = {
        "the newest checkpoint of the log": stored.checkpoint_at,
        "the last sign of a node": max((node.seen_at for node in stored.nodes), default=None),
        "the last change of an authority": max((each.changed_at for each in state.authorities), default=None),
        "the last issuance": moment(last) - timedelta(seconds=max(lifetimes.longest, lifetimes.x509)) if last else None,
    }
    for what, at in happened.items():
        if at is not None and at - now > _NOTICED:
            yield findings.from_the_future(what, at - now)
