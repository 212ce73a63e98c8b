"""What is watched: the parts of one process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from licet.audit.ledger import Ledger
from licet.audit.log import head
from licet.identity.domain import State
from licet.identity.issuer import Issuer
from licet.identity.lifetimes import guaranteed_budget
from licet.identity.node.agent import Agent
from licet.identity.node.credentials import Credentials
from licet.identity.node.roster import Known, roster
from licet.identity.node.server import NodeServer
from licet.identity.renewal import JITTER
from licet.identity.server import Server
from licet.identity.workload.front import Front
from licet.store.database import Database
from licet.store.moment import moment


class Serving(msgspec.Struct, frozen=True):
    """The parts of a server; `port` is there where agents of other machines are served."""

    server: Server
    issuer: Issuer
    ledger: Ledger
    database: Database
    port: NodeServer | None = None


class Subject(msgspec.Struct, frozen=True):
    """The parts of a process; what it has not got is None."""

    clock: Callable[[], datetime]
    serving: Serving | None = None
    agent: Agent | None = None
    front: Front | None = None
    credentials: Credentials | None = None


class Stored(msgspec.Struct, frozen=True):
    """What the database alone says, at one moment."""

    nodes: tuple[Known, ...]
    records: int
    checkpoint_at: datetime | None


def read(connection: Connection) -> Stored:
    """What stands there now."""
    newest = head(connection)
    return Stored(roster(connection), newest.size if newest else 0, moment(newest.at) if newest else None)


def budget(state: State) -> timedelta:
    """How long a server may be away, whenever that begins, before the first identity of a node that renews expires."""
    lifetimes = state.settings.lifetimes
    shortest = min((entry.x509_lifetime or lifetimes.x509 for entry in state.entries.values()), default=lifetimes.x509)
    return guaranteed_budget(msgspec.structs.replace(lifetimes, x509=shortest), JITTER)
