"""How far a contract is enforced by which sidecars: the contract says where to, a step holds back on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from licet.audit.event import Detail, Event
from licet.audit.ledger import Change
from licet.contracts.contract import Mode
from licet.identity.registry import bump
from licet.mesh.errors import MeshError
from licet.mesh.fleet import Stage
from licet.model.key import Key
from licet.store import tables

ORDER = (Mode.OBSERVE, Mode.SHADOW, Mode.CANARY, Mode.ENFORCE)
"""From what refuses nothing to what refuses everything that was not agreed."""
CANARY_SHARE = 10
"""Percent of the instances that a canary enforces on, where nobody said otherwise."""


class Step(msgspec.Struct, frozen=True):
    """A workload held back at a mode, whatever further one its contract says; `share` is in percent, of a canary."""

    mode: Mode
    share: int = CANARY_SHARE
    reason: str = ""


def effective(contract: Mode, step: Step | None) -> tuple[int, int]:
    """How far a workload is enforced, to be compared: the place of its mode in `ORDER`, and the share in percent."""
    mode = min(contract, step.mode, key=ORDER.index) if step is not None else contract
    return ORDER.index(mode), share(step) if mode is Mode.CANARY else 100


def share(step: Step | None) -> int:
    """The percentage of instances that a canary enforces on."""
    return step.share if step is not None and step.mode is Mode.CANARY else CANARY_SHARE


def stages(contract: Mode, step: Step | None, ids: Iterable[str]) -> dict[str, Stage]:
    """The stage of each instance of one workload, by node id.

    A canary enforces on the share of instances that come first by a hash of their ids, rounded up, so that it is the
    same instances at every restart, and more of them, never others, as the share grows.
    """
    mode = min(contract, step.mode, key=ORDER.index) if step is not None else contract
    ranked = sorted(ids, key=lambda id: hashlib.sha256(id.encode()).digest())
    match mode:
        case Mode.CANARY:
            enforced = -(-len(ranked) * share(step) // 100)
            return {id: Stage.ENFORCE if at < enforced else Stage.SHADOW for at, id in enumerate(ranked)}
        case Mode.ENFORCE:
            return dict.fromkeys(ranked, Stage.ENFORCE)
        case Mode.SHADOW:
            return dict.fromkeys(ranked, Stage.SHADOW)
        case Mode.OBSERVE:
            return dict.fromkeys(ranked, Stage.OBSERVE)


def steps(connection: Connection) -> Mapping[str, Step]:
    """Every workload that is held back, by its id."""
    rows = connection.execute(select(tables.rollout))
    return {row.workload: Step(Mode(row.mode), int(row.share), row.reason) for row in rows}


def hold(change: Change, workload: Key | str, step: Step, at: str, actor: dict[str, Detail]) -> None:
    """Hold a workload back at this step from this commit on; raises MeshError for a share that is none."""
    if not 1 <= step.share <= 100:
        raise MeshError(f"a canary cannot be on {step.share} % of the instances", "between 1 and 100")
    row = tables.rollout.c.workload == str(workload)
    values = {"mode": step.mode.value, "share": step.share, "reason": step.reason, "changed_at": at}
    if change.connection.execute(update(tables.rollout).where(row).values(values)).rowcount == 0:
        change.connection.execute(insert(tables.rollout).values(workload=str(workload), **values))
    bump(change)
    facts: dict[str, Detail] = {"workload": str(workload), "mode": step.mode.value, "share": step.share}
    change.record(Event("rollout.held", actor, {**facts, "reason": step.reason}))


def release(change: Change, workload: Key | str, actor: dict[str, Detail]) -> None:
    """Have the contract alone decide again; raises MeshError where nothing holds the workload back."""
    row = tables.rollout.c.workload == str(workload)
    if change.connection.execute(delete(tables.rollout).where(row)).rowcount == 0:
        raise MeshError(f"`{workload}` is not held back", "`licet mesh status` shows what is")
    bump(change)
    change.record(Event("rollout.released", actor, {"workload": str(workload)}))
