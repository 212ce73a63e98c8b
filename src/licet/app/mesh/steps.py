"""Steps of a rollout, as an administrator takes them."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, select

from licet.app.identity.domain import opened
from licet.app.identity.place import Place, administrator, now
from licet.audit.ledger import Change
from licet.mesh import rollout
from licet.mesh.errors import MeshError
from licet.mesh.rollout import Step
from licet.model.key import Pattern
from licet.store import tables
from licet.store.moment import text


class Held(msgspec.Struct, frozen=True):
    """A workload by its id, and whether a sidecar of it is known."""

    workload: str
    known: bool


def hold(place: Place, workload: str, step: Step) -> Held:
    """Hold a workload back from now on; raises MeshError."""

    def write(change: Change) -> Held:
        there = _instances(change.connection)
        meant = find(workload, there | _steps(change.connection))
        rollout.hold(change, meant, step, text(now()), administrator())
        return Held(meant, meant in there)

    with opened(place) as domain:
        return domain.change(write)


def release(place: Place, workload: str) -> str:
    """Have the contract alone decide again; the workload's id. Raises MeshError where nothing holds it back."""

    def write(change: Change) -> str:
        meant = find(workload, _instances(change.connection) | _steps(change.connection))
        rollout.release(change, meant, administrator())
        return meant

    with opened(place) as domain:
        return domain.change(write)


def find(asked: str, known: Collection[str]) -> str:
    """The id that is meant, of those known; one that is written in full may come later. Raises MeshError."""
    pattern = _pattern(asked)
    fitting = sorted(id for id in known if _fits(pattern, _pattern(id)))
    if asked in fitting:
        return asked
    if len(fitting) > 1:
        raise MeshError(f"`{asked}` may be {' or '.join(f'`{id}`' for id in fitting[:5])}", "write one of them")
    if fitting:
        return fitting[0]
    if pattern.namespace and pattern.kind:
        return asked
    raise MeshError(
        f"no sidecar of `{asked}` is known",
        "`licet mesh status` shows which are; write `shop/cart[Deployment]` for one that is yet to come",
    )


def _pattern(id: str) -> Pattern:
    try:
        return Pattern.parse(id)
    except ValueError:
        raise MeshError(f"`{id}` names no workload", "write `shop/cart`, or `shop/cart[Deployment]`") from None


def _fits(asked: Pattern, known: Pattern) -> bool:
    said = ((getattr(asked, part), getattr(known, part)) for part in Pattern.__struct_fields__)
    return all(wanted is None or wanted == found for wanted, found in said)


def _instances(connection: Connection) -> set[str]:
    return set(connection.execute(select(tables.instance.c.workload).distinct()).scalars())


def _steps(connection: Connection) -> set[str]:
    return set(connection.execute(select(tables.rollout.c.workload)).scalars())
