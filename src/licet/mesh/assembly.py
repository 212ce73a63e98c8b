"""A fleet, put together from what each part of it is known by."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from licet.mesh.fleet import Fleet, Front, Settings, Stage
from licet.mesh.intent import Intent
from licet.mesh.rollout import Step, stages
from licet.mesh.sidecar import Instance
from licet.model.key import Key


class Known(msgspec.Struct, frozen=True):
    """What is known at one moment; `instances` and `steps` stand by the workload's id.

    `coming` are node ids of instances that do not hold their policies yet: they are believed, and not called.
    """

    trust_domain: str
    prober: str
    intents: Mapping[Key, Intent] = {}
    instances: Mapping[str, tuple[Instance, ...]] = {}
    steps: Mapping[str, Step] = {}
    denied: frozenset[str] = frozenset()
    settings: Settings = Settings()
    coming: frozenset[str] = frozenset()
    services: Mapping[Key, tuple[Front, ...]] = {}


def assemble(known: Known) -> Fleet:
    """The fleet. Instances of workloads that no contract binds any more are left out."""
    instances = {key: known.instances.get(str(key), ()) for key in known.intents}
    staged: dict[str, Stage] = {}
    for key, intent in known.intents.items():
        staged.update(stages(intent.mode, known.steps.get(str(key)), (each.id for each in instances[key])))
    return Fleet(
        known.trust_domain,
        known.intents,
        _called(instances, known.coming) if known.coming else instances,
        staged,
        known.denied,
        _bound(known.intents, instances) if known.settings.bind_addresses else {},
        known.prober,
        known.settings,
        known.services,
    )


def _called(
    instances: Mapping[Key, tuple[Instance, ...]], coming: frozenset[str]
) -> Mapping[Key, tuple[Instance, ...]]:
    return {key: tuple(each for each in held if each.id not in coming) for key, held in instances.items()}


def _bound(
    intents: Mapping[Key, Intent], instances: Mapping[Key, tuple[Instance, ...]]
) -> Mapping[str, frozenset[str]]:
    """The addresses of each identity, where every workload that bears it has instances that are known."""
    found: dict[str, set[str]] = {}
    unknown = {intent.identity for key, intent in intents.items() if not instances[key]}
    for key, intent in intents.items():
        if intent.identity not in unknown:
            found.setdefault(intent.identity, set()).update(each.address for each in instances[key])
    return {identity: frozenset(addresses) for identity, addresses in found.items()}
