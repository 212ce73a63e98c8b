"""Which kind of edge comes out how on which target: the published table, which the compiler goes by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from licet.compile.compiled import Level
from licet.contracts.agreement import EdgeKind
from licet.model.policy import Direction

NETWORK_POLICY = "networkpolicy"
CLUSTER_NETWORK_POLICY = "clusternetworkpolicy"


class Expressed(msgspec.Struct, frozen=True):
    """What a target makes of one kind of edge, seen from the isolated workload: as its call and as its caller.

    `reason` says why one of them is not exact. `on_request` is True where widening, asked for, lets the edge through.
    """

    call: Level
    caller: Level
    reason: str = ""
    on_request: bool = False

    def level(self, direction: Direction) -> Level:
        """Egress is a call, ingress a caller."""
        return self.call if direction is Direction.EGRESS else self.caller


_EXACT = Expressed(Level.EXACT, Level.EXACT)
_NO_NAMES = Expressed(
    Level.UNSUPPORTED, Level.UNSUPPORTED, "policies of addresses and labels know no DNS names", on_request=True
)
_NO_IDENTITIES = Expressed(Level.UNSUPPORTED, Level.UNSUPPORTED, "policies of addresses and labels know no SPIFFE IDs")
_NO_CLUSTERS = Expressed(
    Level.UNSUPPORTED, Level.UNSUPPORTED, "policies of addresses and labels end where the cluster ends"
)
NO_INGRESS = "ClusterNetworkPolicy has no ingress peer but pods, so that it neither admits nor refuses anybody else"
"""Why callers that are no pods are not expressed there, and not refused either."""
_CALLS_ONLY = Expressed(Level.EXACT, Level.UNSUPPORTED, NO_INGRESS)

TABLE: Mapping[str, Mapping[EdgeKind, Expressed]] = MappingProxyType(
    {
        NETWORK_POLICY: MappingProxyType(
            {
                EdgeKind.WORKLOAD: _EXACT,
                EdgeKind.SERVICE: _EXACT,
                EdgeKind.SELF: _EXACT,
                EdgeKind.NAMESPACE: _EXACT,
                EdgeKind.GATEWAY: _EXACT,
                EdgeKind.RESOLVER: _EXACT,
                EdgeKind.METRICS: _EXACT,
                EdgeKind.CIDR: _EXACT,
                EdgeKind.API_SERVER: _EXACT,
                EdgeKind.NODES: _EXACT,
                EdgeKind.WORLD: _EXACT,
                EdgeKind.DOMAIN: _NO_NAMES,
                EdgeKind.IDENTITY: _NO_IDENTITIES,
                EdgeKind.CLUSTER: _NO_CLUSTERS,
            }
        ),
        CLUSTER_NETWORK_POLICY: MappingProxyType(
            {
                EdgeKind.WORKLOAD: _EXACT,
                EdgeKind.SERVICE: _EXACT,
                EdgeKind.SELF: _EXACT,
                EdgeKind.NAMESPACE: _EXACT,
                EdgeKind.GATEWAY: _EXACT,
                EdgeKind.RESOLVER: _EXACT,
                EdgeKind.METRICS: _EXACT,
                EdgeKind.CIDR: _CALLS_ONLY,
                EdgeKind.API_SERVER: _CALLS_ONLY,
                EdgeKind.NODES: _CALLS_ONLY,
                EdgeKind.WORLD: _CALLS_ONLY,
                EdgeKind.DOMAIN: _NO_NAMES,
                EdgeKind.IDENTITY: _NO_IDENTITIES,
                EdgeKind.CLUSTER: _NO_CLUSTERS,
            }
        ),
    }
)
"""Target, kind of edge, how it comes out where nothing special holds of its ends."""
