"""What this domain knows of others, and of its own nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from licet.diag.diagnostic import Diagnostic
from licet.identity import findings
from licet.identity.domain import State
from licet.identity.federation.poll import LONGEST, SHORTEST
from licet.identity.node.roster import Condition, Known

_MISSED = 3
"""Looks at a bundle that went by without one that went well."""


def examine_federation(state: State, now: datetime) -> Iterator[Diagnostic]:
    """The bundle of every trusted domain is there, and as fresh as its publisher suggests; one that was given stays."""
    for foreign in state.foreign:
        if foreign.distrusted:
            continue
        if foreign.bundle is None or foreign.fetched_at is None:
            yield findings.never_fetched(foreign.trust_domain, foreign.failure)
            continue
        expected = _MISSED * max(SHORTEST, min(LONGEST, foreign.bundle.refresh_hint))
        if foreign.url and (now - foreign.fetched_at).total_seconds() > expected:
            yield findings.stale(foreign.trust_domain, now - foreign.fetched_at, foreign.failure)


def examine_nodes(state: State, nodes: Sequence[Known], now: datetime) -> Iterator[Diagnostic]:
    """The certificate of every node is valid, and those that are live follow."""
    for node in nodes:
        condition = node.condition(now)
        if condition is not Condition.BANNED and node.expires_at <= now:
            yield findings.expired_node(node, now)
        elif condition is Condition.LIVE and node.applied_version < state.version:
            yield findings.behind(node, state.version - node.applied_version)
