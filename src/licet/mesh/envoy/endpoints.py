"""Where the instances of a callee are."""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.endpoint.v3.endpoint_components_pb2 import (  # type: ignore[import-untyped]
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment  # type: ignore[import-untyped]

from licet.mesh.envoy import names
from licet.mesh.envoy.address import inet
from licet.mesh.sidecar import Instance


def assignment(destination: str, instances: Iterable[Instance], port: int) -> ClusterLoadAssignment:
    """The instances at this port, as those of the cluster of `destination`.

    Of no instance there is an assignment too, an empty one: a request then finds nobody, and goes nowhere else.
    """
    found = sorted({each.address for each in instances})
    at = [LbEndpoint(endpoint=Endpoint(address=inet(each, port))) for each in found]
    return ClusterLoadAssignment(
        cluster_name=names.outbound(destination), endpoints=[LocalityLbEndpoints(lb_endpoints=at)] if at else []
    )
