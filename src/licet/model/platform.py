"""Facts of a cluster that no manifest holds."""

from __future__ import annotations

import msgspec

from licet.model.addresses import AddressSet
from licet.model.selector import EVERYTHING, Selector


class GatewayFact(msgspec.Struct, frozen=True):
    """Where a gateway or ingress controller runs: its pods are those of `namespace` that `pods` selects.

    `exposure` is `World` or `Cluster`.
    """

    name: str
    namespace: str
    exposure: str = "World"
    pods: Selector = EVERYTHING


class Resolver(msgspec.Struct, frozen=True):
    """Where cluster DNS answers: a Service, and the address of NodeLocal DNS, "" where there is none."""

    namespace: str = "kube-system"
    service: str = "kube-dns"
    node_local: str = ""


class Scraper(msgspec.Struct, frozen=True):
    """The pods that collect metrics."""

    namespace: str
    pods: Selector


class Platform(msgspec.Struct, frozen=True):
    """What the user says of the cluster; empty and None where nothing is said.

    `mode` is what contracts inherit, a word of `licet.contracts`.
    """

    cluster: str = ""
    trust_domain: str = ""
    mode: str = ""
    enforcers: tuple[str, ...] = ()
    pod_addresses: AddressSet = AddressSet()
    node_addresses: AddressSet = AddressSet()
    api_server: AddressSet = AddressSet()
    resolver: Resolver | None = None
    metrics: Scraper | None = None
    gateways: tuple[GatewayFact, ...] = ()


UNKNOWN_PLATFORM = Platform()
