"""What the mesh comes to at one moment, as the database and the contracts tell it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, select

from licet.app.identity.domain import reading
from licet.app.identity.place import Place, now
from licet.app.mesh.declared import Declared
from licet.contracts.contract import Mode
from licet.identity.domain import load
from licet.mesh.fleet import Stage
from licet.mesh.rollout import Step, stages
from licet.store import tables
from licet.store.moment import moment


class Held(msgspec.Struct, frozen=True):
    """A workload that is held back, and since when."""

    step: Step
    since: datetime


class Standing(msgspec.Struct, frozen=True):
    """One workload. `mode` is what its contract says, None where none was read, and how its `stages` count then too.

    `away` are instances among them whose sidecar is connected nowhere.
    """

    workload: str
    identity: str
    mode: Mode | None
    held: Held | None
    instances: int
    stages: Mapping[Stage, int]
    away: int
    servers: tuple[str, ...]
    since: datetime | None
    revoked: bool


class Status(msgspec.Struct, frozen=True):
    """The mesh of a trust domain; `contracts` is whether any were read."""

    at: datetime
    trust_domain: str
    contracts: bool
    workloads: tuple[Standing, ...]


def status(place: Place, declared: Declared | None) -> Status:
    """The status now; needs no secret."""
    with reading(place) as connection:
        state = load(connection)
        rows = connection.execute(select(tables.instance).order_by(tables.instance.c.id)).all()
        held = {
            row.workload: Held(Step(Mode(row.mode), int(row.share), row.reason), moment(row.changed_at))
            for row in connection.execute(select(tables.rollout))
        }
    intents = {str(key): intent for key, intent in declared.intents.by_workload.items()} if declared else {}
    denied = frozenset(map(str, state.denied))
    by_workload: dict[str, list[Row[Any]]] = {}
    for row in rows:
        by_workload.setdefault(row.workload, []).append(row)
    found = []
    for workload in sorted({*intents, *held, *by_workload}):
        intent, own = intents.get(workload), by_workload.get(workload, [])
        identity = intent.identity if intent is not None else own[0].identity if own else ""
        step = held[workload].step if workload in held else None
        mode = intent.mode if intent is not None else None
        staged = stages(mode, step, (row.id for row in own)) if mode is not None else {}
        found.append(
            Standing(
                workload,
                identity,
                mode,
                held.get(workload),
                len(own),
                Counter(staged.values()),
                sum(row.left_at is not None for row in own),
                tuple(sorted({row.server for row in own if row.left_at is None})),
                min((moment(row.changed_at) for row in own), default=None),
                identity in denied,
            )
        )
    return Status(now(), str(state.trust_domain), declared is not None, tuple(found))
