"""Who is let in no more, where an agreement has gone or a workload has come to be enforced.

The policy of a port refuses the next request and the next connection; of what is open it says nothing.
"""

from __future__ import annotations

from licet.mesh.fleet import Fleet, Stage
from licet.mesh.severing.connections import Held
from licet.mesh.verdict import Request, known
from licet.model.key import Key


def lost(before: Fleet, after: Fleet, workload: Key, node: str, held: Held) -> bool:
    """Whether a connection to a sidecar of this workload was let in before, and would not be now.

    An identity that is let in to anything is let in. Where its instances are plays no part: a control plane that does
    not see them for a while ends nothing by that.
    """
    return _lets_in(before, workload, node, held) and not _lets_in(after, workload, node, held)


def _lets_in(fleet: Fleet, workload: Key, node: str, held: Held) -> bool:
    intent = fleet.intents.get(workload)
    if intent is None or not held.port or fleet.stage(node) is not Stage.ENFORCE or held.identity == fleet.prober:
        return True
    request = Request(held.port, held.identity, str(held.ends.remote.address))
    return any(known(rule, request) for served in intent.serves if served.port == held.port for rule in served.rules)
