"""What decisions are made by at one moment, and under which version."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator, Mapping, Set

import msgspec

from licet.mesh.fleet import Fleet
from licet.mesh.intent import Intent, Proof
from licet.model.key import Key


class Standing(msgspec.Struct, frozen=True):
    """A fleet with its version, and its workloads by what a question may know them by.

    Two with one version decide alike. `by_address` and `by_identity` have what belongs to one workload alone.
    """

    fleet: Fleet
    version: str
    by_name: Mapping[str, Key]
    by_address: Mapping[str, Key]
    by_identity: Mapping[str, Key]
    identities: frozenset[str]
    """Every SPIFFE ID that a contract speaks of."""

    @classmethod
    def of(cls, fleet: Fleet) -> Standing:
        """The fleet as it stands."""
        instances = {key: held for key, held in fleet.instances.items() if key in fleet.intents}
        addresses = [(each.address, key) for key, held in instances.items() for each in held]
        identities = [(intent.identity, key) for key, intent in fleet.intents.items() if intent.identity]
        return cls(
            fleet,
            version(fleet),
            {str(key): key for key in fleet.intents},
            _alone(addresses),
            _alone(identities),
            frozenset(identity for intent in fleet.intents.values() for identity in _named(intent)),
        )


def version(fleet: Fleet) -> str:
    """A version that follows from everything that decisions are made by, and from nothing else."""
    decisive = (fleet.intents, fleet.instances, fleet.denied, fleet.bound)
    return hashlib.sha256(_text(decisive).encode()).hexdigest()[:16]


def _named(intent: Intent) -> Iterator[str]:
    yield intent.identity
    for served in intent.serves:
        for rule in served.rules:
            if isinstance(rule.who, Proof):
                yield from rule.who.identities


def _alone(pairs: list[tuple[str, Key]]) -> Mapping[str, Key]:
    found: dict[str, set[Key]] = {}
    for name, key in pairs:
        found.setdefault(name, set()).add(key)
    return {name: min(keys) for name, keys in found.items() if len(keys) == 1}


def _text(value: object) -> str:
    """The same for equal values, whatever the order of their sets and mappings."""
    match value:
        case msgspec.Struct():
            inner = (_text(getattr(value, name)) for name in value.__struct_fields__)
            return f"{type(value).__name__}({','.join(inner)})"
        case enum.Enum():
            return value.name
        case Mapping():
            return "{" + ",".join(sorted(f"{_text(name)}:{_text(held)}" for name, held in value.items())) + "}"
        case Set():
            return "{" + ",".join(sorted(map(_text, value))) + "}"
        case tuple() | list():
            return "[" + ",".join(map(_text, value)) + "]"
        case _:
            return repr(value)
