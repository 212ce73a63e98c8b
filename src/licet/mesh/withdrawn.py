"""Contracts that are gone while sidecars stand before their workloads.

To take a contract away takes away no less than to take all of its lines away. Its sidecars would else go on with what
they were told last, and hear of no revocation any more.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from licet.mesh.assembly import Known
from licet.mesh.intent import Intent
from licet.model.key import Key


def kept(known: Known, declared: Mapping[Key, Intent]) -> Mapping[Key, Intent]:
    """What is declared, and for each workload that has instances and a contract no more, one that agrees to nothing.

    How far it is enforced stays: where it was watched, that is all that happens to it now too.
    """
    gone = {
        key: agreeing_to_nothing(intent)
        for key, intent in known.intents.items()
        if key not in declared and known.instances.get(str(key))
    }
    return {**gone, **declared} if gone else declared


def agreeing_to_nothing(intent: Intent) -> Intent:
    """The same ports, which let nobody in, and no calls."""
    serves = tuple(msgspec.structs.replace(served, rules=()) for served in intent.serves)
    return msgspec.structs.replace(intent, serves=serves, calls=())
