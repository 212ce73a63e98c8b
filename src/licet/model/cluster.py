"""Everything known of one cluster, as one value."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from licet.model.platform import UNKNOWN_PLATFORM, Platform
from licet.model.policy import ClusterPolicy, NetworkPolicy
from licet.model.service import EndpointSlice, Gateway, ReferenceGrant, Route, Service
from licet.model.workload import Namespace, Workload


class Cluster(msgspec.Struct, frozen=True):
    """An immutable picture.

    Every namespace that an object stands in has an entry in `namespaces`; keys are unique within each tuple; the order
    is that of the input.
    """

    namespaces: Mapping[str, Namespace]
    workloads: tuple[Workload, ...] = ()
    network_policies: tuple[NetworkPolicy, ...] = ()
    cluster_policies: tuple[ClusterPolicy, ...] = ()
    services: tuple[Service, ...] = ()
    slices: tuple[EndpointSlice, ...] = ()
    routes: tuple[Route, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    grants: tuple[ReferenceGrant, ...] = ()
    platform: Platform = UNKNOWN_PLATFORM
