"""Facts of a cluster that no manifest holds."""

from __future__ import annotations

import msgspec

from licet.model.addresses import AddressSet


class GatewayFact(msgspec.Struct, frozen=True):
    """Where a gateway or ingress controller runs: its pods are in `namespace`. `exposure` is `World` or `Cluster`."""

    name: str
    namespace: str
    exposure: str = "World"


class Platform(msgspec.Struct, frozen=True):
    """What the user says of the cluster; empty sets and tuples where nothing is said."""

    cluster: str = ""
    pod_addresses: AddressSet = AddressSet()
    node_addresses: AddressSet = AddressSet()
    gateways: tuple[GatewayFact, ...] = ()


UNKNOWN_PLATFORM = Platform()
