"""What each sidecar is told, put together, and no part of it made anew that is as it was."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from licet.mesh.envoy import inbound, outbound
from licet.mesh.envoy.rbac import Policy, policy
from licet.mesh.fleet import Fleet, Stage
from licet.mesh.intent import Intent, Proof, Served
from licet.mesh.resource import Kind, Resource, Snapshot
from licet.mesh.sidecar import Sidecar
from licet.model.key import Key

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

_Resources = Mapping[Kind, tuple[Resource, ...]]


class _Kept(Generic[_K, _V]):
    """The last value for each key, and what it was made from."""

    def __init__(self) -> None:
        self._held: dict[_K, tuple[tuple[object, ...], _V]] = {}

    def get(self, key: _K, made_from: tuple[object, ...]) -> _V | None:
        held = self._held.get(key)
        return held[1] if held is not None and held[0] == made_from else None

    def put(self, key: _K, made_from: tuple[object, ...], value: _V) -> _V:
        self._held[key] = (made_from, value)
        return value

    def keep(self, keys: Iterable[_K]) -> None:
        """Drop everything else."""
        wanted = set(keys)
        self._held = {key: held for key, held in self._held.items() if key in wanted}


class Composer:
    """Makes snapshots. Of a fleet that differs little from the one before, little is made anew."""

    def __init__(self) -> None:
        self._policies: _Kept[tuple[Key, int, Stage], Policy] = _Kept()
        self._calls: _Kept[str, _Resources] = _Kept()
        self._captured: _Kept[str, tuple[Resource, ...]] = _Kept()
        self._own: _Kept[str, _Resources] = _Kept()
        self._whole: _Kept[str, Snapshot] = _Kept()

    def __call__(self, fleet: Fleet, sidecar: Sidecar) -> Snapshot:
        """Everything for this sidecar, whose workload a contract binds."""
        intent, stage = fleet.intents[sidecar.workload], fleet.stage(sidecar.id)
        policies = tuple(each for _, each in self.policies(fleet, intent, stage))
        calls = self._outgoing(fleet, intent, sidecar)
        own = self._serving(fleet, intent, sidecar)
        made_from = (own, policies, calls)
        kept = self._whole.get(sidecar.id, made_from)
        if kept is not None:
            return kept
        judging = {Kind.EXTENSION: tuple(r for each in policies for r in each.resources)}
        parts: tuple[_Resources, ...] = (own, judging, calls)
        snapshot = Snapshot.of({kind: [r for part in parts for r in part.get(kind, ())] for kind in Kind})
        return self._whole.put(sidecar.id, made_from, snapshot)

    def policies(self, fleet: Fleet, intent: Intent, stage: Stage) -> list[tuple[Served, Policy]]:
        """The policy of each port that a workload serves, at a stage."""
        found = []
        for served in intent.serves:
            key, made_from = (intent.key, served.port, stage), _judged_by(served, stage, fleet)
            kept = self._policies.get(key, made_from)
            found.append((served, kept or self._policies.put(key, made_from, policy(served, stage, fleet))))
        return found

    def forget(self, fleet: Fleet, ids: Iterable[str]) -> None:
        """Keep nothing of workloads that are not in the fleet any more, nor of sidecars other than these."""
        ids = frozenset(ids)
        ports = {(key, served.port) for key, intent in fleet.intents.items() for served in intent.serves}
        self._policies.keep((key, port, stage) for key, port in ports for stage in Stage)
        self._calls.keep(ids)
        self._captured.keep(ids)
        self._own.keep(ids)
        self._whole.keep(ids)

    def _serving(self, fleet: Fleet, intent: Intent, sidecar: Sidecar) -> _Resources:
        """What stands before the program, whoever may call."""
        stage = fleet.stage(sidecar.id)
        ports = tuple((served.port, served.speaks, served.strict) for served in intent.serves)
        made_from = (sidecar, stage, fleet.settings, intent.identity, ports)
        kept = self._own.get(sidecar.id, made_from)
        if kept is not None:
            return kept
        own: _Resources = {
            Kind.CLUSTER: inbound.programs(sidecar, intent),
            Kind.LISTENER: inbound.listeners(sidecar, intent, stage, fleet.settings),
            Kind.ROUTES: inbound.routes(intent),
        }
        return self._own.put(sidecar.id, made_from, own)

    def _outgoing(self, fleet: Fleet, intent: Intent, sidecar: Sidecar) -> _Resources:
        callees = {to.key: to for to in outbound.callees(sidecar, fleet)}
        where = (
            sidecar,
            fleet.stage(sidecar.id),
            fleet.settings,
            tuple(callees),
            tuple(fleet.instances.get(key) for key in callees),
            tuple(fleet.services.get(key) for key in callees),
        )
        made_from = (where, intent.calls, tuple(to.identities - fleet.denied for to in callees.values()))
        kept = self._calls.get(sidecar.id, made_from)
        if kept is not None:
            return kept
        listened_from = (
            where,
            tuple((each.to, each.ports, each.speaks, bool(each.http or each.grpc)) for each in intent.calls),
        )
        captured = self._captured.get(sidecar.id, listened_from)
        if captured is None:
            captured = self._captured.put(sidecar.id, listened_from, outbound.listeners(sidecar, fleet))
        return self._calls.put(sidecar.id, made_from, outbound.resources(sidecar, fleet, captured))


def _judged_by(served: Served, stage: Stage, fleet: Fleet) -> tuple[object, ...]:
    """Everything that a policy follows from."""
    bound: object = fleet.bound
    denied = fleet.denied
    if all(isinstance(rule.who, Proof) for rule in served.rules):
        callers = {each for rule in served.rules if isinstance(rule.who, Proof) for each in rule.who.identities}
        bound = {each: fleet.bound[each] for each in callers if each in fleet.bound}
        denied = fleet.denied & callers if stage is Stage.ENFORCE else fleet.denied
    return (served, denied, fleet.prober, bound)
