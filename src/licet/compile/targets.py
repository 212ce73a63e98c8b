"""The targets by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from licet.compile import clusternetworkpolicy, networkpolicy
from licet.compile.compiled import Compiled
from licet.compile.table import CLUSTER_NETWORK_POLICY, NETWORK_POLICY
from licet.contracts.agreement import Agreements
from licet.model.cluster import Cluster
from licet.model.profile import Profile


class Target(Protocol):
    """Agreements to objects of one kind of enforcer."""

    def __call__(self, agreements: Agreements, cluster: Cluster, widen: bool, profile: Profile) -> Compiled:
        """Everything it writes, and how faithful that is."""


TARGETS: Mapping[str, Target] = MappingProxyType(
    {NETWORK_POLICY: networkpolicy.compile, CLUSTER_NETWORK_POLICY: clusternetworkpolicy.compile}
)
"""What `--target` takes."""
