"""Which sidecars there are, as the database remembers them.

An instance is known from when its sidecar connects. One that is connected to no control plane is still known for a
while, since what is gone may be the connection alone: others reach it, and what it serves is unchanged. So a control
plane that was away takes nobody for gone when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from licet.mesh.sidecar import Instance, Sidecar
from licet.store import tables
from licet.store.moment import moment, text

_COLUMNS = tables.instance.c
PATIENCE = timedelta(minutes=2)
"""How long an instance is known that no control plane is connected to."""


def known(connection: Connection) -> Mapping[str, tuple[Instance, ...]]:
    """The instances of each workload, by its id."""
    found: dict[str, list[Instance]] = {}
    for row in connection.execute(select(_COLUMNS.workload, _COLUMNS.id, _COLUMNS.address)):
        found.setdefault(row.workload, []).append(Instance(row.id, row.address))
    return {workload: tuple(sorted(instances)) for workload, instances in found.items()}


def version(connection: Connection) -> tuple[int, str]:
    """Something that is another after every change; cheap, to be asked often."""
    row = connection.execute(select(func.count(), func.max(_COLUMNS.changed_at)).select_from(tables.instance)).one()
    return int(row[0]), str(row[1])


def joined(connection: Connection, sidecars: Iterable[Sidecar], server: str, at: datetime) -> None:
    """Remember sidecars that have connected to this control plane.

    What is written is later than all that was written before, whatever the clocks of several control planes say.
    """
    newest = connection.execute(select(func.max(_COLUMNS.changed_at))).scalar()
    if newest is not None:
        at = max(at, moment(newest) + timedelta(microseconds=1))
    for sidecar in sidecars:
        values = {
            "workload": str(sidecar.workload),
            "identity": sidecar.identity,
            "address": sidecar.address,
            "server": server,
            "changed_at": text(at),
            "left_at": None,
        }
        row = _COLUMNS.id == sidecar.id
        if connection.execute(update(tables.instance).where(row).values(values)).rowcount == 0:
            connection.execute(insert(tables.instance).values(id=sidecar.id, **values))


def left(connection: Connection, ids: Iterable[str], server: str, at: datetime) -> None:
    """Remember since when sidecars are away, but for those that another control plane has by now."""
    for id in ids:
        row = (_COLUMNS.id == id) & (_COLUMNS.server == server) & _COLUMNS.left_at.is_(None)
        connection.execute(update(tables.instance).where(row).values(left_at=text(at)))


def abandoned(connection: Connection, server: str, at: datetime) -> None:
    """Count whatever this control plane had before it was started as away from now on."""
    row = (_COLUMNS.server == server) & _COLUMNS.left_at.is_(None)
    connection.execute(update(tables.instance).where(row).values(left_at=text(at)))


def forget(connection: Connection, at: datetime) -> int:
    """Forget those that have been away for longer than one waits; how many they were."""
    gone = _COLUMNS.left_at.is_not(None) & (_COLUMNS.left_at < text(at - PATIENCE))
    return int(connection.execute(delete(tables.instance).where(gone)).rowcount)
